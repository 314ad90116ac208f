"""Benches for the contract: the embedded host always, a real Forge where FORGE_DIR names one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from .bench import Bench, forge_bench

BENCHES = ["embedded", "forge"] if "FORGE_DIR" in os.environ else ["embedded"]

_figures: list[str] = []


@pytest.fixture(scope="session", params=BENCHES)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A host, ready to be asked."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "forge":
        with forge_bench(folder) as bench:
            yield bench
    else:
        from .embedded_bench import EmbeddedBench

        yield EmbeddedBench(folder)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str, float], float]:
    """Note a measured figure for the run's closing lines."""

    def note(name: str, value: float) -> float:
        _figures.append(f"{request.node.name}: {name} {value:.3g}")
        return value

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section("measured")
        for line in _figures:
            terminalreporter.write_line(line)
