"""What a figure was measured on."""
import os
import pathlib
import platform


def description():
    """-> the machine in a few words, as a dictionary for the JSON and a line for people."""
    facts = {"cores": os.cpu_count(), "kernel": platform.release(), "processor": _line("/proc/cpuinfo", "model name"),
             "memoryMB": int(_line("/proc/meminfo", "MemTotal").split()[0]) // 1024, "system": _system(),
             "filesystem": _filesystem("/tmp")}
    return facts


def sentence(facts):
    return (f"{facts['processor']}, {facts['cores']} cores, {facts['memoryMB']} MB, {facts['system']}, kernel {facts['kernel']}, "
            f"{facts['filesystem']} on /tmp")


def _line(path, name):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"


def _system():
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "unknown"


def _filesystem(path):
    """Of the mount that holds the path."""
    best = ("", "unknown")
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, place, kind = line.split()[:3]
        if path.startswith(place) and len(place) > len(best[0]):
            best = (place, kind)
    return best[1]
