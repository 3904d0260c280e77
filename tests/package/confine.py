"""Runs a program as systemd would by a unit, as far as that can be done without systemd: user, directories,
file system, limits, and the filters of system calls."""

import ctypes
import errno
import functools
import os
import pathlib
import resource
import shlex
import socket
import subprocess
import traceback

import seccomp

# of <sched.h>, <sys/mount.h>, <sys/prctl.h>, <sys/mman.h>, <sys/shm.h>
CLONE_NEWNS = 0x20000
CLONE_NAMESPACES = (0x80, CLONE_NEWNS, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


def mount(source, target, kind, flags, data=None):
    call("mount", *(None if one is None else os.fsencode(one) for one in (source, target, kind)), flags,
         None if data is None else data.encode())


class Unit:
    """The settings of a unit's section [Service]."""

    def __init__(self, text):
        self.values = {}
        section = None
        for line in text.splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and line and line[0] not in "#;":
                name, _, value = line.partition("=")
                self.values.setdefault(name, []).append(value)

    def __getitem__(self, name):
        (value,) = self.values[name]
        return value

    def has(self, name):
        return self.values.get(name, [""])[-1] == "yes"

    def allowed_calls(self):
        """The system calls that the lines of SystemCallFilter leave."""
        allowed = set(members("@default"))
        for line in self.values["SystemCallFilter"]:
            calls = {call for word in line.lstrip("~").split() for call in members(word)}
            allowed = allowed - calls if line.startswith("~") else allowed | calls
        return allowed


@functools.cache
def members(name):
    """The system calls of a set, as systemd has it."""
    if not name.startswith("@"):
        return [name]
    listing = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", name],
                             capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in listing.splitlines()[1:]]
    return [call for word in words if word and not word.startswith("#") for call in members(word)]


def filters(unit):
    """The filters that systemd would install for the unit, to be loaded one after the other."""
    made = []

    def new(default):
        made.append(seccomp.SyscallFilter(defaction=default))
        return made[-1]

    def known(name):
        return seccomp.resolve_syscall(seccomp.Arch(), name) >= 0

    refuse = seccomp.ERRNO(errno.EPERM)
    assert unit["SystemCallErrorNumber"] == "EPERM"
    if unit.has("MemoryDenyWriteExecute"):
        one = new(seccomp.ALLOW)
        both = PROT_WRITE | PROT_EXEC
        one.add_rule(refuse, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, both, both))
        one.add_rule(refuse, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, PROT_EXEC))
        one.add_rule(refuse, "pkey_mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, PROT_EXEC))
        one.add_rule(refuse, "shmat", seccomp.Arg(2, seccomp.MASKED_EQ, SHM_EXEC, SHM_EXEC))
    if unit.has("RestrictNamespaces"):
        one = new(seccomp.ALLOW)
        one.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
        one.add_rule(refuse, "setns")
        for flag in CLONE_NAMESPACES:
            one.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
            one.add_rule(refuse, "unshare", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    one = new(seccomp.ALLOW)
    families = {int(getattr(socket, name)) for name in unit["RestrictAddressFamilies"].split()}
    for family in set(range(64)) - families:
        one.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.EQ, family))
    one = new(refuse)
    for name in sorted(filter(known, unit.allowed_calls())):
        one.add_rule(seccomp.ALLOW, name)
    return made


def load(made):
    """For the calling process, for good."""
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for one in made:
        one.load()


def hide(root, unit):
    """ProtectSystem=strict with the directories of the service, ProcSubset, ProtectProc, PrivateTmp, in name spaces of this process."""
    call("unshare", CLONE_NEWNS)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    for kind, base in (("StateDirectory", "/var/lib"), ("LogsDirectory", "/var/log")):
        folder = f"{root}{base}/{unit[kind]}"
        mount(folder, folder, None, MS_BIND)
    assert (unit["ProtectSystem"], unit["ProcSubset"], unit["ProtectProc"]) == ("strict", "pid", "invisible")
    mount(root, root, None, MS_BIND | MS_REMOUNT | MS_RDONLY)
    mount("proc", f"{root}/proc", "proc", 0, "subset=pid,hidepid=invisible")
    mount("tmpfs", f"{root}/tmp", "tmpfs", 0)
    mount("tmpfs", f"{root}/home", "tmpfs", MS_RDONLY)


def confine(root, unit, made):
    """Makes the calling process what systemd would make of it before it runs the program. `root` is a mount."""
    limit = int(unit["LimitNOFILE"])
    hide(root, unit)
    user = next(line.split(":") for line in pathlib.Path(root, "etc/passwd").read_text().splitlines()
                if line.startswith(unit["User"] + ":"))
    os.chroot(root)
    os.chdir(unit["WorkingDirectory"])
    os.umask(int(unit["UMask"], 8))
    # a container may not be allowed more than it has
    hard = min(limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    assert unit.values["CapabilityBoundingSet"] == [""]
    for capability in range(41):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setgid(int(user[3]))
    os.setuid(int(user[2]))
    load(made)


def confine_aloud(root, unit, made):
    """Popen tells nothing of what is wrong."""
    try:
        confine(root, unit, made)
    except BaseException:
        traceback.print_exc()
        raise


def start(root, unit, settings, command=None, **options):
    """Starts the program of the unit, or another command, in a root that is a mount point."""
    made = filters(unit)
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8", **settings}
    return subprocess.Popen(command or shlex.split(unit["ExecStart"]), env=environment, stdin=subprocess.DEVNULL,
                            preexec_fn=lambda: confine_aloud(root, unit, made), **options)
