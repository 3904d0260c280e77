"""A disk without space: writes answer 503 and leave nothing, reads go on, and once there is space writes
work again, without a restart and with everything that was acknowledged."""

import pathlib
import subprocess
import sys

SCENARIO = pathlib.Path(__file__).parent / "full_disk.py"

# Ways to a mount that nobody else sees: as root; as root in a chroot, whose root is no mount point; as a user.
PRIVATELY = (["unshare", "--mount"], ["unshare", "--mount", "--propagation", "unchanged"],
             ["unshare", "--mount", "--user", "--map-root-user"])


def can_mount(way, folder):
    attempt = f"mount -t tmpfs -o size=1m tmpfs '{folder}' && umount '{folder}'"
    return subprocess.run([*way, "sh", "-c", attempt], capture_output=True, timeout=60).returncode == 0


def test_a_full_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    way = next((way for way in PRIVATELY if can_mount(way, folder)), None)
    command = [sys.executable, str(SCENARIO), str(folder), "limit" if way is None else "tmpfs"]
    done = subprocess.run([*(way or []), *command], capture_output=True, text=True, timeout=300)
    print(" ".join(command), done.stdout)
    assert done.returncode == 0, done.stderr[-5000:]


def test_without_the_right_to_mount(tmp_path):
    """The other way to make a disk full, which some machines need, shows the same."""
    done = subprocess.run([sys.executable, str(SCENARIO), str(tmp_path), "limit"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-5000:]
