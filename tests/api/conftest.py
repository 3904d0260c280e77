"""Servers for the tests, and the gate at the end of the run (see support/record.py)."""

import contextlib
import json
import os
import pathlib
import tempfile

import pytest

from support.caller import Person
from support.engines import add_markers, drop_databases, pytest_collection_modifyitems  # noqa: F401
from support.people import Account, fresh_number
from support.program import PROGRAM, SHIMS, run
from support.record import RECORD, Record, gaps
from support.server import Server
from support.toll import Carrier

HERE = pathlib.Path(__file__).parent

# Most of the time of these tests would be argon2id's. What it is meant to cost is tested with the function
# itself; here a test that wants a hash to take its time sets CT_TEST_REAL_HASHES.
SHIMS.append("hash")

# "always" puts the gate at the end of a run of a few tests too
GATE = os.environ.get("CT_API_GATE", "whole")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server that many tests use at a time. Its settings are the defaults, but for how many wrong passwords
    one address may send: all tests have one address."""
    with Server(tmp_path_factory.mktemp("server"), LOGIN_FAILURES_MAX="100") as running:
        yield running


@pytest.fixture
def client(server):
    """A client without a token, with connections of its own."""
    with server.client() as session:
        yield session


@pytest.fixture
def people(server):
    """Three accounts with a number and a phone each."""
    with contextlib.ExitStack() as stack:
        def make():
            person = Person(server, fresh_number())
            stack.callback(person.phone.close)
            return person
        yield [make() for _ in range(3)]


@pytest.fixture
def carrier(server, people):
    """A trunk that the first of them may not call."""
    carrier = Carrier(server)
    carrier.wait(people[0])
    yield carrier
    carrier.close()


@pytest.fixture(scope="session")
def account(server):
    """A registered user for tests that do not mind what else it owns."""
    return Account(server)


@pytest.fixture
def owner(server):
    """A registered user that owns nothing yet."""
    return Account(server)


@pytest.fixture
def launch(tmp_path):
    """Starts servers as support.server.Server has it, each in a new folder or in the one given, where the
    folders in `make` are made first; stops what still runs at the end of the test."""
    running = []

    def start(folder=None, make=(), **settings):
        if folder is None:
            folder = tmp_path / f"server-{len(running)}"
            folder.mkdir()
        for name in make:
            (folder / name).mkdir()
        one = Server(folder, **settings)
        one.start()
        running.append(one)
        return one

    yield start
    for one in running:
        if one.process.poll() is None:
            one.stop()


def pytest_make_parametrize_id(val):
    """Names a test by a long value's beginning and length."""
    if isinstance(val, (str, bytes)) and len(val) > 40:
        return f"{ascii(val[:24])}...{len(val)}"
    return None


def pytest_configure(config):
    add_markers(config)
    if not os.access(PROGRAM, os.X_OK):
        raise pytest.UsageError(f"there is no program at {PROGRAM}: build it, or name it by CT_PROGRAM")
    if not hasattr(config, "workerinput"):
        config.ct_record = tempfile.TemporaryDirectory(prefix="ct-record-")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Tells a worker of pytest-xdist where the record goes."""
    node.workerinput["ct_record"] = node.config.ct_record.name


def pytest_deselected(items):
    RECORD.partial = RECORD.partial or bool(items)


def pytest_collection_finish(session):
    RECORD.files |= {item.path.name for item in session.items if item.path.parent == HERE}


def pytest_sessionfinish(session):
    config = session.config
    if hasattr(config, "workerinput"):
        RECORD.save(config.workerinput["ct_record"])
        return
    RECORD.save(config.ct_record.name)
    record = Record.merged(config.ct_record.name)
    config.ct_record.cleanup()
    config.ct_gaps = None
    if GATE == "always" or _is_whole(config, record):
        config.ct_gaps = gaps(_document(), record.exchanges)
        if config.ct_gaps and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _document():
    with tempfile.TemporaryDirectory(prefix="ct-document-") as folder:
        return json.loads(run(["openapi"], folder).stdout)


def _is_whole(config, record):
    """Whether every test of this folder was to run."""
    return (not config.option.collectonly and not record.partial and not any("::" in argument for argument in config.args)
            and record.files >= {path.name for path in HERE.glob("test_*.py")})


def pytest_terminal_summary(terminalreporter, config):
    found = getattr(config, "ct_gaps", None)
    if found:
        terminalreporter.section("the document promises what no test showed", red=True)
        for gap in found:
            terminalreporter.line(gap)
    elif found is not None:
        terminalreporter.line("every route and every documented status was seen", green=True)
