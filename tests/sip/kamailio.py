"""Kamailio as a carrier that challenges us, and hands what it lets through to a phone of its own."""

import glob

from processes import free_port, wait_until

[MODULES] = glob.glob("/usr/lib/*/kamailio/modules")

CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
fork=no
children=1
disable_tcp=yes
listen=udp:127.0.0.3:{port}
mpath="{modules}/"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "auth.so"
request_route {{
    if (is_method("ACK") && !has_totag()) {{
        t_check_trans();
        exit;
    }}
    if (has_totag()) {{
        loose_route();
        t_relay();
        exit;
    }}
    if (is_method("OPTIONS")) {{
        sl_send_reply("200", "Alive");
        exit;
    }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("carrier.example", "{password}", "0") || $au != "{user}") {{
            www_challenge("carrier.example", "0");
            exit;
        }}
        append_to_reply("Contact: $ct;expires=120\\r\\n");
        sl_send_reply("200", "OK");
        xlog("L_WARN", "registered $au\\n");
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (!pv_proxy_authenticate("carrier.example", "{password}", "0") || $au != "{user}") {{
        xlog("L_WARN", "challenged $rU\\n");
        proxy_challenge("carrier.example", "0");
        exit;
    }}
    xlog("L_WARN", "let through $rU\\n");
    consume_credentials();
    record_route();
    $du = "sip:127.0.0.1:{phone}";
    t_relay();
}}
"""


class Kamailio:
    def __init__(self, processes, phone, user, password):
        folder = processes.new_folder("kamailio")
        self.port = free_port("127.0.0.3")
        self.host = f"127.0.0.3:{self.port}"
        (folder / "kamailio.cfg").write_text(
            CONFIG.format(port=self.port, phone=phone, user=user, password=password, modules=MODULES), encoding="utf-8")
        self.process = processes.start(folder, ["/usr/sbin/kamailio", "-f", "kamailio.cfg", "-DD", "-E", "-m", "32", "-M", "8",
                                                "-Y", str(folder), "-w", str(folder)])
        wait_until(self._is_up, lambda: f"Kamailio does not start:\n{self.process.text()[-3000:]}")

    def _is_up(self):
        assert not self.process.ended(), self.process.text()[-3000:]
        with open("/proc/net/udp", encoding="ascii") as sockets:
            return f"0300007F:{self.port:04X} " in sockets.read()

    def said(self, what):
        return self.process.text().count(what)
