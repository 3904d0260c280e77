"""Machines that are network namespaces, joined by a bridge. To be used in namespaces of our own (see `run`):
what is made here is gone when those are."""

import ctypes
import os
import pathlib
import subprocess

SWITCH = "switch"
NETWORK = "10.77.0."
# who is where
ADDRESSES = {"client": 1, "haproxy": 2, "node1": 11, "node2": 12, "node3": 13, "db1": 21, "db2": 22, "db3": 23}

CLONE_NEWNET = 0x40000000


def ip(*words):
    subprocess.run(["ip", *words], check=True, timeout=60)


def address(name):
    return f"{NETWORK}{ADDRESSES[name]}"


def inside(name):
    """What is put in front of a command so that it runs on this machine."""
    return ["nsenter", f"--net=/run/netns/{name}", "--"]


def make():
    """Makes the machines and joins them."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True, timeout=60)
    pathlib.Path("/run/netns").mkdir()
    ip("netns", "add", SWITCH)
    ip("-n", SWITCH, "link", "add", "br0", "type", "bridge", "forward_delay", "0", "stp_state", "0")
    ip("-n", SWITCH, "link", "set", "br0", "up")
    for name in ADDRESSES:
        ip("netns", "add", name)
        ip("-n", SWITCH, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("-n", SWITCH, "link", "set", name, "master", "br0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "addr", "add", f"{address(name)}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")


def cut(name):
    """Takes this machine off the network: nobody hears of it, not even that it is gone."""
    ip("-n", SWITCH, "link", "set", name, "down")


def heal(name):
    ip("-n", SWITCH, "link", "set", name, "up")


def enter(name):
    """Moves this process (the calling thread, and what it starts) to a machine."""
    descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.setns(descriptor, CLONE_NEWNET)
    os.close(descriptor)
    if failed:
        raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")
