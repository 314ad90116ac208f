"""What a relight leaves behind: nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from iclight_workshop.host_bench import Bench, encode, tab_picture

from .cases import BASE, FC, FC_LEFT, HIRES, TAB, TAB_LEFT, relight

PLAIN = {
    "txt2img": ("txt2img", BASE),
    "hires": ("txt2img", BASE | HIRES),
    "img2img": ("img2img", TAB),
}

RELIT: Mapping[str, Mapping[str, Any]] = {"txt2img": FC_LEFT, "hires": FC, "img2img": TAB_LEFT}


def plain(bench: Bench, tab: str) -> list[bytes]:
    """A plain generation's pictures."""
    outcome = bench.post(*PLAIN[tab])
    assert outcome.status == 200, outcome.detail
    assert not any(each["wrapped"] or each["patches"] for each in outcome.passes)
    return [image.tobytes() for image in outcome.images]


@pytest.mark.parametrize("tab", PLAIN)
def test_plain_generation_is_what_it_would_have_been(bench: Bench, tab: str) -> None:
    endpoint, payload = PLAIN[tab]
    before = plain(bench, tab)
    assert plain(bench, tab) == before, "plain generations must repeat themselves for this to show anything"

    relit = bench.post(endpoint, payload | RELIT[tab])
    assert relit.status == 200, relit.detail
    assert [image.tobytes() for image in relit.images] != before
    assert plain(bench, tab) == before, "after a relight"

    failed = bench.post(endpoint, payload | relight(subject=encode(tab_picture(64, 64))[:999]))
    assert failed.status == 422
    assert plain(bench, tab) == before, "after a refused request"

    for what in ("break", "break-merge"):
        failed = bench.post_broken(endpoint, payload | RELIT[tab], what)
        assert failed.status == 500
        assert plain(bench, tab) == before, f"after an error in the middle: {what}"

    for how in ("interrupt", "skip"):
        stopped = bench.post_interrupted(endpoint, payload | RELIT[tab] | {"steps": 12}, how)
        assert stopped.status == 200
        assert plain(bench, tab) == before, f"after a relight and {how}"
