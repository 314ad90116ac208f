from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.draw import disk

from lib_iclight.errors import ICLightError
from lib_iclight.foreground.grabcut import grab_cut


def a_disc(
    width: int, height: int, noise: int = 6, seed: int = 0, colours: tuple = ((40, 90, 60), (210, 120, 40))
) -> tuple[np.ndarray, np.ndarray]:
    """A disc on a plain background, with a camera's noise, and where it is."""
    inside = np.zeros((height, width), bool)
    inside[disk((height / 2, width / 2), min(width, height) * 0.3, shape=inside.shape)] = True
    rgb = np.where(inside[..., None], *(np.array(colour) for colour in colours[::-1]))
    grain = np.random.default_rng(seed).integers(-noise, noise + 1, rgb.shape)
    return (rgb + grain).clip(0, 255).astype(np.uint8), inside


def overlap(found: np.ndarray, inside: np.ndarray) -> float:
    height, width = inside.shape
    found = cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    return (found & inside).sum() / (found | inside).sum()


@pytest.mark.parametrize(("width", "height"), [(160, 120), (97, 211), (1500, 1100)])
@pytest.mark.parametrize("noise", [0, 6])
def test_grab_cut_finds_a_disc(width: int, height: int, noise: int) -> None:
    rgb, inside = a_disc(width, height, noise)
    alpha = grab_cut(rgb)
    assert alpha.dtype == np.float32 and max(alpha.shape) == min(448, max(width, height))
    assert set(np.unique(alpha)) == {0, 1}
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
    assert (alpha[-3:, 30:90] == 1).all(), "to the edge itself"


def test_grab_cut_finds_the_same_each_time() -> None:
    random = np.random.default_rng(2)
    # many colours and no subject: what is found hangs on where the colours' search begins
    patches = random.integers(0, 256, (6, 8, 3)).repeat(20, 0).repeat(20, 1)
    rgb = (patches + random.integers(-20, 20, patches.shape)).clip(0, 255).astype(np.uint8)
    first = grab_cut(rgb)
    for seed in range(1, 6):
        cv2.setRNGSeed(seed)
        assert np.array_equal(grab_cut(rgb), first)


def test_grab_cut_leaves_no_specks() -> None:
    rgb, inside = a_disc(300, 300)
    rgb[148:152, 148:152] = rgb[:4, :4]  # an eye, as dark as the background
    rgb[20:24, 20:24] = rgb[130:134, 130:134]
    found = grab_cut(rgb)
    assert (found[145:155, 145:155] == 1).all() and (found[15:30, 15:30] == 0).all()
    rgb[120:180, 120:180] = rgb[:60, :60]
    assert (grab_cut(rgb)[140:160, 140:160] == 0).all(), "what is large enough is a hole"
    assert overlap(found, inside) > 0.9


@pytest.mark.parametrize("grey", [0, 127, 255])
def test_grab_cut_refuses_a_picture_of_one_colour(grey: int) -> None:
    with pytest.raises(ICLightError, match=r"finds no subject.*cutout to none"):
        grab_cut(np.full((80, 100, 3), grey, np.uint8))


@pytest.mark.parametrize("size", [(15, 40), (40, 15), (1, 1), (4000, 20)])
def test_grab_cut_refuses_what_is_too_small(size: tuple[int, int]) -> None:
    with pytest.raises(ICLightError, match=rf"{size[0]}×{size[1]} pixels is too small"):
        grab_cut(np.zeros((size[1], size[0], 3), np.uint8))
