"""What the extension adds to a Forge's start.

    FORGE_DIR=… FORGE_PYTHON=… python -m iclight_workshop.benchmarks.start_up [starts]

Starts Forge with its page and API, ten times with the extension and ten times without unless told otherwise, in turn,
and runs `install.py` as often, which Forge does beforehand. What is judged is taken inside of Forge, in seconds of the
thread that builds the page (see `clock/scripts/clock.py`): loading the script with all that it imports, building the
panels with all that Forge and gradio do for them, gradio's lists of the page as far as they are longer, and the API's
routes; with `install.py` beside. Whole starts are listed too: where they differ by seconds from one to the next, they
can't tell what is added. The status is 1 if the bound is missed: let nothing else run meanwhile.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..forge_server import ForgeServer
from ..host_bench import REPOSITORY

STARTS = 10

WITH_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""As everywhere but where somebody forbids it: what was compiled at one start is there at the next."""

BOUND = 0.3
"""Seconds that the extension may add, `install.py` included."""

EXTENSIONS = {"sd-forge-iclight": REPOSITORY, "aa-clock": Path(__file__).parent / "clock"}


def start(extensions: Mapping[str, Path]) -> dict[str, float]:
    """What a start of a Forge with these extensions takes, in seconds: whole, and by what the clock knows."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ForgeServer.from_environment(
            Path(folder) / "forge.log", extensions=extensions, environment=WITH_BYTECODE
        ) as server,
    ):
        whole = {"whole": server.seconds_to_start}
        if not extensions:
            return whole
        status, clocked = server.get("/iclight-clock")
        if status != 200 or not {"import", "panels"} <= set(clocked):
            raise SystemExit(f"The extension was not loaded.\n{server.read_log()}")
        return {**whole, **clocked}


def install() -> float:
    """What `install.py` takes when there is nothing to do, in seconds."""
    command = [os.environ["FORGE_PYTHON"], str(REPOSITORY / "install.py")]
    begin = time.perf_counter()
    said = subprocess.run(command, env={**os.environ, **WITH_BYTECODE}, capture_output=True, check=True)
    seconds = time.perf_counter() - begin
    if said.stdout:
        raise SystemExit(f"There was something to do: {said.stdout.decode()}")
    return seconds


def list_seconds(title: str, seconds: Mapping[str, Sequence[float]]) -> None:
    """Print a table of what was measured."""
    print(f"{title:<30}{'median':>8}{'fastest':>9}{'slowest':>9}")
    for name, each in seconds.items():
        print(f"{name:<30}{statistics.median(each):8.3f}{min(each):9.3f}{max(each):9.3f}")
    print()


def main() -> int:
    """Measure, and print the medians."""
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else STARTS
    start(EXTENSIONS)  # what is measured is neither the disk nor the compiler
    without: list[float] = []
    clocked: list[dict[str, float]] = []
    for _ in range(starts):
        without.append(start({})["whole"])
        clocked.append({**start(EXTENSIONS), "install.py": install()})
    whole = [each.pop("whole") for each in clocked]
    added = [sum(each.values()) for each in clocked]
    list_seconds("whole starts, in seconds", {"without the extension": without, "with it": whole})
    parts = {name: [each[name] for each in clocked] for name in clocked[0]}
    list_seconds("added, in seconds", {**parts, "together": added})
    median = statistics.median(added)
    held = median <= BOUND
    print(f"{'held  ' if held else 'MISSED'}  the extension adds at most {BOUND} s: {median:.3f} s")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
