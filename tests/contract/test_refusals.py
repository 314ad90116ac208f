"""A generation that was asked to be relit never yields an unrelit picture: it yields a sentence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from iclight_workshop.host_bench import Bench

from .wrong import WRONG, Wrong, write_wrong_models


@pytest.fixture(scope="module")
def wrong_models(bench: Bench) -> Iterator[None]:
    good = bench.offsets["fc"]
    written = write_wrong_models(good.parent, good)
    yield
    for path in written:
        path.unlink()


@pytest.mark.usefixtures("wrong_models")
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_wrong_request(bench: Bench, wrong: Wrong) -> None:
    outcome = bench.post(wrong.tab, wrong.payload())
    assert (outcome.status, outcome.images) == (422, []), outcome
    assert wrong.says in outcome.detail
    assert "Traceback" not in outcome.detail and "\n" not in outcome.detail
    assert outcome.detail[0].isprintable() and outcome.detail.endswith((".", "?"))
    assert len(outcome.detail) < 400
    assert not any(each["calls"] for each in outcome.passes), "nothing may be sampled"
