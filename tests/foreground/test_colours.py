from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from iclight_workshop.drawn import green_screen, hairy_alpha, mixed, subject_colours, to_bytes
from lib_iclight.foreground.colours import estimate_foreground_colours


@pytest.mark.parametrize(("width", "height"), [(800, 600), (1900, 1400)])
def test_the_old_background_is_gone_from_the_edge(
    width: int, height: int, figure: Callable[[str, float], float]
) -> None:
    alpha, colours = hairy_alpha(width, height), subject_colours(width, height)
    photo = mixed(alpha, colours, green_screen(width, height))
    found = estimate_foreground_colours(photo, to_bytes(alpha))
    soft = (to_bytes(alpha) > 0) & (to_bytes(alpha) < 255)
    assert soft.mean() > 0.02
    before = figure("colour error at the edge, as photographed", np.abs(photo[soft] - colours[soft]).mean())
    after = figure("colour error at the edge, estimated", np.abs(found[soft] - colours[soft]).mean())
    assert figure("times as small", before / after) > 18
    assert np.array_equal(found[alpha == 1], photo[alpha == 1])


def test_colours_differ_by_place_on_both_sides() -> None:
    """Left a red subject on blue, right a yellow one on black, an edge of 40 pixels between above and below."""
    alpha = np.repeat(np.linspace(1.4, -0.4, 90).clip(0, 1)[:, None], 300, axis=1).astype(np.float32)
    left = np.arange(300)[None, :, None] < 150
    subject = np.where(left, (200, 30, 30), (220, 210, 20)) * np.ones((90, 1, 1))
    background = np.where(left, (20, 40, 210), (0, 0, 0)) * np.ones((90, 1, 1))
    found = estimate_foreground_colours(mixed(alpha, subject, background), to_bytes(alpha))
    shown = to_bytes(alpha) > 25
    for columns in (slice(0, 120), slice(180, 300)):
        error = np.abs(found[:, columns] - subject[:, columns])[shown[:, columns]]
        assert error.mean() < 6


def test_nothing_of_the_background_is_left_to_come_in_by_scaling() -> None:
    alpha = hairy_alpha(400, 300)
    photo = mixed(alpha, np.full((300, 400, 3), (180, 40, 120.0)), green_screen(400, 300))
    found = estimate_foreground_colours(photo, to_bytes(alpha)).astype(int)
    assert np.abs(found[alpha == 0] - (180, 40, 120)).mean() < 6


@pytest.mark.parametrize("value", [0, 255])
def test_without_an_edge_nothing_changes(value: int) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    assert np.array_equal(estimate_foreground_colours(photo, np.full((40, 30), value, np.uint8)), photo)


@pytest.mark.parametrize("size", [(1, 2), (2, 1), (1, 3000), (3, 1500), (17, 33)])
def test_any_size(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    photo, alpha = random.integers(0, 256, (*size, 3), np.uint8), random.integers(0, 256, size, np.uint8)
    alpha[-1, -1] = 255
    before = photo.copy(), alpha.copy()
    found = estimate_foreground_colours(photo, alpha)
    assert found.shape == photo.shape and found.dtype == np.uint8
    assert np.array_equal(found[alpha == 255], photo[alpha == 255])
    assert np.array_equal(photo, before[0]) and np.array_equal(alpha, before[1])


def test_twelve_million_pixels(figure: Callable[[str, float], float]) -> None:
    width, height = 4000, 3000
    alpha = np.tile(hairy_alpha(1000, 1000), (3, 4))
    photo = mixed(alpha, np.full((height, width, 3), (180, 40, 120), np.float32), np.float32([20, 190, 30]))
    start = time.perf_counter()
    found = estimate_foreground_colours(photo, to_bytes(alpha))
    figure("seconds for 4000×3000 pixels", time.perf_counter() - start)
    soft = (alpha > 0.1) & (alpha < 1)
    assert np.abs(found[soft] - np.array((180, 40, 120))).mean() < 3
