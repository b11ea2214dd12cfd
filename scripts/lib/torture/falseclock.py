"""Wall clocks that are wrong in single programs: libfaketime, told so that nothing else than CLOCK_REALTIME is faked."""
import contextlib
import ctypes
import glob
import os
import subprocess
import sys
import time
import uuid

LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"
# What libfaketime keeps there is smaller.
SHARED_BYTES = 4096


def library():
    """-> its path, or None"""
    return next(iter(glob.glob(LIBRARIES)), None)


@contextlib.contextmanager
def shared():
    """-> FAKETIME_SHARED. libfaketime makes one for itself and sets the variable where it is missing: that moves the environment, and
    Swift finds a program's arguments by where the environment is."""
    name = f"caravan-{uuid.uuid4()}"
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sem_open.restype = ctypes.c_void_p
    memory = f"/dev/shm/{name}-memory"
    try:
        if not libc.sem_open(f"/{name}".encode(), os.O_CREAT | os.O_EXCL, 0o600, 1):
            raise OSError(ctypes.get_errno(), "cannot make a semaphore")
        with open(memory, "xb") as file:
            file.truncate(SHARED_BYTES)
        yield f"/{name} /{name}-memory"
    finally:
        libc.sem_unlink(f"/{name}".encode())
        with contextlib.suppress(FileNotFoundError):
            os.unlink(memory)


class FalseClock:
    """The wall clock of one program, which gets `environment`; a file says by how many seconds it is off."""

    def __init__(self, file, shared_name, off=0):
        self.file = file
        self.jumps = 0
        self.set(off)
        self.environment = {
            "LD_PRELOAD": library(), "FAKETIME_SHARED": shared_name, "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
            # CLOCK_BOOTTIME, CLOCK_MONOTONIC and the times of files stay true.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}

    def set(self, off):
        new = self.file.with_suffix(".new")
        new.write_text(f"{off:+d}\n")
        new.rename(self.file)
        self.jumps += 1

    def check(self):
        """That it does what is said here: another program with this clock is asked."""
        code = "import time; print(*(time.clock_gettime(c) for c in (time.CLOCK_REALTIME, time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC)))"
        shown = subprocess.run([sys.executable, "-c", code], env={**os.environ, **self.environment}, check=True, capture_output=True)
        wall, boot, monotonic = map(float, shown.stdout.split())
        off = [wall - time.time() - int(self.file.read_text()), boot - time.clock_gettime(time.CLOCK_BOOTTIME),
               monotonic - time.monotonic()]
        if max(map(abs, off)) > 60:
            raise RuntimeError(f"libfaketime fakes otherwise than is needed: the wall clock, CLOCK_BOOTTIME and CLOCK_MONOTONIC "
                               f"are off by {off} s")
