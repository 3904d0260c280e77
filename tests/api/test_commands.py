"""The command line: each subcommand, its help, its success, its failure."""

import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import termios
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import program, tokens
from support.database import opened, settings_of
from support.people import Account

COMMANDS = ["serve", "settings", "openapi", "user", "pool", "number", "backup", "restore", "check", "migrate-database", "token", "version"]
SETTINGS = ["SECRET_KEY", "ALGORITHM", "ACCESS_TOKEN_EXPIRE_MINUTES", "HOST", "PORT", "DATABASE_URL", "PASSWORD_HASH",
            "PASSWORD_MIN_LENGTH", "LOG_FORMAT", "LOG_LEVEL", "LOG_FILE", "HTTP_THREADS", "MAX_CONNECTIONS", "MAX_BODY_BYTES",
            "TLS_CERT_FILE", "TLS_KEY_FILE", "TRUSTED_PROXIES", "CORS_ORIGINS"]
KEY = {"SECRET_KEY": program.SECRET_KEY}


@pytest.fixture
def command(tmp_path):
    """Runs the program in a folder of this test's own; the passwords given to it must not come out."""
    def run(*arguments, password=None, folder=tmp_path, **settings):
        line = None if password is None else f"{password}\n"
        done = program.run(arguments, folder, settings, input=line or "")
        program.check_output(done.stdout + done.stderr, {password} if password else ())
        return done
    return run


def fails(done, *words):
    """The command failed and said why, in one line."""
    assert done.returncode > 0, done
    assert done.stdout == ""
    complaint = program.complaint(done)
    for word in words:
        assert word in complaint


def succeeds(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_command_prints_the_usage(command):
    done = command()
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage" in done.stderr.lower()
    for name in COMMANDS:
        assert name in done.stderr


def test_an_unknown_command(command):
    done = command("dance")
    assert done.returncode == 2
    assert "dance" in done.stderr


def test_help(command):
    for flag in ("--help", "-h", "help"):
        done = command(flag)
        if flag == "--help":
            assert done.returncode == 0
            for name in COMMANDS:
                assert name in done.stdout


@pytest.mark.parametrize("arguments", [[name] for name in COMMANDS] + [
    ["user", "add"], ["user", "list"], ["user", "set-password"], ["token", "issue"]])
def test_the_help_of_each_command(command, arguments):
    """Help works where nothing is set up: no key, no database."""
    done = command(*arguments, "--help", PORT="no port at all")
    assert done.returncode == 0
    assert done.stderr == ""
    assert arguments[0] in done.stdout and "usage" in done.stdout.lower()


def test_help_makes_nothing(command, tmp_path):
    for name in COMMANDS:
        command(name, "--help")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [
    ["serve", "now"], ["serve", "--port", "80"], ["settings", "--xml"], ["settings", "--env", "--markdown"], ["openapi", "x"],
    ["user"], ["user", "remove", "x"], ["user", "add"], ["user", "add", "a", "b"], ["user", "list", "x"], ["user", "set-password"],
    ["token"], ["token", "issue"], ["token", "issue", "a", "b"], ["token", "revoke", "a"], ["version", "x"]])
def test_wrong_arguments(command, arguments):
    fails(command(*arguments, **KEY))


def test_version(command):
    assert re.fullmatch(r"cloud-telephony \d+\.\d+\.\d+\n", succeeds(command("version")))


# --- settings

def test_settings_prints_each(command):
    shown = succeeds(command("settings", ACCESS_TOKEN_EXPIRE_MINUTES="77", **KEY))
    for name in SETTINGS:
        assert name in shown
    assert "77" in shown and "30" in shown
    assert program.SECRET_KEY not in shown


def test_settings_without_a_key(command):
    assert "SECRET_KEY" in succeeds(command("settings"))


def test_settings_with_a_wrong_value(command):
    fails(command("settings", PORT="x"), "PORT", "x")


def test_settings_hides_a_password_in_a_url(command):
    shown = command("settings", DATABASE_URL="postgresql://user:open-sesame@host/db").stdout
    assert "open-sesame" not in shown


@pytest.mark.parametrize("flag, path", [("--env", ".env.example"), ("--markdown", "docs/settings.md")])
def test_the_files_made_of_the_settings_are_fresh(command, flag, path):
    made = succeeds(command("settings", flag, ACCESS_TOKEN_EXPIRE_MINUTES="77", **KEY))
    assert made == (program.ROOT / path).read_text()
    for name in SETTINGS:
        assert name in made
    assert program.SECRET_KEY not in made


def test_the_example_file_is_a_valid_one(command, tmp_path):
    """Commented out it changes nothing; without the comment signs it says the defaults."""
    example = succeeds(command("settings", "--env"))
    before = succeeds(command("settings"))
    (tmp_path / ".env").write_text(example)
    assert succeeds(command("settings")) == before
    (tmp_path / ".env").write_text(re.sub(r"(?m)^#\s?([A-Z_]+=)", r"\1", example))
    assert succeeds(command("settings")) == before


# --- openapi

