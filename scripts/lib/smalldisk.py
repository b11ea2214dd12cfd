"""A small file system of its own, seen by this process and what it starts only: gone when they have ended, however that comes.

    with SmallDisk(megabytes=256) as disk:
        disk.folder
        disk.fill(greedy=True)      not one byte more can be written, also where others make room
        disk.give_back(megabytes=16)
        disk.free()
"""
import ctypes
import errno
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

from namespaces import NotPossible

CLONE_NEWNS = 0x00020000
LIBC = ctypes.CDLL(None, use_errno=True)
# What is left free where it is filled: less than a block.
LEAST_BYTES = 4096
# How often a greedy one looks for more.
GREED_SECONDS = 0.05


def _own_mounts():
    if LIBC.unshare(CLONE_NEWNS) != 0:
        raise NotPossible(f"nothing can be mounted here ({os.strerror(ctypes.get_errno())}): this wants root, or CAP_SYS_ADMIN")
    _run("mount", "--make-rprivate", "/")


def _run(*command):
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode != 0:
        raise NotPossible(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


class SmallDisk:
    """ext4 where it can be made, as it behaves like most disks; else tmpfs."""

    def __init__(self, megabytes):
        self.megabytes = megabytes

    def __enter__(self):
        self._place = pathlib.Path(tempfile.mkdtemp(prefix="caravan-disk-"))
        self.folder = self._place / "disk"
        self.folder.mkdir()
        self._filler = None
        self._greed = None
        try:
            _own_mounts()
            self.kind = self._mount()
        except NotPossible:
            shutil.rmtree(self._place)
            raise
        return self

    def _mount(self):
        image = self._place / "image"
        with open(image, "wb") as file:
            file.truncate(self.megabytes << 20)
        try:
            # Blocks as large disks have them; without room that only root may use: what is free for us is free.
            _run(shutil.which("mkfs.ext4", path=os.environ["PATH"] + ":/usr/sbin:/sbin") or "mkfs.ext4", "-q", "-b", "4096", "-m", "0",
                 image)
            _run("mount", "-o", "loop", image, self.folder)
            return "ext4"
        except (NotPossible, OSError):
            _run("mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m", "tmpfs", self.folder)
            return "tmpfs"

    def __exit__(self, *_):
        self.free()
        subprocess.run(["umount", "-l", self.folder], check=False)
        shutil.rmtree(self._place, ignore_errors=True)

    def fill(self, greedy):
        """`greedy`: takes what becomes free later, too, until `free`."""
        self._filler = os.open(self.folder / "filler", os.O_WRONLY | os.O_CREAT, 0o600)
        self._size = 0
        self._take()
        if greedy:
            self._enough = threading.Event()
            self._greed = threading.Thread(target=self._take_on)
            self._greed.start()

    def _take_on(self):
        while not self._enough.wait(GREED_SECONDS):
            self._take()

    def _take(self):
        step = 64 << 20
        while step >= LEAST_BYTES:
            try:
                os.posix_fallocate(self._filler, self._size, step)
                self._size += step
            except OSError as failure:
                if failure.errno != errno.ENOSPC:
                    raise
                # What a refused call has set aside is given back, and less is asked for.
                os.ftruncate(self._filler, self._size)
                step //= 2

    def give_back(self, megabytes):
        self._size -= megabytes << 20
        os.ftruncate(self._filler, self._size)

    def free(self):
        if self._greed:
            self._enough.set()
            self._greed.join()
            self._greed = None
        if self._filler is not None:
            os.close(self._filler)
            self._filler = None
            os.unlink(self.folder / "filler")
