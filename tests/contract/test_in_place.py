"""The relit subject over a background that nothing has touched: what is not the subject's is the background's bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import Bench, Outcome, background, encode, mask, tab_picture

from .cases import BASE, BOX, HIRES, ONLY_MASKED, TAB, relight
from .test_lights import PLACE, placed

PHOTO = background().resize((300, 400), Image.Resampling.BICUBIC)


def oval(width: int, height: int) -> Image.Image:
    """An opaque mask with a subject in the middle of its picture."""
    drawn = Image.new("L", (width, height))
    ImageDraw.Draw(drawn).ellipse((width // 4, height // 4, 3 * width // 4, 3 * height // 4), fill=255)
    return drawn.convert("RGB")


SUBJECT = {"subject": PHOTO, "mask": oval(300, 400)}
OWN = relight(**SUBJECT, in_place="own")
BACKGROUND = {"model": "iclight_sd15_fbc", "background_image": background().transpose(Image.Transpose.ROTATE_90)}


def results(outcome: Outcome) -> list[np.ndarray]:
    """The relit pictures, without a grid."""
    assert outcome.status == 200, outcome.detail
    assert "IC-Light could not" not in str(outcome.info)
    return [np.asarray(image) for image in outcome.images[outcome.info.get("index_of_first_image", 0) :]]


def check(rgb: np.ndarray, alpha: Image.Image, around: Image.Image) -> None:
    """Outside of the cut-out it is the background; inside something else."""
    outside = np.asarray(alpha.convert("L")) == 0
    assert outside.any() and not outside.all()
    assert np.array_equal(rgb[outside], np.asarray(around)[outside])
    inside = np.asarray(alpha.convert("L")) == 255
    assert (rgb[inside] != np.asarray(around)[inside]).any(axis=-1).mean() > 0.9


@pytest.mark.parametrize("more", [{"batch_size": 2, "n_iter": 2}, HIRES], ids=["batches", "hires"])
def test_over_its_own_picture(bench: Bench, more: dict[str, Any]) -> None:
    pictures = results(bench.post("txt2img", BASE | more | OWN))
    assert len(pictures) == more.get("batch_size", 1) * more.get("n_iter", 1)
    for rgb in pictures:
        size = rgb.shape[1], rgb.shape[0]
        check(rgb, oracle.cover(SUBJECT["mask"], *size), oracle.cover(PHOTO, *size))


def test_over_the_background_where_it_was_placed(bench: Bench) -> None:
    settings = SUBJECT | BACKGROUND | PLACE | {"lights": "noon", "in_place": "background"}
    for rgb in results(bench.post("txt2img", BASE | HIRES | relight(**settings))):
        size = rgb.shape[1], rgb.shape[0]
        untouched = oracle.cover(BACKGROUND["background_image"], *size)
        check(rgb, placed(SUBJECT["mask"], *size, beyond=(0, 0, 0)), untouched)


def test_over_the_tab_s_own_picture(bench: Bench) -> None:
    (rgb,) = results(bench.post("img2img", TAB | relight(mask=oval(128, 192), in_place="own")))
    check(rgb, oval(128, 192), tab_picture(128, 192))


def test_over_the_part_that_only_masked_cuts_out(bench: Bench) -> None:
    """The host scales that part back when it pastes it, so in there it is the tab's picture but for scaling."""
    masked = TAB | ONLY_MASKED | {"mask": encode(mask(128, 192, BOX))}
    (rgb,) = results(bench.post("img2img", masked | relight(mask=oval(128, 192), in_place="own")))
    tab, alpha = np.asarray(tab_picture(128, 192)).astype(int), np.asarray(oval(128, 192).convert("L"))
    in_box = np.asarray(mask(128, 192, BOX)) > 0
    assert np.array_equal(rgb[~in_box], tab[~in_box])
    away = np.asarray(oval(128, 192).filter(ImageFilter.MaxFilter(7)).convert("L")) == 0
    assert (in_box & away).sum() > 100
    assert np.abs(rgb - tab)[in_box & away].mean() < 2
    assert np.abs(rgb - tab)[in_box & (alpha == 255)].mean() > 10


REFUSED = {
    "nothing to keep": (relight(subject=PHOTO, cutout="none", in_place="own"), "in_place has no background to keep"),
    "nothing around": (
        relight(
            subject=PHOTO.convert("RGBA").resize((64, 64)), mask=Image.new("RGB", (64, 64), "white"), in_place="own"
        ),
        "in_place has no background to keep",
    ),
    "no background": (relight(**SUBJECT, in_place="background"), "needs a model that looks at a background"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cant_be_laid_is_refused(bench: Bench, case: str) -> None:
    request, says = REFUSED[case]
    outcome = bench.post("txt2img", BASE | request)
    assert outcome.status == 422 and says in outcome.detail
