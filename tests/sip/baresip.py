"""baresip without any sound card: it plays a tone to the other side. Driven through its control socket."""

import json
import socket

from processes import free_port, wait_until

CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:0
call_local_timeout 120
call_max_calls 4
audio_player aubridge,silence
audio_source ausine,440
audio_alert aubridge,alert
ausrc_srate 48000
ausrc_channels 2
auplay_srate 8000
auplay_channels 1
rtp_timeout 0
net_interface 127.0.0.1
module_path /usr/lib/baresip/modules
module g711.so
module ausine.so
module aubridge.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


class Baresip:
    def __init__(self, processes, office, device, transport="udp", answer="manual"):
        folder = processes.new_folder("baresip")
        control = free_port()
        (folder / "config").write_text(CONFIG.format(control=control), encoding="utf-8")
        (folder / "contacts").write_text("", encoding="utf-8")
        (folder / "accounts").write_text(
            f"<sip:{device.username}@127.0.0.1:{office.ports[transport]};transport={transport}>;auth_pass={device.password}"
            f";answermode={answer};regint=600;audio_codecs=PCMU\n", encoding="utf-8")
        self.process = processes.start(folder, ["baresip", "-4", "-f", str(folder), "-v", "-s"])
        self.socket = wait_until(lambda: self._connect(control), lambda: f"baresip does not start:\n{self.process.text()}")
        self.bytes = b""
        self.events = []

    def _connect(self, port):
        assert not self.process.ended(), self.process.text()
        try:
            connection = socket.create_connection(("127.0.0.1", port), 5)
        except OSError:
            return None
        connection.settimeout(60)
        return connection

    def _message(self):
        """The next message, as a netstring has it."""
        while True:
            size, colon, rest = self.bytes.partition(b":")
            if colon and len(rest) > int(size):
                text, self.bytes = rest[:int(size)], rest[int(size) + 1:]
                return json.loads(text)
            more = self.socket.recv(65536)
            assert more, f"baresip has gone:\n{self.process.text()[-3000:]}"
            self.bytes += more

    def event(self, kind):
        """The next event of that type; others wait."""
        while True:
            for i, event in enumerate(self.events):
                if event["type"] == kind:
                    return self.events.pop(i)
            message = self._message()
            if message.get("event"):
                self.events.append(message)

    def command(self, name, parameters=""):
        text = json.dumps({"command": name, "params": parameters, "token": "t"}).encode()
        self.socket.sendall(b"%d:%s," % (len(text), text))
        while True:
            message = self._message()
            if message.get("response"):
                assert message["ok"], message
                return message["data"]
            self.events.append(message)

    def dial(self, number):
        self.command("dial", number)

    def quit(self):
        self.command("quit")
        assert self.process.wait() == 0, self.process.text()[-3000:]
