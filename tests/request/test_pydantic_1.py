"""The same tests with a pydantic 1 that has no `pydantic.v1` of its own yet, as Forge's older relatives may have it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_requests_are_checked_alike_with_pydantic_1() -> None:
    path = Path(sys.prefix) / "pydantic1"
    assert path.is_dir(), f"there is no pydantic 1 in {path}: make test puts it there"
    code = (
        "import sys, pydantic, pytest\n"
        "from hypothesis import HealthCheck, settings\n"  # without conftest a busy machine would be an error
        "settings.register_profile('house', deadline=None, suppress_health_check=[HealthCheck.too_slow])\n"
        "settings.load_profile('house')\n"
        "assert pydantic.VERSION.startswith('1.10.'), pydantic.VERSION\n"
        "from lib_iclight.request import RelightRequest\n"
        "assert RelightRequest.__mro__[2] is pydantic.BaseModel\n"
        "rooms = ['test_request.py', 'test_effect.py', 'test_infotext.py']\n"
        "rooms = ['tests/request/' + room for room in rooms]\n"
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '--noconftest', *rooms]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
