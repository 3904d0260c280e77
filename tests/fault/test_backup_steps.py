"""Each step of a backup and of a restore goes wrong in turn: what was there is there, or what was to be there."""

import shutil
import subprocess

import pytest

import file_shim
from drill import KEY, NAME, command, folder, is_sound, names_in, succeeds  # noqa: F401
from support import program
from support.people import Account
from support.server import Server
from test_kill import rows_of

pytestmark = pytest.mark.sqlite


def calls_of(folder, words):
    """How many calls there are that can go wrong."""
    count = folder.parent / "count"
    succeeds(command(folder, *words, **file_shim.settings("count", 0, count)))
    return int(count.read_text())


def copies_of(folder, at):
    copy = folder.parent / f"copy-{at}"
    shutil.copytree(folder, copy)
    return copy


@pytest.mark.parametrize("how", ["kill", "torn", "full", "error"])
def test_a_backup_goes_wrong_at_every_step(folder, how):
    content = rows_of(folder / NAME)
    steps = calls_of(copies_of(folder, "whole"), ["backup", "backup"])
    assert steps > 20
    for at in range(1, steps + 1):
        copy = copies_of(folder, at)
        done = subprocess.run([program.PROGRAM, "backup", "backup"], cwd=copy, capture_output=True, text=True, timeout=60,
                              env=program.environment({**KEY, **file_shim.settings(how, at)}))
        if how in ("kill", "torn"):
            assert done.returncode == -9, f"step {at} of {steps}: {done}"
        elif done.returncode == 1:
            # afterwards it is as if nothing had been
            assert done.stderr.startswith("cloud-telephony: "), f"step {at} of {steps}: {done}"
            assert (copy / "backup").exists() or [name for name in names_in(copy) if not name.startswith(NAME)] == [], f"step {at} of {steps}"
        else:
            assert done.returncode == 0, f"step {at} of {steps}: {done}"
        if (copy / "backup").exists():
            is_sound(copy, "backup")
            assert rows_of(copy / "backup") == content, f"step {at} of {steps}"
        else:
            succeeds(command(copy, "backup", "backup"))
            assert [name for name in names_in(copy) if not name.startswith(NAME)] == ["backup"], f"step {at} of {steps}"
            assert rows_of(copy / "backup") == content
        is_sound(copy)
        assert rows_of(copy / NAME) == content
        shutil.rmtree(copy)


@pytest.mark.parametrize("how", ["kill", "torn", "full", "error"])
@pytest.mark.parametrize("there", ["nothing", "another", "another with a log"])
def test_a_restore_goes_wrong_at_every_step(folder, tmp_path, how, there):
    """Before and after, there is one of the two databases, whole; and it works when it is run again."""
    backup = tmp_path / "backup"
    succeeds(command(folder, "backup", backup))
    restored = rows_of(backup)
    before = None
    if there == "nothing":
        (folder / NAME).unlink()
    else:
        server = Server(folder)
        server.start()
        Account(server).create()
        server.stop() if there == "another" else server.kill()
        for name in ("stdout", "stderr"):
            (folder / name).unlink()
        aside = copies_of(folder, "aside")
        before = rows_of(aside / NAME)
        assert before != restored
    words = ["restore", "--replace", backup]
    steps = calls_of(copies_of(folder, "whole"), words)
    assert steps > 20
    for at in range(1, steps + 1):
        copy = copies_of(folder, at)
        done = subprocess.run([program.PROGRAM, *words], cwd=copy, capture_output=True, text=True, timeout=60,
                              env=program.environment({**KEY, **file_shim.settings(how, at)}))
        where = f"step {at} of {steps}: {done}"
        assert done.returncode == -9 if how in ("kill", "torn") else done.returncode in (0, 1), where
        if (copy / NAME).exists():
            is_sound(copy)
            assert rows_of(copy / NAME) in (before, restored), where
            assert done.returncode != 0 or rows_of(copy / NAME) == restored, where
        else:
            assert before is None and done.returncode != 0, where
        succeeds(command(copy, *words))
        is_sound(copy)
        assert rows_of(copy / NAME) == restored, where
        # what was there is in one of the files that were set aside
        kept = [rows_of(one) for one in copy.iterdir() if one.name.startswith(f"{NAME}.replaced-") and one.name.endswith("Z")]
        assert before is None or before in kept, where
        assert not [name for name in names_in(copy) if "restoring" in name], where
        shutil.rmtree(copy)
