"""What the tests of backup, restore and check share."""

import pytest

from support import program
from support.people import Account
from support.server import Server

KEY = {"SECRET_KEY": program.SECRET_KEY}
NAME = "cloud_telephony.db"


def command(folder, *words, **settings):
    return program.run(words, folder, {**KEY, **settings})


def succeeds(done):
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done.stdout


def refused(done, *words):
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    complaint = program.complaint(done)
    for word in words:
        assert word in complaint
    return done


def is_sound(folder, *file):
    """The check command finds nothing and says nothing."""
    done = command(folder, "check", *file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def names_in(folder):
    return sorted(one.name for one in folder.iterdir())


@pytest.fixture
def folder(tmp_path):
    """A folder with a database of some accounts and numbers, and nobody who has it open."""
    made = tmp_path / "folder"
    made.mkdir()
    with Server(made) as server:
        account = Account(server)
        for turn in range(30):
            account.create(f"+4917{turn:08}")
    for name in ("stdout", "stderr"):
        (made / name).unlink()
    return made
