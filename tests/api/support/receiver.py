"""Receivers of webhooks that do what a test says."""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import threading

from .moment import wait_for


class Request:
    """What was received."""

    def __init__(self, path, headers, body):
        self.path = path
        self.headers = headers
        self.body = body

    @property
    def id(self):
        return int(self.headers["webhook-id"])

    @property
    def event(self):
        return json.loads(self.body)

    def is_signed_with(self, secret):
        """Whether the signature is that of the Standard Webhooks specification."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        text = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        mine = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        return hmac.compare_digest(mine, self.headers["webhook-signature"])


class Receiver:
    """An HTTP server on a port of the kernel's choice; `answer` may be replaced at any time."""

    def __init__(self):
        self.requests = []
        self.answer = answer_with(200)
        self.ending = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = Request(self.path, dict(self.headers), body)
                receiver.requests.append(request)
                with contextlib.suppress(OSError):
                    receiver.answer(self, request)

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                """The other side may go away at any time."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def wait(self, count, seconds=60):
        """The requests, once there are that many."""
        wait_for(lambda: len(self.requests) >= count, f"{count} requests (there are {len(self.requests)})", seconds)
        return list(self.requests)


def answer_with(status, body=b"done", **headers):
    """Answers every request alike."""
    def answer(handler, _):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    return answer
