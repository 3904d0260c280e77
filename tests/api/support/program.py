"""The program under test: where it is, what it is given, and what its output must never show."""

import os
import pathlib
import subprocess

from . import database, shim

# libraries that each process of the program preloads besides (support/shim.py)
SHIMS = []

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = os.path.abspath(os.environ.get("CT_PROGRAM") or ROOT / "build" / "cloud-telephony")
SECRET_KEY = "only-for-tests-0123456789-abcdefghijklmnop"

SANITIZER_REPORTS = (
    "ERROR: AddressSanitizer",
    "ERROR: LeakSanitizer",
    "LeakSanitizer",
    "WARNING: ThreadSanitizer",
    "runtime error:",
)

KEPT_VARIABLES = (
    "PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH",
    "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS",
)


def is_sanitized():
    """Whether the program was built with a sanitizer: slower, larger, other limits."""
    with open(PROGRAM, "rb") as program:
        code = program.read()
    return b"__asan_init" in code or b"__tsan_init" in code


def environment(settings):
    """The environment of a process of the program: nothing of ours but what it needs to run.

    A setting that is None is left out. SIP is off unless a test wants it: many servers run at a time.
    """
    kept = {"SIP_LISTEN": "off"}
    kept |= {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    kept.update(settings)
    _preload(kept)
    kept = {name: str(value) for name, value in kept.items() if value is not None}
    return kept


def _preload(variables):
    libraries = [str(variables.get("LD_PRELOAD") or ""), *map(str, map(shim.library, SHIMS))]
    if any(libraries):
        variables["LD_PRELOAD"] = ":".join(filter(None, libraries))
        # a sanitizer's own library is not the first then
        options = [variables.get("ASAN_OPTIONS") or "", "verify_asan_link_order=0"]
        variables["ASAN_OPTIONS"] = ":".join(filter(None, options))


def check_output(text, secrets=()):
    """Fails when a sanitizer complained or a secret came out."""
    for report in SANITIZER_REPORTS:
        assert report not in text, f"the program wrote:\n{text[text.find(report) - 500:][:8000]}"
    for secret in secrets:
        if secret in text:
            line = next(line for line in text.splitlines() if secret in line)
            raise AssertionError(f"the program's output shows the secret {secret!r}: {line[:1000]}")


def run(arguments, folder, settings=None, **options):
    """Runs one command of the program to its end in `folder`, with only these settings and its database."""
    settings = {**database.settings_of(folder), **(settings or {})}
    done = subprocess.run(
        [PROGRAM, *arguments], cwd=folder, env=environment(settings), capture_output=True,
        text=True, timeout=600, **options)
    check_output(done.stderr + done.stdout)
    return done


def complaint(done):
    """The one line that a command which failed says, beside what it may have logged before."""
    lines = [line for line in done.stderr.splitlines() if '"level":"info"' not in line]
    assert len(lines) == 1, done.stderr
    return lines[0]
