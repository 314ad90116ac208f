"""Results at the resolution of the photo that they were made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import Bench, background, encode, mask, tab_picture

from .cases import BASE, BOX, HIRES, ONLY_MASKED, TAB, relight
from .test_in_place import check, oval, results

PHOTO = background().resize((600, 400), Image.Resampling.BICUBIC)
SUBJECT = {"subject": PHOTO, "mask": oval(600, 400)}


def crop_of_frame(width: int, height: int) -> Image.Image:
    """The photo's part that a frame of 2:3 shows, at its own resolution."""
    assert (width, height) == (266, 400)
    return PHOTO.crop(((600 - 266) / 2, 0, (600 + 266) / 2, 400))


@pytest.mark.parametrize("more", [{"batch_size": 2}, HIRES], ids=["batch", "hires"])
def test_a_result_is_as_large_as_the_photo_s_part(bench: Bench, more: dict[str, Any]) -> None:
    outcome = bench.post("txt2img", BASE | more | relight(**SUBJECT, light="left", full_size=True))
    for rgb in results(outcome):
        assert rgb.shape == (400, 266, 3)
    assert "IC-Light full size: True" in str(outcome.info)


def test_in_place_the_photo_is_kept_to_the_byte(bench: Bench) -> None:
    outcome = bench.post("txt2img", BASE | relight(**SUBJECT, light="left", full_size=True, in_place="own"))
    (rgb,) = results(outcome)
    check(rgb, oval(600, 400).crop(((600 - 266) / 2, 0, (600 + 266) / 2, 400)), crop_of_frame(266, 400))


def test_the_tab_s_photo_keeps_its_size(bench: Bench) -> None:
    photo = tab_picture(256, 384)
    tab = TAB | {"init_images": [encode(photo)]}
    (rgb,) = results(bench.post("img2img", tab | relight(mask=oval(256, 384), full_size=True, in_place="own")))
    check(rgb, oval(256, 384), photo)


def test_the_photo_s_fine_structure_is_there(bench: Bench) -> None:
    """Fine stripes, which no small picture holds: the relit ones go up and down with them."""
    stripes = np.where(np.arange(800) % 4 < 2, 90, 160).astype(np.uint8)
    photo = Image.fromarray(np.broadcast_to(stripes[None, :, None], (1200, 800, 3)).copy())
    (rgb,) = results(bench.post("txt2img", BASE | relight(subject=photo, cutout="none", full_size=True)))
    assert rgb.shape == (1200, 800, 3)
    rows = rgb.astype(float).mean(axis=-1)
    likeness = np.corrcoef(
        np.diff(rows, axis=1).ravel(), np.broadcast_to(np.diff(stripes.astype(float)), (1200, 799)).ravel()
    )
    assert likeness[0, 1] > 0.5


def test_a_hires_pass_beyond_the_photo_says_so(bench: Bench) -> None:
    photo = oracle.cover(PHOTO, 150, 225)
    outcome = bench.post("txt2img", BASE | HIRES | relight(subject=photo, cutout="none", full_size=True))
    (rgb,) = results(outcome)
    assert rgb.shape[0] > 225
    assert "full_size enlarged nothing, as the subject's picture, 150×225, is no larger" in str(outcome.info)


REFUSED = {
    "a small photo": ("txt2img", BASE | relight(subject=oracle.cover(PHOTO, 100, 100), cutout="none", full_size=True)),
    "a mask": (
        "img2img",
        TAB
        | ONLY_MASKED
        | {"init_images": [encode(tab_picture(256, 384))], "mask": encode(mask(256, 384, BOX))}
        | relight(cutout="none", full_size=True),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_full_size_is_refused(bench: Bench, case: str) -> None:
    outcome = bench.post(*REFUSED[case])
    assert outcome.status == 422 and outcome.detail.startswith("full_size ")
