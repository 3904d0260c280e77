"""The tests of what goes wrong use the same servers and clients as those of the API."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))

from support.engines import add_markers, drop_databases, pytest_collection_modifyitems  # noqa: E402, F401
from support.server import Server  # noqa: E402


def pytest_configure(config):
    add_markers(config)


@pytest.fixture
def server(tmp_path):
    """A server with the default settings for one test."""
    with Server(tmp_path) as running:
        yield running
