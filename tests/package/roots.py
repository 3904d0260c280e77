"""Throw-away Debian systems, each a folder to chroot into that is a mount of its own."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from confine import MS_BIND, MS_PRIVATE, MS_REC, mount

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RELEASE = "bookworm"


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Root:
    """This process has a mount name space of its own, so nothing of it is left when it ends."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ct-package-"))
        mount("tmpfs", self.folder, "tmpfs", 0)
        self.path = self.folder / "root"
        self.path.mkdir()

    def enter_devices(self):
        mount("proc", self.path / "proc", "proc", 0)
        mount("/dev", self.path / "dev", None, MS_BIND | MS_REC)
        # no systemd runs here, whatever runs outside
        mount("tmpfs", self.path / "run", "tmpfs", 0)

    def run(self, *command, folder="/", **settings):
        """Runs a command in it as root; what it printed."""
        environment = {"PATH": PATH, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root", **settings}
        return run(["chroot", self.path, "env", f"--chdir={folder}", *command], env=environment)

    def put(self, file):
        """Copies a file in; its path inside."""
        shutil.copy(file, self.path / "var/tmp")
        return f"/var/tmp/{pathlib.Path(file).name}"

    def close(self):
        subprocess.run(["umount", "--lazy", "--recursive", self.folder], check=False)
        self.folder.rmdir()


class Overlay(Root):
    """This machine's own system, with all that is installed; what is changed is in memory."""

    def __init__(self):
        super().__init__()
        (self.folder / "upper").mkdir()
        (self.folder / "work").mkdir()
        mount("overlay", self.path, "overlay", 0, f"lowerdir=/,upperdir={self.folder}/upper,workdir={self.folder}/work")
        self.enter_devices()
        mount("tmpfs", self.path / "tmp", "tmpfs", 0)

    def install(self, package):
        return self.run("dpkg", "--install", self.put(package))


class Fresh(Root):
    """A new Debian of the least that there is, from this machine's own source of packages."""

    def __init__(self):
        super().__init__()
        mirror = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Codename: {RELEASE}"])
        run(["debootstrap", "--variant=minbase", RELEASE, self.path, *mirror.split()[:1]])
        mount(self.path, self.path, None, MS_BIND)
        mount(None, self.path, None, MS_PRIVATE)
        for name in ("etc/resolv.conf", "etc/hosts"):
            shutil.copy(f"/{name}", self.path / name)
        for name in ("etc/apt", "etc/ssl/certs", "usr/local/share/ca-certificates", "usr/share/ca-certificates"):
            if os.path.isdir(f"/{name}"):
                shutil.rmtree(self.path / name, ignore_errors=True)
                shutil.copytree(f"/{name}", self.path / name, symlinks=True)
        self.enter_devices()
        self.apt("update")
        # what the test itself runs in there
        self.apt("install", "logrotate")

    def apt(self, *words):
        kept = {name: os.environ[name] for name in os.environ if name.lower().endswith("_proxy")}
        return self.run("apt-get", "-q", "-y", "--no-install-recommends", *words, **kept)

    def install(self, package):
        return self.apt("install", self.put(package))
