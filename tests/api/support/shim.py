"""Libraries that a program under test preloads, each built once by each process of the run."""

import atexit
import functools
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent


@functools.lru_cache(maxsize=None)
def folder():
    """Where they are, and what they read; gone at the end."""
    made = pathlib.Path(tempfile.mkdtemp(prefix="ct-shim-"))
    made.chmod(0o755)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@functools.lru_cache(maxsize=None)
def library(name):
    """The path of the library that NAME_shim.c becomes."""
    path = folder() / f"{name}_shim.so"
    subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC",
                    "-o", path, HERE / f"{name}_shim.c"], check=True)
    return path