def test_openapi_is_what_the_server_answers(command, server):
    printed = succeeds(command("openapi", **KEY))
    assert json.loads(printed) == json.loads(server.client().get("/openapi.json").content)
    assert printed == succeeds(command("openapi"))


# --- user

def test_user_add_list_and_set_password(command, tmp_path, launch):
    assert "alice" in succeeds(command("user", "add", "alice", password="a good password"))
    assert "Bob Ü" in succeeds(command("user", "add", "Bob Ü", password="another password"))
    listed = succeeds(command("user", "list"))
    assert listed.index("alice") < listed.index("Bob Ü")
    succeeds(command("user", "set-password", "alice", password="a new password"))
    client = launch(folder=tmp_path).client()
    for name, password, status in (("alice", "a new password", 200), ("alice", "a good password", 401),
                                   ("Bob Ü", "another password", 200)):
        assert client.post("/auth/login", json={"username": name, "password": password}).status_code == status


def test_user_commands_beside_a_running_server(command, launch):
    server = launch()
    account = Account(server)
    succeeds(command("user", "add", "alice", password="a good password", folder=server.folder))
    succeeds(command("user", "set-password", account.name, password="a new password", folder=server.folder))
    client = server.client()
    assert client.post("/auth/login", json={"username": "alice", "password": "a good password"}).status_code == 200
    assert account.login().status_code == 401
    assert account.name in succeeds(command("user", "list", folder=server.folder))


def test_user_add_refuses(command):
    succeeds(command("user", "add", "alice", password="a good password"))
    fails(command("user", "add", "ALICE", password="a good password"), "ALICE")
    for name in ("", "x" * 65, "a\nb", "\u0085"):
        fails(command("user", "add", name, password="a good password"))
    fails(command("user", "add", "bob", password="1234567"), "8")
    fails(command("user", "add", "bob", password="x" * 2000))
    fails(command("user", "add", "bob"))
    fails(command("user", "set-password", "nobody", password="a good password"), "nobody")
    fails(command("user", "set-password", "alice", password="short"), "8")
    fails(command("user", "set-password", "alice", password="iloveyou1"), "most common")
    fails(command("user", "add", "bob the builder", password="Bob The Builder"), "must not be the username")
    fails(command("user", "grant-admin", "nobody"), "nobody")
    fails(command("user", "log-out", "nobody"), "nobody")
    fails(command("user", "revoke-admin", "nobody"), "nobody")
    assert succeeds(command("user", "list")).count("\n") == 2


def test_user_add_takes_a_line_of_any_end(command, tmp_path, launch):
    for name, given in (("lf", "the password\n"), ("crlf", "the password\r\n"), ("none", "the password")):
        done = program.run(["user", "add", name], tmp_path, input=given)
        succeeds(done)
    client = launch(folder=tmp_path).client()
    for name in ("lf", "crlf", "none"):
        assert client.post("/auth/login", json={"username": name, "password": "the password"}).status_code == 200


class Terminal:
    """A command on a terminal of its own: what it shows, and what is typed."""

    def __init__(self, arguments, folder):
        self.ours, theirs = pty.openpty()
        # the terminal of a session of its own, so that Ctrl-C is a signal
        self.process = subprocess.Popen(
            ["setsid", "--ctty", program.PROGRAM, *arguments], cwd=folder, env=program.environment(settings_of(folder)),
            stdin=theirs, stdout=theirs, stderr=theirs)
        self.theirs = theirs
        self.shown = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        self._let_go()

    def _let_go(self):
        """The end of what is shown comes once nobody has the other side."""
        if self.theirs is not None:
            os.close(self.theirs)
            self.theirs = None

    def echoes(self):
        return bool(termios.tcgetattr(self.ours)[3] & termios.ECHO)

    def wait_for(self, words):
        """Reads until these words are shown that were not shown before; forgets what came until then."""
        while words not in self.shown:
            assert self._read(), self.shown
        self.shown = self.shown.partition(words)[2]

    def _read(self):
        """Reads what comes next; False at the end."""
        ready, _, _ = select.select([self.ours], [], [], 20)
        assert ready, f"the command waits, having shown {self.shown!r}"
        try:
            piece = os.read(self.ours, 4096)
        except OSError:  # the other side is closed
            piece = b""
        self.shown += piece
        return bool(piece)

    def type(self, prompt, answer):
        start = len(self.shown)
        while prompt not in self.shown[start:]:
            assert self._read(), self.shown
        os.write(self.ours, answer + b"\n")

    def end(self):
        self._let_go()
        while self._read():
            pass
        return self.process.wait(20)


@pytest.mark.parametrize("again, status", [(b"open sesame", 0), (b"open simsim", 1)])
def test_on_a_terminal_the_password_is_asked_twice_and_not_shown(tmp_path, command, again, status):
    with Terminal(["user", "add", "alice"], tmp_path) as terminal:
        terminal.type(b"Password: ", b"open sesame")
        terminal.type(b"Again: ", again)
        assert terminal.end() == status, terminal.shown
        assert b"sesame" not in terminal.shown and b"simsim" not in terminal.shown
    assert ("alice" in succeeds(command("user", "list"))) == (status == 0)


