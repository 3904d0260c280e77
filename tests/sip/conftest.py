"""Phones, carriers and browsers that others wrote, against the program with its default settings."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))

from support.server import Server  # noqa: E402

from office import Office  # noqa: E402
from processes import Processes  # noqa: E402


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    with Server(folder, SIP_DIGEST=None) as running:
        yield running


@pytest.fixture
def office(server):
    """An account with devices and numbers."""
    return Office(server)


@pytest.fixture
def processes(tmp_path):
    """Starts other programs, and ends them with the test."""
    with Processes(tmp_path) as running:
        yield running
