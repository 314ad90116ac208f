from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_iclight.lights import (
    LIGHT_MAP,
    WALL,
    LightKind,
    LightSource,
    Window,
    add_lights,
    check_lights,
    draw_lights,
    shine_on,
    to_picture,
)
from lib_iclight.lights.colour import linear_colour
from lib_iclight.pictures import Picture
from lib_iclight.srgb import to_display, to_linear

from .strategies import LIGHTS

SIZES = st.tuples(st.integers(8, 90), st.integers(8, 90))
ASPECTS = [(512, 512), (512, 768), (768, 512), (1024, 256), (256, 1024), (136, 200)]


def grey_picture(alpha: np.ndarray) -> Picture:
    """A subject's outline."""
    return Picture(np.repeat(alpha[..., None], 3, axis=2))


def grey(text: str, width: int, height: int, **how: object) -> np.ndarray:
    """A white light's display levels: int [H, W]."""
    rgb = draw_lights(check_lights("lights", text), Window.whole(width, height), **how).rgb
    assert (rgb == rgb[..., :1]).all()
    return rgb[..., 0].astype(int)


@pytest.mark.parametrize("size", ASPECTS)
@given(angle=st.floats(0, 360), softness=st.floats(0.02, 1))
@settings(max_examples=10)
def test_a_side_falls_evenly_along_its_way(size: tuple[int, int], angle: float, softness: float) -> None:
    light = LightSource(LightKind.SIDE, angle=round(angle, 4), softness=round(softness, 4))
    drawn = draw_lights((light,), Window.whole(*size)).rgb[..., 1]
    width, height = size
    right, down = math.sin(math.radians(light.angle)), -math.cos(math.radians(light.angle))
    x, y = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
    half = abs(right) * (width - 1) / 2 + abs(down) * (height - 1) / 2
    share = 1 - (1 - (x * right + y * down) / half) / 2 / light.softness
    assert (np.abs(drawn - 255 * share.clip(0, 1)) <= 1 + 1e-6).all()
    assert drawn.max() >= 254, "truncated"
    brightest = np.unravel_index(drawn.argmax(), drawn.shape)
    assert (x * right + y * down)[brightest] >= half - 2 / 255 * half - 1


@pytest.mark.parametrize("size", ASPECTS)
@given(x=st.floats(-1, 2), y=st.floats(-1, 2), radius=st.floats(0.02, 3), softness=st.floats(0.02, 1))
@settings(max_examples=10)
def test_a_spot_is_a_disc(size: tuple[int, int], x: float, y: float, radius: float, softness: float) -> None:
    light = LightSource(LightKind.SPOT, x=x, y=y, radius=radius, softness=softness)
    drawn = draw_lights((light,), Window.whole(*size)).rgb[..., 1]
    width, height = size
    across, down = np.meshgrid(np.arange(width) + 0.5 - x * width, np.arange(height) + 0.5 - y * height)
    reach = radius * min(size)
    share = ((reach - np.hypot(across, down)) / (reach * softness)).clip(0, 1)
    assert (np.abs(drawn - 255 * share) <= 1.01).all()


