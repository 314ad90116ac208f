"""Runs the contract, or the neighbours' tests, on a real host, and keeps what came of it.

`python -m iclight_workshop.hosts NAME FOLDER PYTHON` runs one host, known by its name in :data:`HOSTS`, from the folder
that it lies in with the Python of its environment, which takes half an hour on two cores. With `--neighbours` it runs
other extensions beside a relight instead; with `--times` it measures again what other work has slowed down. What came
of it goes to `iclight_workshop/hosts.json`, from which `python -m iclight_workshop.tables` writes the tables of the
documents.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]

RESULTS = Path(__file__).with_name("hosts.json")

HOSTS = ("Forge", "Forge Neo", "reForge", "reForge dev2", "Forge Classic", "ersatzForge", "Forge previous")
"""Their names in the table, in its order."""

CONTRACT = [
    "tests/contract",
    "tests/forge/test_host.py",
    "tests/forge/test_lacking.py",
    "-k",
    "forge and not test_cell",
]
NEIGHBOURS = ["tests/forge/test_neighbours.py"]
TIMES = ["tests/forge/test_host.py::test_a_later_relight_merges_nothing"]

CELLS = {
    "page": r"test_it_loads|test_the_api_relights",
    "fc": r"forge-(fc|cfg-1|long-prompt|strength|size-136x200)\]",
    "fbc": r"forge-fbc",
    "light": r"test_txt2img_starts|test_own_light_map|test_light_denoise",
    "hires": r"hires|test_two_passes",
    "img2img": r"forge-(img2img-fc-left|tab-)",
    "mask": r"forge-img2img-mask|inside_the_mask",
    "only masked": r"only.masked",
    "batches": r"batch|each_picture_of_the_tab|each_init_image",
    "plain as before": r"test_plain_generation",
    "refusals": r"wrong_request",
    "lacking": r"test_what_is_missing",
}
"""The table's columns, and the tests that each stands for."""

FIGURES = {"c_concat": "c_concat", "UNet": "UNet", "hook, ms": "later hook, ms", "merge, s": "later merge, s"}
"""How a figure's name ends, and what the table calls its largest value."""


def main(arguments: list[str] | None = None) -> int:
    """Run one host; 1 where a test failed."""
    parser = argparse.ArgumentParser(description="Run the contract on a real host and keep what came of it.")
    parser.add_argument("name", choices=HOSTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("python", type=Path)
    parser.add_argument("--neighbours", action="store_true", help="run other extensions beside a relight")
    parser.add_argument("--again", action="store_true", help="run those tests that didn't pass last time")
    parser.add_argument("--times", action="store_true", help="only measure again, while nothing else runs, how long")
    given = parser.parse_args(arguments)
    results = read_results()
    kept = results.setdefault(given.name, {})
    neighbours = kept.get("neighbours", {}).get("figures", {}) if given.again else {}
    if given.neighbours:
        tests = NEIGHBOURS + [f"--deselect={NEIGHBOURS[0]}::test_neighbour[{name}]" for name in _passed(neighbours)]
    else:
        tests = kept["failed"] if given.again else CONTRACT
    if given.times:
        tests = TIMES
        kept["figures"] |= dict.fromkeys(("later hook, ms", "later merge, s"), 0.0)
    code, report = run(given.folder, given.python, tests)
    kept["revision"] = read_revision(given.folder)
    today = datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
    if given.neighbours:
        kept["neighbours"] = {"date": today, "figures": neighbours | summarise_neighbours(report)}
    else:
        failed = kept.get("failed", [])
        kept |= {"date": today, **summarise(report, kept if given.again or given.times else None)}
        if given.times:
            kept["failed"] = failed + kept["failed"]
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(list_neighbours() if given.neighbours else list_hosts())
    return code


def read_results() -> dict[str, Any]:
    """What was kept, by the host's name."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def run(folder: Path, python: Path, tests: list[str]) -> tuple[int, ElementTree.Element]:
    """Run tests on a host; pytest's status and report."""
    with tempfile.TemporaryDirectory() as kept:
        path = Path(kept) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-rfEs", *tests, f"--junitxml={path}"]
        environment = {**os.environ, "FORGE_DIR": str(folder.absolute()), "FORGE_PYTHON": str(python.absolute())}
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        return code, ElementTree.parse(path).getroot()


def summarise(report: ElementTree.Element, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """How many tests of each cell passed and failed, which failed, and the largest figures.

    :param before: what was kept of the run whose failures the report is of.
    """
    cells = {name: [0, 0] for name in CELLS} if before is None else copy.deepcopy(before["cells"])
    figures = dict.fromkeys(FIGURES.values(), 0.0) if before is None else dict(before["figures"])
    failed = []
    for test in report.iter("testcase"):
        if _failed(test):
            failed.append(f"{test.get('classname', '').replace('.', '/')}.py::{test.get('name')}")
        for name, pattern in CELLS.items():
            if not re.search(pattern, test.get("name", "")):
                continue
            if before is not None:
                cells[name][True] -= 1
            if test.find("skipped") is None:
                cells[name][_failed(test)] += 1
        for kind, value in _figures(test):
            for end, name in FIGURES.items():
                if kind.endswith(end):
                    figures[name] = max(figures[name], value)
    return {"cells": cells, "failed": failed, "figures": figures}


def summarise_neighbours(report: ElementTree.Element) -> dict[str, dict[str, float] | str]:
    """By neighbour its largest figures, or what came of it instead."""
    found: dict[str, dict[str, float] | str] = {}
    for test in report.iter("testcase"):
        match = re.fullmatch(r"test_neighbour\[(.*)\]", test.get("name", ""))
        if match is None:
            continue
        if _failed(test):
            found[match[1]] = "failed"
        elif test.find("skipped") is None:
            figures: dict[str, float] = {}
            for kind, value in _figures(test):
                name = kind.rpartition(": ")[2]
                figures[name] = max(figures.get(name, 0.0), value)
            found[match[1]] = figures or "refused, by name"
    return found


def _passed(neighbours: Mapping[str, Any]) -> list[str]:
    return [name for name, figures in neighbours.items() if figures != "failed"]


def _failed(test: ElementTree.Element) -> bool:
    return test.find("failure") is not None or test.find("error") is not None


def _figures(test: ElementTree.Element) -> list[tuple[str, float]]:
    """What the test has noted: the test's name and what it is, and its value."""
    noted = [each.get("value", "").rpartition(" ") for each in test.iter("property")]
    return [(kind, float(value)) for kind, _, value in noted]


def read_revision(folder: Path) -> str:
    """The commit that a host's folder is at."""
    command = ["git", "-C", str(folder), "rev-parse", "--short=8", "HEAD"]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def list_hosts() -> str:
    """A table of the hosts that were run: how many tests of each kind passed, and the largest figures."""
    results = read_results()
    run_hosts = {name: results[name] for name in HOSTS if "cells" in results.get(name, {})}
    rows = [_row("", *run_hosts), "| --- " * (len(run_hosts) + 1) + "|"]
    for cell in CELLS:
        rows.append(_row(cell, *(_mark(*each["cells"][cell]) for each in run_hosts.values())))
    for figure in FIGURES.values():
        rows.append(_row(figure, *(f"{each['figures'][figure]:.2g}" for each in run_hosts.values())))
    for what in ("revision", "date"):
        rows.append(_row(what, *(each[what] for each in run_hosts.values())))
    return "\n".join(rows) + "\n"


def list_neighbours() -> str:
    """A table of the neighbours on each host that they were run on."""
    results = read_results()
    hosts = {name: results[name]["neighbours"]["figures"] for name in HOSTS if "neighbours" in results.get(name, {})}
    rows = [_row("beside a relight", *hosts), "| --- " * (len(hosts) + 1) + "|"]
    for neighbour in sorted({name for figures in hosts.values() for name in figures}):
        rows.append(_row(neighbour, *(_describe(figures.get(neighbour)) for figures in hosts.values())))
    return "\n".join(rows) + "\n"


def _describe(figures: dict[str, float] | str | None) -> str:
    if figures is None:
        return "not there"
    if isinstance(figures, str):
        return figures
    plain, relit = figures["changes plain"], figures["changes relit"]
    change = "changes nothing" if not plain and not relit else f"plain {plain:.1%}, relit {relit:.1%}"
    return f"{change}; c_concat {figures['c_concat']:.1e}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _mark(passed: int, failed: int) -> str:
    if not passed + failed:
        return ""
    return f"{passed} ✓" if not failed else f"{passed} of {passed + failed}"


if __name__ == "__main__":
    sys.exit(main())
