"""The verifiers of docs/webhooks.md, each run on what the program has signed."""

import json
import pathlib
import re
import subprocess

import pytest

from support.people import Account
from support.receiver import Receiver
from support.server import Server
from test_webhooks import make, send_test

PAGE = (pathlib.Path(__file__).parents[2] / "docs/webhooks.md").read_text(encoding="utf-8")
C_MAIN = """
int main(int count, char **words)
{
    static unsigned char body[65536];
    size_t size = fread(body, 1, sizeof(body), stdin);
    return count == 5 && verify(words[1], words[2], words[3], words[4], body, size) ? 0 : 1;
}
"""
JS_MAIN = """
const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", () => {
  const [secret, id, time, signature] = process.argv.slice(2);
  const headers = {"webhook-id": id, "webhook-timestamp": time, "webhook-signature": signature};
  process.exitCode = verify(secret, headers, Buffer.concat(chunks)) ? 0 : 1;
});
"""
NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")


def code(language):
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)
    assert len(found) == 1, f"docs/webhooks.md has {len(found)} pieces of {language}"
    return found[0]


def in_python(_):
    space = {}
    exec(code("python"), space)  # noqa: S102 the page's own code
    return lambda secret, fields, body: space["verify"](secret, dict(zip(NAMES, fields)), body)


def by_command(*command):
    def verify(secret, fields, body):
        done = subprocess.run([*command, secret, *fields], input=body, capture_output=True, timeout=60, check=False)
        assert done.returncode in (0, 1) and not done.stderr, done
        return done.returncode == 0
    return verify


def in_node(folder):
    (folder / "verify.js").write_text(code("js") + JS_MAIN)
    return by_command("node", folder / "verify.js")


def in_c(folder):
    (folder / "verify.c").write_text(code("c") + C_MAIN)
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o", folder / "verify", folder / "verify.c",
                    "-lcrypto"], check=True)
    return by_command(folder / "verify")


@pytest.fixture(scope="module")
def received(tmp_path_factory):
    """A request as it came, and the secret that it is signed with."""
    with Server(tmp_path_factory.mktemp("server"), WEBHOOK_PRIVATE_ADDRESSES="127.0.0.1") as server, Receiver() as receiver:
        owner = Account(server)
        webhook = make(owner, receiver.url())
        send_test(owner, webhook)
        request, = receiver.wait(1)
    return webhook["secret"], [request.headers[name] for name in NAMES], request.body


@pytest.mark.parametrize("language", [in_python, in_node, in_c])
def test_a_verifier(tmp_path, received, language):
    verify = language(tmp_path)
    secret, (number, moment, signature), body = received
    assert verify(secret, (number, moment, signature), body)
    assert json.loads(body)["type"] == "webhook.test"
    other = "v1," + signature[4:] + signature[3]
    for wrong in ((secret, (number, moment, signature), body + b" "), (secret, (number, moment, signature), body[:-1]),
                  (secret, (number + "0", moment, signature), body), (secret, (number, str(int(moment) + 1), signature), body),
                  (secret, (number, moment, other), body), (secret, (number, moment, "v2," + signature[3:]), body),
                  (secret, (number, moment, ""), body), (secret, (number, moment, "v1,"), body),
                  ("whsec_" + "A" * 43 + "=", (number, moment, signature), body)):
        assert not verify(*wrong), wrong


@pytest.mark.parametrize("language", [in_python, in_node, in_c])
def test_an_old_request(tmp_path, language):
    """A good signature of long ago."""
    import base64
    import hashlib
    import hmac
    verify = language(tmp_path)
    key = b"0" * 32
    secret = "whsec_" + base64.b64encode(key).decode()
    mac = hmac.new(key, b"1.1700000000.{}", hashlib.sha256).digest()
    assert not verify(secret, ("1", "1700000000", "v1," + base64.b64encode(mac).decode()), b"{}")
