"""An HTTP client that holds every reply against the contract and records it."""

import json
import re
from urllib.parse import parse_qsl, urlsplit

import requests

from .record import RECORD

# Shorter values could appear in a log by chance.
SHORTEST_SECRET = 8
PASSWORDS = ("password", "current_password", "new_password")
API_KEY = re.compile(rb'"(ctk_[A-Za-z0-9_-]{38})"')


class Client(requests.Session):
    """A requests.Session that takes paths, follows no redirect, and checks each reply."""

    def __init__(self, server, token=None):
        super().__init__()
        self.server = server
        self.trust_env = False
        self.verify = server.certificate or True
        if token is not None:
            self.headers["Authorization"] = f"Bearer {token}"

    def request(self, method, url, **options):
        options.setdefault("timeout", 60)
        options["allow_redirects"] = False
        return super().request(method, self.server.url + url, **options)

    def send(self, request, **options):
        self.server.secrets.update(secrets_of_request(request.headers, request.body))
        response = super().send(request, **options)
        judge(self.server, request.method, urlsplit(request.url).path or "/", response.status_code,
              response.headers, response.content, request.body)
        return response


def judge(server, method, path, status, headers, body, request_body=None):
    """Holds one exchange against the contract and records it."""
    contract = server.contract
    server.secrets.update(secrets_of_reply(body))
    contract.judge(method, path, status, headers, body)
    template = None if path is None else contract.template(path)
    if template is not None:
        # a body that is made while it is sent says nothing about its form
        whole = request_body if isinstance(request_body, (bytes, str, type(None))) else b""
        RECORD.note(method, template, status, contract.body_fits(method, template, whole))


def secrets_of_request(headers, body):
    """What of a request must never be logged: its token, its password, a body as a whole."""
    found = {word for word in headers.get("Authorization", "").split()[1:] if len(word) >= 16}
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    if isinstance(body, str) and len(body) >= 16:
        found.add(body)
        found.update(_passwords(body))
    return found


def _passwords(body):
    try:
        value = json.loads(body)
        pairs = value.items() if isinstance(value, dict) else ()
    except (ValueError, RecursionError):
        pairs = parse_qsl(body)
    return {text for name, text in pairs
            if name in PASSWORDS and isinstance(text, str) and len(text) >= SHORTEST_SECRET}


def secrets_of_reply(body):
    """The token or the API key in a reply."""
    if body.startswith(b'{"access_token"'):
        return {json.loads(body)["access_token"]}
    return {key.decode() for key in API_KEY.findall(body)}
