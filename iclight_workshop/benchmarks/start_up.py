"""What the extension adds to a Forge's start.

    FORGE_DIR=… FORGE_PYTHON=… python -m iclight_workshop.benchmarks.start_up [starts]

Starts Forge with its page, ten times with the extension and ten times without unless told otherwise, in turn, until
the API answers; and runs `install.py` as often, which Forge does beforehand. The processor's time is printed beside the
clock's, which is judged: where both differ by seconds from start to start, the machine can't resolve the bound. The
status is 1 if it is missed: let nothing else run meanwhile.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..forge_server import ForgeServer
from ..host_bench import REPOSITORY

STARTS = 10

WITH_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""As everywhere but where somebody forbids it: what was compiled at one start is there at the next."""

BOUND = 0.3
"""Seconds that the extension may add, `install.py` included."""


@dataclass(frozen=True)
class Seconds:
    """What something took."""

    clock: float
    processor: float


def start(extensions: Mapping[str, Path]) -> Seconds:
    """What it takes until a Forge with these extensions answers."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ForgeServer.from_environment(
            Path(folder) / "forge.log", extensions=extensions, environment=WITH_BYTECODE
        ) as server,
    ):
        if extensions and "Error loading script" in server.read_log():
            raise SystemExit(f"The extension was not loaded.\n{server.read_log()}")
        return Seconds(server.seconds_to_start, server.processor_seconds_to_start)


def install() -> Seconds:
    """What `install.py` takes when there is nothing to do."""
    before, begin = _of_children(), time.perf_counter()
    command = [os.environ["FORGE_PYTHON"], str(REPOSITORY / "install.py")]
    said = subprocess.run(command, env={**os.environ, **WITH_BYTECODE}, capture_output=True, check=True)
    seconds = Seconds(time.perf_counter() - begin, _of_children() - before)
    if said.stdout:
        raise SystemExit(f"There was something to do: {said.stdout.decode()}")
    return seconds


def _of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _list_seconds(seconds: Mapping[str, Sequence[Seconds]], kind: str) -> float:
    """Print a table of what was measured in one way; the median that the extension adds, `install.py` included."""
    times = {name: [getattr(each, kind) for each in taken] for name, taken in seconds.items()}
    medians = {name: statistics.median(each) for name, each in times.items()}
    print(f"{f'seconds by the {kind}':<30}{'median':>8}{'fastest':>9}{'slowest':>9}")
    for name, each in times.items():
        print(f"{name:<30}{medians[name]:8.3f}{min(each):9.3f}{max(each):9.3f}")
    added = medians["with it"] - medians["without the extension"] + medians["install.py"]
    print(f"{'added':<30}{added:8.3f}\n")
    return added


def main() -> int:
    """Measure, and print the medians."""
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else STARTS
    start({"sd-forge-iclight": REPOSITORY})  # what is measured is neither the disk nor the compiler
    seconds: dict[str, list[Seconds]] = {"without the extension": [], "with it": []}
    for number in range(starts):
        pairs = [("without the extension", {}), ("with it", {"sd-forge-iclight": REPOSITORY})]
        for name, extensions in reversed(pairs) if number % 2 else pairs:
            seconds[name].append(start(extensions))
    seconds["install.py"] = [install() for _ in range(starts)]
    _list_seconds(seconds, "processor")
    added = _list_seconds(seconds, "clock")
    held = added <= BOUND
    print(f"{'held  ' if held else 'MISSED'}  the extension adds at most {BOUND} s: {added:.3f} s")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
