from __future__ import annotations

import gc
import weakref

import cv2
import numpy as np
import pytest
from skimage.draw import disk

from lib_iclight.errors import ICLightError
from lib_iclight.foreground import composite_on_grey, cut_out
from lib_iclight.foreground.cutout import grab_cut
from lib_iclight.pictures import Picture
from lib_iclight.request import Cutout


def a_disc(
    width: int, height: int, noise: int = 6, seed: int = 0, colours: tuple = ((40, 90, 60), (210, 120, 40))
) -> tuple[np.ndarray, np.ndarray]:
    """A disc on a plain background, with a camera's noise, and where it is."""
    inside = np.zeros((height, width), bool)
    inside[disk((height / 2, width / 2), min(width, height) * 0.3, shape=inside.shape)] = True
    rgb = np.where(inside[..., None], *(np.array(colour) for colour in colours[::-1]))
    grain = np.random.default_rng(seed).integers(-noise, noise + 1, rgb.shape)
    return (rgb + grain).clip(0, 255).astype(np.uint8), inside


def overlap(alpha: np.ndarray, inside: np.ndarray) -> float:
    found = alpha > 127
    return (found & inside).sum() / (found | inside).sum()


@pytest.mark.parametrize(("width", "height"), [(160, 120), (97, 211), (1500, 1100)])
@pytest.mark.parametrize("noise", [0, 6])
def test_grab_cut_finds_a_disc(width: int, height: int, noise: int) -> None:
    rgb, inside = a_disc(width, height, noise)
    alpha = grab_cut(rgb)
    assert alpha.dtype == np.uint8 and alpha.shape == (height, width)
    assert overlap(alpha, inside) > 0.9


def test_grab_cut_sees_colours_and_not_their_order() -> None:
    red_on_blue, inside = a_disc(120, 120, colours=((20, 20, 200), (200, 20, 20)))
    assert overlap(grab_cut(red_on_blue), inside) > 0.9


def test_grab_cut_finds_a_portrait_that_the_lower_edge_cuts_off() -> None:
    inside = np.zeros((160, 120), bool)
    inside[disk((75, 60), 28, shape=inside.shape)] = True
    inside[110:, 25:95] = True
    inside[95:, 48:72] = True
    rgb = np.where(inside[..., None], (190, 120, 90), (70, 90, 120))
    grain = np.random.default_rng(0).integers(-6, 7, rgb.shape)
    alpha = grab_cut((rgb + grain).astype(np.uint8))
    assert overlap(alpha, inside) > 0.9
    assert (alpha[-3:, 30:90] > 127).all(), "to the edge itself"


def test_grab_cut_finds_the_same_each_time() -> None:
    random = np.random.default_rng(2)
    # many colours and no subject: what is found hangs on where the colours' search begins
    patches = random.integers(0, 256, (6, 8, 3)).repeat(20, 0).repeat(20, 1)
    rgb = (patches + random.integers(-20, 20, patches.shape)).clip(0, 255).astype(np.uint8)
    first = grab_cut(rgb)
    for seed in range(1, 6):
        cv2.setRNGSeed(seed)
        assert np.array_equal(grab_cut(rgb), first)


@pytest.mark.parametrize("grey", [0, 127, 255])
def test_grab_cut_refuses_a_picture_of_one_colour(grey: int) -> None:
    with pytest.raises(ICLightError, match=r"finds no subject.*cutout to none"):
        grab_cut(np.full((80, 100, 3), grey, np.uint8))


@pytest.mark.parametrize("size", [(15, 40), (40, 15), (1, 1), (4000, 20)])
def test_grab_cut_refuses_what_is_too_small(size: tuple[int, int]) -> None:
    with pytest.raises(ICLightError, match=rf"{size[0]}×{size[1]} pixels is too small"):
        grab_cut(np.zeros((size[1], size[0], 3), np.uint8))


@pytest.mark.parametrize("cutout", Cutout)
def test_a_pictures_own_transparency_wins(cutout: Cutout) -> None:
    rgb, _ = a_disc(64, 48)
    alpha = np.random.default_rng(1).integers(0, 256, (48, 64), np.uint8)
    cut = cut_out(Picture(rgb, alpha), cutout)
    assert np.array_equal(cut.alpha, alpha)
    assert np.array_equal(cut.rgb, composite_on_grey(rgb, alpha))


def test_cut_out_lays_what_grab_cut_finds_on_grey() -> None:
    rgb, inside = a_disc(100, 80)
    picture = Picture(rgb)
    cut = cut_out(picture, Cutout.GRABCUT)
    assert overlap(cut.alpha, inside) > 0.9
    assert np.array_equal(cut.rgb, composite_on_grey(rgb, cut.alpha))
    assert (cut.rgb[0, 0] == 127).all() and picture.alpha is None


def test_without_cutting_out_the_picture_is_taken_as_it_is() -> None:
    rgb, _ = a_disc(20, 20)
    cut = cut_out(Picture(rgb), Cutout.NONE)
    assert np.array_equal(cut.rgb, rgb) and cut.alpha is None


def transparent(number: int) -> Picture:
    return Picture(np.full((4, 4, 3), number, np.uint8), np.full((4, 4), 100, np.uint8))


def test_a_cut_out_is_made_once() -> None:
    assert cut_out(transparent(7), Cutout.GRABCUT) is cut_out(transparent(7), Cutout.GRABCUT)
    assert cut_out(transparent(7), Cutout.GRABCUT) is not cut_out(transparent(8), Cutout.GRABCUT)


def test_only_the_last_cut_outs_are_kept() -> None:
    kept = cut_out(transparent(0), Cutout.NONE)
    made = []
    for number in range(1, 20):
        made.append(weakref.ref(cut_out(transparent(number), Cutout.NONE)))
        assert cut_out(transparent(0), Cutout.NONE) is kept, "what is used stays"
    gc.collect()
    alive = [number for number, cut in enumerate(made) if cut() is not None]
    assert alive == list(range(12, 19)), "seven, and the one in use"


def test_nothing_but_transparency_is_refused() -> None:
    picture = Picture(np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), np.uint8))
    with pytest.raises(ICLightError, match="transparent all over"):
        cut_out(picture, Cutout.NONE)
