"""The subject's own colours under a tinted light."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_iclight.finish import keep_colour
from lib_iclight.srgb import to_display, to_linear

from .scene import RGB_WEIGHTS, largest_change, pairs

Figure = Callable[[str, float], float]
TINTS = {"sunset": (1.0, 0.6, 0.3), "moon": (0.4, 0.6, 1.0), "neon": (1.0, 0.3, 0.9), "half as bright": (0.5, 0.5, 0.5)}


def chart() -> np.ndarray:
    """24 hues by 5 saturations by 3 values, as display values [24, 15, 3]."""
    colours = [
        [colorsys.hsv_to_rgb(hue / 24, saturation, value) for saturation in (0.1, 0.3, 0.5, 0.7, 0.9)
         for value in (0.4, 0.6, 0.8)] for hue in range(24)
    ]  # fmt: skip
    return np.rint(np.array(colours) * 255).astype(np.uint8)


def hue_and_saturation(rgb: np.ndarray) -> np.ndarray:
    """Of linear light: what a change of brightness leaves alone."""
    return np.array([colorsys.rgb_to_hsv(*map(float, pixel))[:2] for pixel in to_linear(rgb).reshape(-1, 3)])


def level_of_grey(rgb: np.ndarray) -> np.ndarray:
    """The display level of the grey as bright as each pixel, unrounded."""
    light = to_linear(rgb).astype(np.float64) @ RGB_WEIGHTS
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("tint", TINTS)
def test_hue_and_saturation_return_under_tinted_light(tint: str, figure: Figure) -> None:
    original = chart()
    result = to_display(to_linear(original) * np.array(TINTS[tint]))
    kept = keep_colour(result, original, None, 1.0)
    before, after, true = map(hue_and_saturation, (result, kept, original))
    vivid = true[:, 1] > 0.4  # of what is nearly grey, rounding sets the hue
    off = np.abs((after - true + [0.5, 0]) % [1, 2] - [0.5, 0])
    off[:, 1] = np.abs(after - true)[:, 1]
    figure("saturation off before", np.abs(before - true)[:, 1].max())
    assert figure("hue off, in degrees", 360 * off[vivid, 0].max()) <= 4
    assert figure("saturation off", off[:, 1].max()) <= 0.06
    assert figure("luminance off, in levels", np.abs(level_of_grey(kept) - level_of_grey(result)).max()) <= 1


@given(pairs(12), st.floats(0, 1))
def test_the_luminance_is_the_result_s(pair: tuple, strength: float) -> None:
    result, original, share = pair
    kept = keep_colour(result, original, share, strength)
    assert np.abs(level_of_grey(kept) - level_of_grey(result)).max() <= 2


def test_a_colour_too_vivid_for_its_brightness_is_greyed_not_turned(figure: Figure) -> None:
    """Pure blue can't be as bright as white paper: it comes back pale, still blue, and as bright."""
    original = np.full((1, 1, 3), (20, 20, 250), np.uint8)
    result = np.full((1, 1, 3), 200, np.uint8)
    kept = keep_colour(result, original, None, 1.0)
    assert kept[0, 0, 2] == 255 and abs(int(kept[0, 0, 0]) - int(kept[0, 0, 1])) <= 1
    assert figure("luminance off, in levels", abs(float(level_of_grey(kept)[0, 0]) - 200)) <= 1


def test_nearly_black_pixels_have_no_colour_to_give(figure: Figure) -> None:
    original = np.random.default_rng(0).integers(0, 4, (40, 40, 3)).astype(np.uint8)
    result = np.full((40, 40, 3), (150, 120, 100), np.uint8)
    kept = keep_colour(result, original, None, 1.0)
    assert figure("largest change in levels", largest_change(kept, result, original[..., 0] >= 0)) == 0


def test_a_picture_s_own_colours_change_nothing() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert largest_change(keep_colour(picture, picture, None, 1.0), picture, picture[..., 0] >= 0) == 0


@given(pairs(12), st.floats(0, 1))
def test_sizes_and_bytes_outside_the_share_are_kept(pair: tuple, strength: float) -> None:
    result, original, share = pair
    before = result.copy(), original.copy(), share.copy()
    kept = keep_colour(result, original, share, strength)
    assert kept.shape == result.shape and kept.dtype == np.uint8
    assert np.array_equal(kept[share == 0], result[share == 0])
    assert all(map(np.array_equal, before, (result, original, share)))
    assert np.array_equal(keep_colour(result, original, share, 0.0), result)


@given(pairs(12), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60)
def test_more_strength_never_leaves_more_tint(pair: tuple, one: float, other: float) -> None:
    """Wherever the full colour fits, each channel goes straight to it."""
    result, original, _ = pair
    less, more = (keep_colour(result, original, None, s).astype(int) for s in sorted((one, other)))
    room = (keep_colour(result, original, None, 1.0) < 255).all(-1) & (result < 255).all(-1)
    assert (np.abs(more - result) >= np.abs(less - result) - 1)[room].all()
