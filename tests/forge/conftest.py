"""The tests in this folder need a real Forge, which FORGE_DIR names; without one there is nothing to collect."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chromium import chromium

collect_ignore_glob = [] if "FORGE_DIR" in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all pages: Playwright runs once in a process."""
    with chromium() as browser:
        yield browser
