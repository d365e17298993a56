"""Clocks, medians, child processes and what machine this is."""

import os
import platform
import re
import resource
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path


def median(values):
    return statistics.median(values)


@dataclass
class Spent:
    """What a piece of work took, in seconds: on the wall, on processors."""

    wall: float
    cpu: float


def in_process(work):
    """Runs `work` here."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def command(arguments, accepted=(0,)):
    """Runs a program to its end; its processor time includes its start."""
    before, wall = _children(), time.perf_counter()
    done = subprocess.run([str(a) for a in arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    spent = Spent(time.perf_counter() - wall, _children() - before)
    if done.returncode not in accepted:
        raise SystemExit(f"{' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return spent, done.stdout


def _children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def process_cpu(pid):
    """Processor seconds of another process with all its threads, ended ones too.

    The same quantity as utime + stime of /proc/PID/stat, which counts in ticks of 10 ms; this clock counts nanoseconds
    (clock_getcpuclockid(3): the complement of the id, shifted, with the scheduler's clock in the lowest bits).
    """
    return time.clock_gettime((~pid << 3) | 2)


def children_cpu(pid):
    """Processor seconds of the ended children of another process: cutime + cstime of /proc/PID/stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def memory(pid, *names):
    """Lines of /proc/PID/status such as VmHWM, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return [int(re.search(rf"^{name}:\s+(\d+) kB", status, re.M).group(1)) for name in names]


def peak_memory(arguments):
    """VmHWM in KiB of a program just before it writes its answer.

    Its output is a pipe that is full already, so it stops there with all its work done. What wait4(2) tells would also
    count the memory of this process, from before the program took its place.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"\n" * 4096)
    except BlockingIOError:
        os.set_blocking(write, True)
    with subprocess.Popen([str(a) for a in arguments], stdout=write) as process:
        os.close(write)
        _until_idle(process.pid)
        (peak,) = memory(process.pid, "VmHWM")
        with open(read, "rb") as pipe:
            pipe.read()
    return peak


def _until_idle(pid, patience=120):
    deadline, before = time.monotonic() + patience, -1.0
    while time.monotonic() < deadline:
        time.sleep(0.1)
        now = process_cpu(pid)
        if now == before:
            return
        before = now
    raise SystemExit("a program did not come to rest")


def openssl_speed(algorithm):
    """Signatures a processor second of `openssl speed`, which counts user time."""
    done = subprocess.run(["openssl", "speed", "-seconds", "1", algorithm], capture_output=True, text=True, check=True)
    # sign, verify (newer: encrypt, decrypt too), then as many rates in the same order.
    numbers = re.findall(r"(\d+\.\d+)s?(?=\s|$)", done.stdout.strip().splitlines()[-1])
    return float(numbers[len(numbers) // 2])


def fdatasync_rate(folder, count=50):
    """Durable appends of 4 KiB a second: what every figure on the wall leans on."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        start = time.perf_counter()
        for _ in range(count):
            file.write(b"\0" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
        return count / (time.perf_counter() - start)


def machine(kyso):
    """Facts without which the figures say nothing."""
    def first(pattern, path):
        found = re.search(pattern, Path(path).read_text(), re.M)
        return found.group(1).strip() if found else "unknown"

    def version(*arguments):
        return subprocess.run(arguments, capture_output=True, text=True).stdout.strip()

    kilobytes = int(first(r"^MemTotal:\s+(\d+) kB", "/proc/meminfo"))
    return {
        "processor": first(r"^model name\s*:\s*(.+)$", "/proc/cpuinfo"),
        "cores": os.cpu_count(),
        "memory": f"{kilobytes / 1048576:.0f} GiB",
        "kernel": platform.release(),
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "kyso": version(str(kyso), "--version"),
        "pyHanko": metadata.version("pyHanko"),
        "Python": platform.python_version(),
        "OpenSSL": version("openssl", "version"),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }
