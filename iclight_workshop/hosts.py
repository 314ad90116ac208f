"""Runs the contract on real hosts, keeps what came of it, and prints a table of all that was kept.

`python -m iclight_workshop.hosts NAME FOLDER PYTHON` runs one host, known by its name in :data:`HOSTS`, from the folder
that it lies in with the Python of its environment, which takes half an hour on two cores. What came of it goes to
`iclight_workshop/hosts.json`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]

RESULTS = Path(__file__).with_name("hosts.json")

HOSTS = ("Forge", "Forge Neo", "reForge", "reForge dev2", "Forge Classic", "ersatzForge", "Forge previous")
"""Their names in the table, in its order."""

CELLS = {
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
}
"""The table's columns, and the tests that each stands for."""


def main(arguments: list[str] | None = None) -> int:
    """Run one host; 1 where a test failed."""
    parser = argparse.ArgumentParser(description="Run the contract on a real host and keep what came of it.")
    parser.add_argument("name", choices=HOSTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("python", type=Path)
    parser.add_argument("--select", default="", metavar="EXPRESSION", help="run some of the tests, as pytest's -k")
    given = parser.parse_args(arguments)
    report = run(given.folder, given.python, given.select)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results[given.name] = {
        "revision": read_revision(given.folder),
        "date": datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat(),
        **summarise(report),
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(list_hosts())
    return int(any(failed for _, failed in results[given.name]["cells"].values()))


def run(folder: Path, python: Path, select: str) -> ElementTree.Element:
    """pytest's report of the contract on a host."""
    with tempfile.TemporaryDirectory() as kept:
        path = Path(kept) / "report.xml"
        expression = f"forge and ({select})" if select else "forge"
        command = [sys.executable, "-m", "pytest", "-q", "tests/contract", "-k", expression, f"--junitxml={path}"]
        command += ["--ignore", "tests/contract/test_matrix.py"]
        environment = {**os.environ, "FORGE_DIR": str(folder.absolute()), "FORGE_PYTHON": str(python.absolute())}
        subprocess.run(command, cwd=ROOT, env=environment, check=False)
        return ElementTree.parse(path).getroot()


def summarise(report: ElementTree.Element) -> dict[str, Any]:
    """How many tests of each cell passed and failed, and the largest figures."""
    cells = {name: [0, 0] for name in CELLS}
    figures = {"c_concat": 0.0, "UNet": 0.0}
    for test in report.iter("testcase"):
        failed = test.find("failure") is not None or test.find("error") is not None
        for name, pattern in CELLS.items():
            if re.search(pattern, test.get("name", "")):
                cells[name][failed] += 1
        for each in test.iter("property"):
            kind, _, value = each.get("value", "").rpartition(" ")
            for name in figures:
                if kind.endswith(name):
                    figures[name] = max(figures[name], float(value))
    return {"cells": cells, "figures": figures}


def read_revision(folder: Path) -> str:
    """The commit that a host's folder is at."""
    command = ["git", "-C", str(folder), "rev-parse", "--short=8", "HEAD"]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def list_hosts() -> str:
    """A table of the hosts, from what was kept."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    names = list(CELLS)
    rows = [f"| host | {' | '.join(names)} | c_concat | UNet | run |", "| --- " * (len(names) + 4) + "|"]
    for name in HOSTS:
        kept = results.get(name)
        if kept is None:
            rows.append(f"| {name} |" + " |" * (len(names) + 2) + " not yet |")
            continue
        cells = [_mark(*kept["cells"].get(cell, (0, 0))) for cell in names]
        figures = [f"{value:.1e}" for value in kept["figures"].values()]
        rows.append(f"| {name} | {' | '.join([*cells, *figures])} | {kept['revision']}, {kept['date']} |")
    return "\n".join(rows) + "\n"


def _mark(passed: int, failed: int) -> str:
    if not passed + failed:
        return ""
    return f"{passed} ✓" if not failed else f"{passed} of {passed + failed}"


if __name__ == "__main__":
    sys.exit(main())
