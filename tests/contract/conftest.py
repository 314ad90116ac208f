"""Benches for the contract: the small host always, a real Forge where FORGE_DIR names one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from iclight_workshop.host_bench import Bench, forge_bench

BENCHES = ["standalone", "forge"] if "FORGE_DIR" in os.environ else ["standalone"]


@pytest.fixture(scope="session", params=BENCHES)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A host, ready to be asked."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "forge":
        with forge_bench(folder) as bench:
            yield bench
    else:
        from .standalone_bench import StandaloneBench

        yield StandaloneBench(folder)