@pytest.mark.parametrize("key, number", [(b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT), (None, signal.SIGTERM)])
def test_who_leaves_at_the_prompt_finds_the_terminal_as_it_was(tmp_path, key, number):
    with Terminal(["user", "add", "alice"], tmp_path) as terminal:
        terminal.wait_for(b"Password: ")
        assert not terminal.echoes()
        if key is None:
            terminal.process.send_signal(number)
        else:
            os.write(terminal.ours, key)
        assert terminal.process.wait(20) == -number
        assert terminal.echoes()


def test_ctrl_z_at_the_prompt_gives_the_terminal_back_meanwhile(tmp_path, command):
    with Terminal(["user", "add", "alice"], tmp_path) as terminal:
        terminal.wait_for(b"Password: ")
        # of an orphaned process group, where the kernel ignores Ctrl-Z: asked again, and all goes on
        os.write(terminal.ours, b"\x1a")
        terminal.wait_for(b"Password: ")
        assert not terminal.echoes()
        os.write(terminal.ours, b"open sesame\n")
        terminal.type(b"Again: ", b"open sesame")
        assert terminal.end() == 0, terminal.shown
    assert "alice" in succeeds(command("user", "list"))


def test_user_list_shows_nothing_secret(command):
    succeeds(command("user", "add", "alice", password="a good password"))
    assert "$argon2" not in succeeds(command("user", "list"))


def test_user_list_does_not_play_with_the_terminal(command, tmp_path):
    succeeds(command("user", "add", "alice", password="a good password"))
    with opened(tmp_path) as database:
        database.execute("INSERT INTO users (id, username, hashed_password) VALUES (4711, ?, 'x')", ("\x1b[2J\nforged\tline",))
    listed = succeeds(command("user", "list"))
    assert "\x1b" not in listed and listed.count("\n") == 3


def test_a_user_is_also_made_with_bcrypt(command, tmp_path):
    succeeds(command("user", "add", "alice", password="a good password", PASSWORD_HASH="bcrypt"))
    fails(command("user", "add", "bob", password="x" * 73, PASSWORD_HASH="bcrypt"), "72")
    with opened(tmp_path) as database:
        assert database.execute("SELECT hashed_password FROM users").fetchone()[0].startswith("$2b$12$")


# --- token

def test_token_issue_for_a_running_server(command, launch):
    server = launch()
    account = Account(server)
    token = succeeds(command("token", "issue", account.name, folder=server.folder, **KEY)).strip()
    _, claims = tokens.parts(token)
    assert claims["sub"] == str(account.id)
    assert claims["exp"] - claims["iat"] == 1800
    assert server.client(token).get("/auth/me").json()["username"] == account.name
    longer = succeeds(command("token", "issue", account.name, folder=server.folder, ACCESS_TOKEN_EXPIRE_MINUTES="9",
                              ALGORITHM="HS384", **KEY)).strip()
    header, claims = tokens.parts(longer)
    assert (header["alg"], claims["exp"] - claims["iat"]) == ("HS384", 540)


def test_token_issue_refuses(command):
    fails(command("token", "issue", "alice"), "SECRET_KEY")
    fails(command("token", "issue", "alice", **KEY), "alice")


# --- what all of them share

def test_a_database_that_cannot_be_opened(command):
    for arguments in (["user", "list"], ["user", "add", "alice"], ["user", "set-password", "alice"], ["token", "issue", "alice"]):
        fails(command(*arguments, password="a good password", DATABASE_URL="sqlite:///no/such/folder/x.db", **KEY), "no/such/folder")


def test_output_that_cannot_be_written(tmp_path):
    with open("/dev/full", "wb") as full:
        for arguments in (["version"], ["settings"], ["settings", "--env"], ["openapi"], ["metrics"], ["--help"], ["user", "list"], ["user", "--help"]):
            done = subprocess.run([program.PROGRAM, *arguments], cwd=tmp_path, env=program.environment(settings_of(tmp_path)), stdout=full,
                                  stderr=subprocess.PIPE, timeout=60)
            assert done.returncode > 0, arguments
            assert done.stderr


def test_many_first_starts_at_once_migrate_once(tmp_path, command):
    """Each of them finds the tables made, whoever made them."""
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda turn: program.run(["user", "add", f"user-{turn}"], tmp_path, {}, input="a good password\n"),
                             range(6)))
    assert [one.returncode for one in done] == [0] * 6, [one.stderr for one in done]
    assert succeeds(command("user", "list")).count("\n") == 7
    with opened(tmp_path) as database:
        steps = [number for number, in database.execute("SELECT number FROM schema_migrations ORDER BY number")]
    assert steps == list(range(1, len(steps) + 1))


def test_the_program_needs_no_home_nor_path(tmp_path):
    done = subprocess.run([pathlib.Path(program.PROGRAM), "version"], cwd=tmp_path, env={}, capture_output=True, timeout=60)
    assert done.returncode == 0
