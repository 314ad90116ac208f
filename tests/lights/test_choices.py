from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_iclight.lights import (
    LIGHT_MAP,
    NAMED_BACKGROUNDS,
    NAMED_LIGHTS,
    WALL,
    Background,
    Light,
    Window,
    draw_lights,
)

SIDES = ("left", "right", "top", "bottom")
ENDS = {"light": (255, 0), "background": (224, 32)}
"""Bright and dark end in the reference's two demos."""

sizes = st.integers(2, 700)


def picture(what: str, side: str, width: int, height: int) -> np.ndarray:
    window = Window.whole(width, height)
    made = (
        draw_lights(NAMED_LIGHTS[Light(side)], window, LIGHT_MAP)
        if what == "light"
        else draw_lights(NAMED_BACKGROUNDS[Background(side)], window, WALL)
    )
    assert made.alpha is None and made.rgb.dtype == np.uint8 and made.rgb.shape == (height, width, 3)
    return made.rgb


def lowered(numerator: int, denominator: int) -> set[int]:
    """A fraction truncated; where it is a whole number, floating point may just miss it."""
    whole, rest = divmod(numerator, denominator)
    return {whole} if rest else {whole, whole - 1}


@pytest.mark.parametrize("what", ENDS)
@pytest.mark.parametrize("side", SIDES)
@given(width=sizes, height=sizes)
def test_bright_at_the_side_and_falling_evenly(what: str, side: str, width: int, height: int) -> None:
    rgb = picture(what, side, width, height).astype(int)
    assert (rgb == rgb[..., :1]).all(), "a light without colour"
    grey = rgb[..., 0] if side in ("left", "right") else rgb[..., 0].T
    assert (grey == grey[:1]).all(), "the same along the other direction"
    ramp = grey[0] if side in ("left", "top") else grey[0][::-1]
    bright, dark = ENDS[what]
    assert (ramp[0], ramp[-1]) == (bright, dark)
    last = len(ramp) - 1
    for place, value in enumerate(ramp):
        assert value in lowered(bright * last - (bright - dark) * place, last)


@pytest.mark.parametrize("what", ENDS)
@given(length=sizes)
def test_truncated_from_the_same_numbers_as_the_reference(what: str, length: int) -> None:
    bright, dark = ENDS[what]
    falling = np.linspace(bright, dark, length).astype(np.uint8)
    rising = np.linspace(dark, bright, length).astype(np.uint8)
    assert np.array_equal(picture(what, "left", length, 3)[1, :, 2], falling)
    assert np.array_equal(picture(what, "right", length, 3)[1, :, 2], rising)
    assert np.array_equal(picture(what, "top", 3, length)[:, 1, 2], falling)
    assert np.array_equal(picture(what, "bottom", 3, length)[:, 1, 2], rising)


@pytest.mark.parametrize("what", ENDS)
@given(width=sizes, height=sizes)
def test_opposite_sides_mirror_each_other(what: str, width: int, height: int) -> None:
    left, right, top, bottom = (picture(what, side, width, height).astype(int) for side in SIDES)
    assert abs(left - right[:, ::-1]).max() <= 1
    assert abs(top - bottom[::-1]).max() <= 1
    assert abs(left + right - sum(ENDS[what])).max() <= 2


@given(width=st.integers(1, 100), height=st.integers(1, 100))
def test_even_greys(width: int, height: int) -> None:
    assert (picture("light", "ambient", width, height) == 127).all()
    assert (picture("background", "ambient", width, height) == 64).all()


def test_maps_that_are_kept_cannot_be_painted_on() -> None:
    with pytest.raises(ValueError, match="read-only"):
        draw_lights(NAMED_LIGHTS[Light.LEFT], Window.whole(8, 8)).rgb[:] = 0