@pytest.mark.parametrize("size", ASPECTS)
def test_a_front_light_is_the_subject_spread_outwards(size: tuple[int, int]) -> None:
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    distance = np.hypot(x - width // 2, y - height // 2) - 30  # a disc has a closed form
    subject = ((distance <= 0) * 255).astype(np.uint8)
    light = LightSource(LightKind.FRONT, softness=0.5)
    drawn = to_picture(add_lights((light,), Window.whole(*size), grey_picture(subject)))[..., 0].astype(float)
    assert (drawn[subject > 0] == 255).all()
    outside = distance > 2
    expected = 255 * (1 - distance / (0.5 * min(size))).clip(0, 1)
    assert np.abs(drawn - expected)[outside].max() <= 255 / (0.5 * min(size)) * 1.5 + 1


def test_a_front_light_on_nothing_and_on_all() -> None:
    light, window = (LightSource(LightKind.FRONT),), Window.whole(64, 64)
    assert (add_lights(light, window, grey_picture(np.zeros((64, 64), np.uint8))) == 0).all()
    assert (add_lights(light, window, None) == 1).all()


@given(LIGHTS, SIZES)
@settings(max_examples=40)
def test_lights_add_up_in_linear_light(objects: list[dict], size: tuple[int, int]) -> None:
    lights, window = check_lights("lights", objects), Window.whole(*size)
    subject = np.zeros(size[::-1], np.uint8)
    subject[size[1] // 3 :, size[0] // 3 : size[0] // 2] = 255
    apart = [add_lights((light,), window, grey_picture(subject)) for light in lights]
    together = add_lights(lights, window, grey_picture(subject))
    assert np.allclose(together, sum(apart, np.zeros_like(together)), atol=2e-6)
    assert (together >= 0).all() and together.dtype == np.float32


@given(st.floats(0.01, 4), st.sampled_from(["#ff8040", "3200K", "#000000", "9000K"]))
def test_brightness_and_colour_are_factors(brightness: float, colour: str) -> None:
    window = Window.whole(40, 30)
    plain = add_lights((LightSource(LightKind.SIDE, angle=30),), window)
    lit = add_lights((LightSource(LightKind.SIDE, angle=30, brightness=brightness, colour=colour),), window)
    assert np.allclose(lit, plain * np.array(linear_colour(colour)) * brightness, atol=1e-5)


def test_what_no_light_reaches_has_the_ambient_light() -> None:
    rgb = draw_lights(
        check_lights("lights", "spot x 0 y 0 radius 0.2; ambient colour #203040"), Window.whole(64, 96)
    ).rgb
    assert (rgb[50:, 40:] == (0x20, 0x30, 0x40)).all()
    assert (grey("spot x 0 y 0 radius 0.2", 64, 96)[50:, 40:] == 0).all()
    assert (grey("spot x 0 y 0 radius 0.2", 64, 96, levels=WALL)[50:, 40:] == 32).all()


def test_a_wall_is_lit_from_its_dark_to_its_bright_end() -> None:
    drawn = grey("spot radius 0.4", 101, 101, levels=WALL)
    assert drawn[50, 50] in (223, 224) and drawn[0, 0] == 32
    two = grey("side angle 90 softness 0.4; side angle 270 softness 0.4", 101, 50, levels=WALL)
    assert (two[:, [0, -1]] >= 223).all() and (two[:, [0, -1]] <= 224).all() and (two[:, 50] == 32).all()


@pytest.mark.parametrize("text", ["side angle 200", "spot x 0.3 y 0.7", "side angle 90 softness 0.3", "ambient"])
def test_a_window_shows_its_part_of_the_frame(text: str) -> None:
    lights = check_lights("lights", text)
    whole = add_lights(lights, Window.whole(200, 120))
    part = add_lights(lights, Window(64, 48, 100, 30, 200, 120))
    assert np.array_equal(part, whole[30:78, 100:164])


@given(
    st.tuples(st.integers(0, 300), st.integers(0, 300)),
    st.tuples(st.integers(8, 200), st.integers(8, 200)),
    st.tuples(st.integers(8, 64), st.integers(8, 64)),
)
def test_a_region_s_window_lies_in_its_frame(
    corner: tuple[int, int], region: tuple[int, int], size: tuple[int, int]
) -> None:
    left, top = corner
    picture = left + region[0] + 5, top + region[1]
    window = Window.of_region((left, top, left + region[0], top + region[1]), picture, *size)
    assert 0 <= window.left <= window.frame_width - window.width
    assert 0 <= window.top <= window.frame_height - window.height
    assert abs(window.left - left * size[0] / region[0]) <= 1
    assert add_lights(check_lights("lights", "side angle 45"), window).shape == (size[1], size[0], 3)


def test_lights_shine_on_a_picture() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (130, 70, 3), np.uint8)
    white = np.ones((130, 70, 3), np.float32)
    assert np.array_equal(shine_on(rgb, white), rgb)
    assert (shine_on(rgb, white * 0) == 0).all()
    assert np.array_equal(shine_on(rgb, white / 2), to_display(to_linear(rgb) / 2))
    assert np.array_equal(shine_on(rgb, white * 1000) > 0, rgb > 0)


def test_the_reference_s_ramps_are_one_white_light() -> None:
    for (width, height), levels in itertools.product([*ASPECTS, (1056, 64), (766, 64)], (LIGHT_MAP, WALL)):
        falling = np.linspace(*levels, width).astype(np.uint8)
        assert np.array_equal(grey("side angle 270", width, height, levels=levels)[3], falling)
