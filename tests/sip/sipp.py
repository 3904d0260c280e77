"""SIPp as a phone, and as a carrier: its scenarios, and one process for each."""

from processes import free_port

HEAD = '<?xml version="1.0" encoding="UTF-8" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="test">\n'

SDP = """v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""

# Where the two ends of a dialog know each other from.
VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport\nMax-Forwards: 70\n"


def send(text, body="", retrans=True, attributes=""):
    head = text + (f"Content-Type: application/sdp\nContent-Length: [len]\n\n{body}" if body else "Content-Length: 0\n\n")
    repeat = ' retrans="500"' if retrans else ""
    return f"<send{repeat}{attributes}><![CDATA[\n{head}\n]]></send>\n"


def receive(what, optional=False, attributes=""):
    kind = "response" if what[0].isdigit() else "request"
    return f'<recv {kind}="{what}"{" optional=" + chr(34) + "true" + chr(34) if optional else ""}{attributes}/>\n'


def reply(status, body="", retrans=False):
    return send(f"SIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]s[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n"
                "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>\n", body, retrans)


def register(domain, user, password):
    def once(cseq, credentials):
        return send(f"REGISTER sip:{domain} SIP/2.0\n{VIA}From: <sip:{user}@{domain}>;tag=[pid]r\nTo: <sip:{user}@{domain}>\n"
                    f"Call-ID: reg///[call_id]\nCSeq: {cseq} REGISTER\n"
                    f"Contact: <sip:{user}@[local_ip]:[local_port];transport=[transport]>\nExpires: 600\n{credentials}User-Agent: SIPp\n")
    return (once(1, "") + receive("401", attributes=' auth="true"')
            + once(2, f"[authentication username={user} password={password}]\n") + receive("200"))


class Dialog:
    """The requests of one who calls."""

    def __init__(self, domain, user, password, number, body=SDP, credentials=True):
        self.uri = f"sip:{number}@{domain}"
        self.ends = (f"From: <sip:{user}@{domain}>;tag=[pid]c[call_number]\nTo: <{self.uri}>", "Call-ID: [call_id]\n")
        self.contact = f"Contact: <sip:{user}@[local_ip]:[local_port];transport=[transport]>\n"
        self.credentials = f"[authentication username={user} password={password}]\n" if credentials else ""
        self.body = body

    def request(self, method, cseq, headers="", body="", peer=False, retrans=True):
        to, call = self.ends
        target = "[next_url]" if peer else self.uri
        return send(f"{method} {target} SIP/2.0\n{VIA}{to}{'[peer_tag_param]' if peer else ''}\n{call}CSeq: {cseq} {method}\n"
                    f"{headers}", body, retrans)

    def invite(self, cseq=1, credentials=True):
        headers = self.contact + (self.credentials if credentials else "")
        return self.request("INVITE", cseq, headers, self.body)

    def challenged(self):
        """An INVITE, its 401, its ACK, and the INVITE again."""
        to, call = self.ends
        ack = send(f"ACK {self.uri} SIP/2.0\n[last_Via:]\nMax-Forwards: 70\n{to}[peer_tag_param]\n{call}CSeq: 1 ACK\n", retrans=False)
        return self.invite(credentials=False) + receive("100", True) + receive("401", attributes=' auth="true"') + ack + self.invite(2)

    def ack_failure(self):
        to, call = self.ends
        return send(f"ACK {self.uri} SIP/2.0\n[last_Via:]\nMax-Forwards: 70\n{to}[peer_tag_param]\n{call}CSeq: 2 ACK\n", retrans=False)

    def cancel(self):
        to, call = self.ends
        return send(f"CANCEL {self.uri} SIP/2.0\n[last_Via:]\nMax-Forwards: 70\n{to}\n{call}CSeq: 2 CANCEL\n", retrans=False)

    def answered(self, cseq=2):
        return (receive("100", True) + receive("180", True) + receive("183", True) + receive("200", attributes=' rrs="true"')
                + self.request("ACK", cseq, peer=True, retrans=False))

    def bye(self, cseq=3):
        return self.request("BYE", cseq, peer=True) + receive("200")


def pause(milliseconds):
    return f'<pause milliseconds="{milliseconds}"/>\n'


def answer_a_call(end=""):
    """The other side: rings, answers, and is hung up on, or does what `end` says."""
    ends = ('<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>'
            '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/></action>')
    invite = f'<recv request="INVITE" rrs="true">{ends if end else ""}</recv>\n'
    return (invite + reply("100 Trying") + reply("180 Ringing") + pause(100) + reply("200 OK", SDP, True) + receive("ACK")
            + (end or receive("BYE") + reply("200 OK")))


def hang_up():
    """What the called side ends a call with: the ends of the dialog change places."""
    return ('<send retrans="500"><![CDATA[\nBYE [next_url] SIP/2.0\n' + VIA + "From: [$to];tag=[pid]s[call_number]\nTo: [$from]\n[routes]\n"
            "Call-ID: [call_id]\nCSeq: 1 BYE\nContent-Length: 0\n\n]]></send>\n" + receive("200"))


def be_busy():
    return receive("INVITE") + reply("486 Busy Here", retrans=True) + receive("ACK")


def be_cancelled():
    # the 200 of the CANCEL, and the 487 of the INVITE with the CSeq of that
    ended = send("SIP/2.0 487 Request Terminated\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]s[call_number]\n[last_Call-ID:]\n"
                 "CSeq: [$cseq] INVITE\n")
    keep = ('<recv request="INVITE"><action><ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="cseq"/></action></recv>\n')
    return keep + reply("180 Ringing") + receive("CANCEL") + reply("200 OK") + ended + receive("ACK")


class Sipp:
    """One phone, or carrier, at an address of its own."""

    def __init__(self, processes, server_port, transport="udp", host="127.0.0.1"):
        self.processes, self.server_port, self.transport = processes, server_port, transport
        self.host, self.port = host, free_port(host)

    def start(self, scenario):
        folder = self.processes.new_folder("sipp")
        (folder / "scenario.xml").write_text(HEAD + scenario + "</scenario>\n", encoding="utf-8")
        return self.processes.start(folder, [
            "sipp", f"127.0.0.1:{self.server_port}", "-sf", "scenario.xml", "-m", "1", "-i", self.host, "-p", str(self.port),
            "-t", {"udp": "u1", "tcp": "t1"}[self.transport], "-nostdin", "-timeout", "60s", "-timeout_error", "-trace_err",
            "-error_file", "errors", "-trace_msg", "-message_file", "messages"])

    def run(self, scenario):
        self.finish(self.start(scenario))

    @staticmethod
    def finish(process):
        status = process.wait()
        folder = process.output.parent
        if status != 0:
            said = "".join((folder / name).read_text(errors="replace")[-4000:] for name in ("errors", "messages")
                           if (folder / name).exists())
            raise AssertionError(f"SIPp ended with {status}:\n{said}")
