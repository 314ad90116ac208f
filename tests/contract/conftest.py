"""Benches for the contract: the embedded host always, a real Forge where FORGE_DIR names one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .bench import Bench, forge_bench

BENCHES = ["embedded", "forge"] if "FORGE_DIR" in os.environ else ["embedded"]


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
