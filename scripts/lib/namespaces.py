"""Network namespaces without names: each lives as long as its object, or a process in it, and nothing is left when this process ends,
however it ends.

    hub = Namespace()
    leaf = Namespace()
    connect(hub, "leaf", "10.9.1.1", leaf, "hub", "10.9.1.2")     a cable between the two
    subprocess.run([*leaf.prefix, "ping", …])
"""
import contextlib
import ctypes
import os
import subprocess
import threading

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


class NotPossible(Exception):
    pass


def _check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Namespace:
    def __init__(self):
        # A thread may leave for another namespace without the others; the descriptor keeps what it made.
        failure = []

        def make():
            try:
                _check(LIBC.unshare(CLONE_NEWNET))
                self.descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            except OSError as error:
                failure.append(error)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if failure:
            raise NotPossible(f"network namespaces cannot be made here ({failure[0].strerror}): this wants root, or CAP_SYS_ADMIN")
        self.prefix = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self.descriptor}"]
        self.run("ip", "link", "set", "lo", "up")

    def close(self):
        os.close(self.descriptor)

    def run(self, *command, text=None):
        done = subprocess.run([*self.prefix, *command], input=text, text=True, capture_output=True)
        if done.returncode != 0:
            raise NotPossible(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    @contextlib.contextmanager
    def entered(self):
        """This thread is inside: a socket that it makes here stays here."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _check(LIBC.setns(self.descriptor, CLONE_NEWNET))
            try:
                yield
            finally:
                _check(LIBC.setns(home, CLONE_NEWNET))
        finally:
            os.close(home)


def connect(one, one_end, one_address, other, other_end, other_address):
    """A pair of interfaces, one in each, with these names and addresses."""
    one.run("ip", "link", "add", one_end, "type", "veth", "peer", "name", other_end, "netns", f"/proc/{os.getpid()}/fd/{other.descriptor}")
    for place, end, address in ((one, one_end, one_address), (other, other_end, other_address)):
        place.run("ip", "address", "add", f"{address}/30", "dev", end)
        place.run("ip", "link", "set", end, "up")
