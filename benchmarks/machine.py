"""What a result was measured on: the machine, its disk, the versions."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path

PACKAGES = (
    "libmicrohttpd12", "libsqlite3-0", "libgnutls30", "libnettle8", "libargon2-1", "libcrypt1",
    "libre0", "gcc", "wrk", "nginx-light", "kamailio", "postgresql-15", "libpq5", "python3", "python3-fastapi", "python3-sqlalchemy",
    "python3-uvicorn",
    "python3-uvloop", "python3-httptools", "python3-jose", "python3-passlib", "python3-bcrypt",
)


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def syncs_per_second(directory, seconds=1.0):
    """How often a second the disk takes 4 KiB behind the last and says that it is safe: what one commit
    alone in its transaction cannot beat."""
    path = Path(directory) / "syncs"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        block, count = bytes(4096), 0
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            os.write(fd, block)
            os.fdatasync(fd)
            count += 1
        return round(count / (time.monotonic() - start))
    finally:
        os.close(fd)
        path.unlink()


def cpu_model():
    match = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match.group(1) if match else platform.machine()


def debian():
    release = Path("/etc/os-release").read_text()
    return re.search(r'^PRETTY_NAME="(.*)"$', release, re.MULTILINE).group(1)


def versions():
    lines = output("dpkg-query", "-W", "-f", "${db:Status-Abbrev}|${Package}|${Version}\n", *PACKAGES)
    found = (line.split("|") for line in lines.splitlines())
    return {name: version for status, name, version in found if status.startswith("ii")}


def describe(root, directory, program, server_cpus, load_cpus):
    memory = re.search(r"^MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    commit = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True,
                            text=True).stdout.strip()
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit or "none",
        "program": output(program, "version"),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.group(1)) / 2**20, 1),
        "kernel": platform.release().partition("-")[0],
        "system": debian(),
        "file_system": output("findmnt", "-n", "-o", "FSTYPE", "-T", str(directory)),
        "syncs_per_second": syncs_per_second(directory),
        "load_average_before": round(os.getloadavg()[0], 2),
        "server_cpus": server_cpus,
        "load_cpus": load_cpus,
        "packages": versions(),
    }
