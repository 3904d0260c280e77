"""What a program does to files, counted, so that each of these calls can fail or be its last (file_shim.c)."""

import atexit
import functools
import pathlib
import shutil
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).with_name("file_shim.c")


@functools.lru_cache(maxsize=None)
def _library():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ct-files-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "file_shim.so"
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC",
                    "-o", path, SOURCE, "-ldl"], check=True)
    return path


def settings(how, at, count=None):
    """The environment of a process in which it goes wrong."""
    found = {"LD_PRELOAD": _library(), "CT_SHIM_HOW": how, "CT_SHIM_AT": at}
    if count is not None:
        found["CT_SHIM_COUNT"] = count
    return found
