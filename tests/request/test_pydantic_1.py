"""The same tests with pydantic 1 in place of 2, as Forge's older relatives have it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("version", ["1.10.13", "1.10.15"])  # without and with a `pydantic.v1` of its own
def test_requests_are_checked_alike_with_pydantic_1(version: str) -> None:
    folder = Path(sys.prefix) / f"pydantic-{version}"
    if not folder.is_dir():
        pytest.skip(f"pydantic {version} is not in {folder}: make test puts it there")
    code = (
        "import sys, pydantic, pytest\n"
        f"assert pydantic.VERSION == {version!r}, pydantic.VERSION\n"
        "from lib_iclight.request import RelightRequest\n"
        "assert RelightRequest.__mro__[1] is pydantic.BaseModel\n"
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '--noconftest', 'tests/request/test_request.py']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
