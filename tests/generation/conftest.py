"""Nothing that an earlier test cut out is taken for this one's."""

from __future__ import annotations

import pytest

from lib_iclight.foreground import release


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    release()
