"""What the extension adds to a Forge's start.

    FORGE_DIR=… FORGE_PYTHON=… python -m iclight_workshop.benchmarks.start_up [starts]

Starts Forge with its page, ten times with the extension and ten times without unless told otherwise, in turn, until
the API answers; and runs `install.py` as often, which Forge does beforehand. The status is 1 if the bound is missed:
let nothing else run meanwhile.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from ..forge_server import ForgeServer
from ..host_bench import REPOSITORY

STARTS = 10

BOUND = 0.3
"""Seconds that the extension may add, `install.py` included."""


def start(extensions: Mapping[str, Path]) -> float:
    """Seconds until a Forge with these extensions answers."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ForgeServer.from_environment(Path(folder) / "forge.log", extensions=extensions) as server,
    ):
        if extensions and "Error loading script" in server.read_log():
            raise SystemExit(f"The extension was not loaded.\n{server.read_log()}")
        return server.seconds_to_start


def install() -> float:
    """Seconds that `install.py` takes when there is nothing to do."""
    begin = time.perf_counter()
    said = subprocess.run([os.environ["FORGE_PYTHON"], REPOSITORY / "install.py"], capture_output=True, check=True)
    if said.stdout:
        raise SystemExit(f"There was something to do: {said.stdout.decode()}")
    return time.perf_counter() - begin


def main() -> int:
    """Measure, and print the medians."""
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else STARTS
    start({})  # what is measured is not the disk
    seconds: dict[str, list[float]] = {"without the extension": [], "with it": []}
    for number in range(starts):
        pairs = [("without the extension", {}), ("with it", {"sd-forge-iclight": REPOSITORY})]
        for name, extensions in reversed(pairs) if number % 2 else pairs:
            seconds[name].append(start(extensions))
    seconds["install.py"] = [install() for _ in range(starts)]
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"{f'{starts} starts (s)':<24}{'median':>8}{'fastest':>9}{'slowest':>9}")
    for name, times in seconds.items():
        print(f"{name:<24}{medians[name]:8.3f}{min(times):9.3f}{max(times):9.3f}")
    added = medians["with it"] - medians["without the extension"] + medians["install.py"]
    held = added <= BOUND
    print(f"\n{'held  ' if held else 'MISSED'}  the extension adds at most {BOUND} s: {added:.3f} s")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
