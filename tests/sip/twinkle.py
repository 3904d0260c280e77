"""Twinkle's console without any sound card: driven by what is typed, read by what it prints."""

from processes import free_port, wait_until

SOUND = "pcm.!default { type null }\nctl.!default { type null }\n"

USER = """\
user_name={device.username}
user_domain=127.0.0.1:{port}
auth_name={device.username}
auth_pass={device.password}
registrar=127.0.0.1:{port}
register_at_startup=yes
registration_time=600
sip_transport={transport}
sip_transport_udp_threshold=65000
ext_100rel={reliable}
"""

SYSTEM = """\
dev_ringtone=alsa:default
dev_speaker=alsa:default
dev_mic=alsa:default
validate_audio_dev=no
play_ringtone=no
play_ringback=no
sip_port={sip}
rtp_port={rtp}
"""


class Twinkle:
    def __init__(self, processes, office, device, transport="udp", reliable="supported"):
        folder = processes.new_folder("twinkle")
        self.port = office.ports[transport]
        home = folder / ".twinkle"
        home.mkdir()
        (folder / ".asoundrc").write_text(SOUND, encoding="utf-8")
        (home / "phone.cfg").write_text(USER.format(
            device=device, port=self.port, transport=transport, reliable=reliable), encoding="utf-8")
        (home / "twinkle.sys").write_text(SYSTEM.format(sip=free_port(), rtp=free_port()), encoding="utf-8")
        self.log = home / "twinkle.log"
        self.process = processes.start(folder, ["twinkle-console", "phone.cfg"], typed=True)
        self.said("registration succeeded")

    def type(self, line):
        self.process.process.stdin.write(f"{line}\n".encode())
        self.process.process.stdin.flush()

    def said(self, text, times=1):
        """Waits until it has printed a text so often."""
        wait_until(lambda: self.process.text().count(text) >= times,
                   lambda: f"Twinkle does not say {text!r} {times} times:\n{self.process.text()[-3000:]}")

    def sent(self, method):
        """How many requests of a method it has sent, as its log has them."""
        return self.log.read_text(encoding="utf-8", errors="replace").count(f"\n{method} sip:")

    def dial(self, number):
        self.type(f"call sip:{number}@127.0.0.1:{self.port}")

    def quit(self):
        self.type("quit")
        assert self.process.wait() == 0, self.process.text()[-3000:]
