"""Settings: where they come from, and a start that says what is wrong with them."""

import json
import socket
import stat

import pytest

from support import program, tokens
from support.database import opened
from support.people import Account
from support.wire import ask, head_of

GOOD = {"SECRET_KEY": program.SECRET_KEY, "PORT": "0", "LOG_FORMAT": "json"}

WRONG = [
    ("ALGORITHM", "PS256"), ("ALGORITHM", "none"), ("ALGORITHM", "hs256"), ("ALGORITHM", "HS256 "), ("ALGORITHM", "HS1"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"), ("ACCESS_TOKEN_EXPIRE_MINUTES", "-5"), ("ACCESS_TOKEN_EXPIRE_MINUTES", "525601"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "1.5"), ("ACCESS_TOKEN_EXPIRE_MINUTES", "thirty"), ("ACCESS_TOKEN_EXPIRE_MINUTES", "30m"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "0x1e"), ("ACCESS_TOKEN_EXPIRE_MINUTES", "99999999999999999999"),
    ("HOST", "not an address"), ("HOST", "256.1.1.1"), ("HOST", "192.0.2.1"), ("HOST", "nowhere.invalid"),
    ("PORT", "65536"), ("PORT", "-1"), ("PORT", "http"), ("PORT", "80 80"), ("PORT", "1e3"),
    ("DATABASE_URL", "postgresql://127.0.0.1:1/x"), ("DATABASE_URL", "postgresql://u:p@["), ("DATABASE_URL", "mysql://localhost/x"), ("DATABASE_URL", "sqlite:"),
    ("DATABASE_URL", "sqlite://"), ("DATABASE_URL", "sqlite:///"), ("DATABASE_URL", "sqlite:///:memory:"),
    ("DATABASE_URL", "cloud_telephony.db"), ("DATABASE_URL", "sqlite:////nonexistent-folder/x.db"), ("DATABASE_URL", "sqlite:////"),
    ("PASSWORD_HASH", "md5"), ("PASSWORD_HASH", "argon2"), ("PASSWORD_HASH", "BCRYPT"),
    ("PASSWORD_MIN_LENGTH", "0"), ("PASSWORD_MIN_LENGTH", "1025"), ("PASSWORD_MIN_LENGTH", "x"),
    ("LOG_FORMAT", "xml"), ("LOG_LEVEL", "trace"), ("LOG_LEVEL", "INFO"), ("LOG_FILE", "no-such-folder/log"), ("LOG_FILE", "/"),
    ("HTTP_THREADS", "-1"), ("HTTP_THREADS", "65"), ("HTTP_THREADS", "many"),
    ("MAX_CONNECTIONS", "15"), ("MAX_CONNECTIONS", "1000001"), ("MAX_CONNECTIONS", "x"),
    ("MAX_BODY_BYTES", "1023"), ("MAX_BODY_BYTES", "16777217"), ("MAX_BODY_BYTES", "64k"),
    ("TRUSTED_PROXIES", "proxy"), ("TRUSTED_PROXIES", "10.0.0.0/33"), ("TRUSTED_PROXIES", "10.0.0.0/-1"),
    ("TRUSTED_PROXIES", "::1/129"), ("TRUSTED_PROXIES", "10.0.0.1;10.0.0.2"), ("TRUSTED_PROXIES", "10.0.0.0/8,x"),
    ("TRUSTED_PROXIES", "10.0.0.0/"),
    ("CORS_ORIGINS", "app.example.com"), ("CORS_ORIGINS", "https://app.example.com/path"), ("CORS_ORIGINS", "https://"),
    ("CORS_ORIGINS", "*,https://app.example.com"), ("CORS_ORIGINS", "https://app.example.com:port"),
    ("TLS_CERT_FILE", "cert.pem"), ("TLS_KEY_FILE", "key.pem"),
]


def refuse(folder, **settings):
    """Starts a server that must not start; the one line that it says."""
    done = program.run(["serve"], folder, {**GOOD, **settings})
    assert done.returncode > 0, done
    assert done.stdout == ""
    assert program.SECRET_KEY not in done.stderr
    return program.complaint(done)


@pytest.mark.parametrize("name, value", WRONG)
def test_a_wrong_value_stops_the_start(tmp_path, name, value):
    line = refuse(tmp_path, **{name: value})
    assert name in line
    # a value may be said as a path within it, or with its blanks shown
    assert value.strip() in line or value.rpartition("/")[0] in line or name == "DATABASE_URL"


def test_a_wrong_value_leaves_nothing_behind(tmp_path):
    refuse(tmp_path, PORT="65536")
    assert list(tmp_path.iterdir()) == []


def test_without_a_secret_key_there_is_no_server(tmp_path):
    for value in (None, ""):
        assert "SECRET_KEY" in refuse(tmp_path, SECRET_KEY=value)


def test_an_empty_value_in_the_environment_is_none(launch):
    server = launch(ALGORITHM="", ACCESS_TOKEN_EXPIRE_MINUTES="", PASSWORD_HASH="", HOST="", DATABASE_URL="", TRUSTED_PROXIES="",
                    CORS_ORIGINS="", TLS_CERT_FILE=None, LOG_LEVEL="", MAX_BODY_BYTES="")
    header, claims = tokens.parts(Account(server).token)
    assert header["alg"] == "HS256"
    assert claims["exp"] - claims["iat"] == 1800


@pytest.mark.parametrize("settings", [
    {"PORT": "00000"}, {"ACCESS_TOKEN_EXPIRE_MINUTES": "525600"}, {"ACCESS_TOKEN_EXPIRE_MINUTES": "1"},
    {"HTTP_THREADS": "64"}, {"HTTP_THREADS": "1"}, {"MAX_CONNECTIONS": "16"}, {"MAX_CONNECTIONS": "1000000"},
    {"MAX_BODY_BYTES": "16777216"}, {"HOST": "0.0.0.0"}, {"HOST": "localhost"}, {"TRUSTED_PROXIES": "10.0.0.0/8, ::1 ,192.0.2.1"},
    {"DATABASE_URL": "sqlite:///other.db"}, {"LOG_LEVEL": "debug"},
])
def test_values_at_the_edge_start(launch, settings):
    server = launch(**settings)
    assert server.client().get("/healthz").status_code == 200


# --- a weak key

@pytest.mark.parametrize("key", [
    "short", "x" * 31, "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "your-secret-key-change-this-in-production"])
def test_a_weak_key_starts_with_a_warning(launch, key):
    server = launch(SECRET_KEY=key)
    warnings = [line for line in server.log() if line["level"] == "warning"]
    assert len(warnings) == 1
    assert "SECRET_KEY" in json.dumps(warnings)
    Account(server)


def test_a_strong_key_starts_without(launch):
    server = launch(SECRET_KEY="0123456789abcdef0123456789ABCDEF-")
    assert [line for line in server.log() if line["level"] == "warning"] == []


# --- .env

def test_the_env_file(tmp_path, launch):
    (tmp_path / ".env").write_bytes(
        b"# settings of this folder\r\n"
        b"\r\n"
        b"export SECRET_KEY='single # quotes = as they are'\r\n"
        b'ALGORITHM = "HS512"   # and why\r\n'
        b"ACCESS_TOKEN_EXPIRE_MINUTES=7 # a week is too long\r\n"
        b"DATABASE_URL=sqlite:///./of=the#file.db\r\n"
        b"SOMETHING_ELSE=of another program\n")
    server = launch(folder=tmp_path, SECRET_KEY=None)
    account = Account(server)
    header, claims = tokens.parts(account.token)
    assert header["alg"] == "HS512"
    assert claims["exp"] - claims["iat"] == 7 * 60
    assert (tmp_path / "of=the#file.db").exists()
    token = tokens.sign(tokens.claims_of(account.id), "single # quotes = as they are", "HS512")
    assert server.client(token).get("/auth/me").status_code == 200


def test_the_environment_wins(tmp_path, launch):
    (tmp_path / ".env").write_text(f"ACCESS_TOKEN_EXPIRE_MINUTES=7\nALGORITHM=HS512\nSECRET_KEY={'x' * 40}\n")
    server = launch(folder=tmp_path, ACCESS_TOKEN_EXPIRE_MINUTES=9)
    account = Account(server)
    header, claims = tokens.parts(account.token)
    assert (header["alg"], claims["exp"] - claims["iat"]) == ("HS512", 9 * 60)
    token = tokens.sign(tokens.claims_of(account.id), program.SECRET_KEY, "HS512")
    assert server.client(token).get("/auth/me").status_code == 200


@pytest.mark.parametrize("broken", [
    "this is no assignment", "=value", "1NAME=value", "NAME", 'NAME="not closed', "NAME='not closed", 'NAME="closed" and more',
    "export", "two words=value"])
def test_a_broken_line_is_told_with_its_number(tmp_path, broken):
    (tmp_path / ".env").write_text(f"# first\nALGORITHM=HS256\n{broken}\nHOST=127.0.0.1\n")
    line = refuse(tmp_path)
    assert ".env" in line and "3" in line


def test_a_broken_line_with_a_secret_is_not_repeated(tmp_path):
    (tmp_path / ".env").write_text('SECRET_KEY="open-sesame-open-sesame-open-sesame\n')
    assert "sesame" not in refuse(tmp_path, SECRET_KEY=None)


def test_a_wrong_value_in_the_file_is_told_with_its_line(tmp_path):
    (tmp_path / ".env").write_text("\n\nLOG_LEVEL=loud\n")
    line = refuse(tmp_path)
    assert "LOG_LEVEL" in line and "loud" in line and ".env" in line and "3" in line
    for word in ("debug", "info", "warning", "error"):
        assert word in line


def test_an_env_that_is_a_folder(tmp_path):
    (tmp_path / ".env").mkdir()
    assert ".env" in refuse(tmp_path)


# --- where it may run

def test_a_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refuse(tmp_path, PORT=port)
    assert "PORT" in line and str(port) in line
    assert list(tmp_path.iterdir()) == [], "a server that cannot listen makes no database"


def test_a_folder_that_does_not_exist(tmp_path):
    line = refuse(tmp_path, DATABASE_URL="sqlite:///no/such/folder/data.db")
    assert "no/such/folder" in line and "DATABASE_URL" in line


def test_a_database_that_is_a_folder(tmp_path):
    (tmp_path / "data").mkdir()
    assert "data" in refuse(tmp_path, DATABASE_URL="sqlite:///data")


def test_a_folder_that_cannot_be_written(tmp_path):
    """Also as root: /proc takes no new files."""
    line = refuse(tmp_path, DATABASE_URL="sqlite:////proc/data.db")
    assert "/proc" in line


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "data.db").write_text("a letter to grandmother\n" * 100)
    line = refuse(tmp_path, DATABASE_URL="sqlite:///data.db")
    assert "data.db" in line
    assert (tmp_path / "data.db").read_text().startswith("a letter")


def test_a_newer_database_is_refused(tmp_path, launch):
    server = launch(folder=tmp_path)
    Account(server)
    server.stop()
    with opened(server.folder) as database:
        database.execute("INSERT INTO schema_migrations VALUES (999999, 'of the future', 0)")
    line = refuse(tmp_path)
    assert "newer" in line and "999999" in line


def test_an_absolute_database_url(tmp_path, launch):
    server = launch(DATABASE_URL=f"sqlite:///{tmp_path}/elsewhere.db")
    Account(server)
    assert (tmp_path / "elsewhere.db").exists()
    assert not server.database.exists()


def test_the_database_is_for_its_owner_alone(launch):
    server = launch()
    Account(server)
    for path in server.folder.glob("cloud_telephony.db*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_what_the_database_is_set_to(launch):
    server = launch()
    Account(server)
    with opened(server.folder) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_two_servers_on_one_database(tmp_path, launch):
    """What one commits the other reads; and both may start at the same time (see test_commands)."""
    first, second = (launch(DATABASE_URL=f"sqlite:///{tmp_path}/shared.db") for _ in range(2))
    account = Account(first)
    assert second.client(account.token).get("/auth/me").json()["username"] == account.name
    number = account.create()["phone_number"]
    other = Account(second)
    assert other.client.post("/phone_numbers", json={"phone_number": number}).status_code == 409


# --- what a running server does with some of them

def test_few_connections_by_setting(launch):
    server = launch(MAX_CONNECTIONS=16, HTTP_THREADS=1)
    opened = [socket.create_connection((server.host, server.port)) for _ in range(40)]
    try:
        for one in opened[20:]:
            one.close()
    finally:
        for one in opened:
            one.close()
    for _ in range(100):
        try:
            assert ask(server, head_of("GET", "/healthz"), "GET", "/healthz").status == 200
            return
        except (ConnectionError, EOFError):
            continue
    raise AssertionError("no connection is served after others were closed")


def test_the_listening_line_tells_where(launch):
    server = launch()
    line = next(line for line in server.log() if line["event"] == "listening")
    assert line["host"] == "127.0.0.1"
    assert 0 < line["port"] < 65536
    assert line["level"] == "info"


def test_ipv6(launch):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return  # a machine without IPv6 has nothing to show
    server = launch(HOST="::1")
    assert server.client().get("/healthz").status_code == 200
