from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from iclight_workshop.drawn import green_screen, hairy_alpha, mixed, subject_colours, to_bytes
from lib_iclight.errors import ICLightError
from lib_iclight.foreground.edges import feather_edge, follow_colours, paint_over, shift_edge
from lib_iclight.pictures import Picture

# ------------------------------------------------------------------------------------------------ following colours


@pytest.mark.parametrize(
    "found_at", [(320, 320), *(pytest.param(size, marks=pytest.mark.long) for size in [(1024, 1024), (448, 336)])]
)
@pytest.mark.parametrize("radius", [2, 3])
def test_hair_is_found_again_at_full_size(
    found_at: tuple[int, int], radius: int, figure: Callable[[str, float], float]
) -> None:
    width, height = 1600, 1200
    alpha = hairy_alpha(width, height)
    photo = mixed(alpha, subject_colours(width, height), green_screen(width, height))
    small = cv2.resize(alpha, found_at, interpolation=cv2.INTER_AREA)
    near = cv2.dilate(alpha, np.ones((9, 9))) - cv2.erode(alpha, np.ones((9, 9))) > 0.02
    plain = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    fine = follow_colours(photo, small, radius)
    before = figure("alpha's error near the edge, scaled up", np.abs(plain - alpha)[near].mean())
    after = figure("following colours", np.abs(fine / 255 - alpha)[near].mean())
    assert after < before / 3
    inside = cv2.erode(alpha, np.ones((81, 81))) == 1
    outside = cv2.dilate(alpha, np.ones((81, 81))) == 0
    assert fine[inside].min() == 255 and fine[outside].max() == 0


def test_a_coarse_outline_gets_a_soft_edge_where_the_pictures_is() -> None:
    width, height = 900, 600
    alpha = np.zeros((height, width), np.float32)
    cv2.circle(alpha, (450, 300), 150, 1.0, -1, cv2.LINE_AA)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 2)
    photo = mixed(alpha, np.float32([200, 60, 40]), green_screen(width, height))
    hard = (cv2.resize(alpha, (448, 299), interpolation=cv2.INTER_AREA) > 0.5).astype(np.float32)
    fine = follow_colours(photo, hard, 3).astype(int)
    assert np.abs(fine - to_bytes(alpha)).max() < 60 and np.abs(fine - to_bytes(alpha)).mean() < 2


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (30, 1), (20, 30)])
def test_pictures_smaller_than_what_was_found(size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert np.array_equal(follow_colours(photo, np.ones((64, 64), np.float32), 2), np.full(size, 255))


# ------------------------------------------------------------------------------------------------ masks

ALPHA = np.arange(256, dtype=np.uint8).reshape(16, 16)


def mask(value: int, opacity: int | None, size: tuple[int, int] = (16, 16)) -> Picture:
    return Picture(np.full((*size, 3), value, np.uint8), None if opacity is None else np.full(size, opacity, np.uint8))


def test_white_adds_black_takes_away_transparent_leaves() -> None:
    assert (paint_over(ALPHA, mask(255, None)) == 255).all()
    assert (paint_over(ALPHA, mask(0, None)) == 0).all()
    assert np.array_equal(paint_over(ALPHA, mask(255, 0)), ALPHA)
    assert np.array_equal(paint_over(ALPHA, mask(0, 0)), ALPHA)


@given(st.integers(0, 255), st.integers(0, 255))
def test_a_mask_is_laid_over_by_its_opacity(value: int, opacity: int) -> None:
    expected = (ALPHA.astype(float) * (255 - opacity) + value * opacity) / 255
    assert np.abs(paint_over(ALPHA, mask(value, opacity)) - expected).max() <= 0.51


def test_a_mask_counts_by_its_brightness() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]]], np.uint8)
    painted = paint_over(np.zeros((1, 4), np.uint8), Picture(colours))
    assert painted.tolist() == [[76, 150, 29, 226]]  # ITU-R BT.601: 0.299, 0.587, 0.114


def test_a_smaller_mask_is_scaled_and_its_hidden_colour_stays_out() -> None:
    """A white stroke on transparent black, as a canvas hands it over."""
    small = np.zeros((16, 16, 3), np.uint8)
    opacity = np.zeros((16, 16), np.uint8)
    small[4:12, 4:12] = opacity[4:12, 4:12] = 255
    opaque = np.full((64, 64), 255, np.uint8)
    assert (paint_over(opaque, Picture(small, opacity)) == 255).all(), "white over white has no dark rim"
    painted = paint_over(np.zeros((64, 64), np.uint8), Picture(small, opacity))
    assert painted[32, 32] == 255 and painted[2, 2] == 0 and 0 < painted[32, 15] < 255


def test_a_larger_mask_is_averaged() -> None:
    checks = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    painted = paint_over(np.zeros((16, 16), np.uint8), Picture(np.dstack([checks] * 3)))
    assert set(painted.ravel()) <= {127, 128}


@pytest.mark.parametrize("size", [(100, 102), (102, 100), (16, 100), (200, 100)])
def test_a_mask_of_other_proportions_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ICLightError, match=rf"mask has {size[1]}×{size[0]} pixels.*100×100.*same proportions"):
        paint_over(np.zeros((100, 100), np.uint8), mask(255, None, size))
    paint_over(np.zeros((1000, 1000), np.uint8), mask(255, None, (200, 201)))


# ------------------------------------------------------------------------------------------------ moving and softening


def disc(radius: float, sigma: float = 0, side: int = 400) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - side / 2 + 0.5
    hard = (np.hypot(x, y) < radius).astype(np.float32) * 255
    return np.rint(cv2.GaussianBlur(hard, (0, 0), sigma) if sigma else hard).astype(np.uint8)


@pytest.mark.parametrize("percent", [-5, -2.5, -0.5, -0.3, 0.2, 1, 5])
def test_an_edge_moves_by_the_distance(percent: float) -> None:
    moved = shift_edge(disc(100), percent)
    radius = np.sqrt(moved.sum() / 255 / np.pi)
    assert abs(radius - (100 + percent * 4)) < 0.6


@pytest.mark.parametrize("percent", [-3, 3])
def test_a_soft_edge_stays_as_soft(percent: float) -> None:
    moved = shift_edge(disc(100, 6), percent).astype(int)
    assert np.abs(moved - disc(100 + percent * 4, 6)).max() < 24
    assert np.abs(moved - disc(100 + percent * 4, 6)).mean() < 1


@given(npst.arrays(np.uint8, (12, 15)), st.floats(0, 5))
@settings(max_examples=50)
def test_growing_takes_nothing_away_and_shrinking_adds_nothing(alpha: np.ndarray, percent: float) -> None:
    assert (shift_edge(alpha, percent) >= alpha).all()
    assert (shift_edge(alpha, -percent) <= alpha).all()


@pytest.mark.parametrize("value", [0, 1, 100, 254, 255])
@pytest.mark.parametrize("percent", [-5, 0, 5])
def test_what_is_the_same_all_over_has_no_edge(value: int, percent: float) -> None:
    flat = np.full((60, 80), value, np.uint8)
    assert np.array_equal(shift_edge(flat, percent), flat)
    assert np.array_equal(feather_edge(flat, abs(percent)), flat)


def test_a_subject_that_the_picture_cuts_off_still_reaches_its_rim() -> None:
    alpha = np.zeros((200, 100), np.uint8)
    alpha[80:, 30:70] = 255
    for changed in (shift_edge(alpha, -5), feather_edge(alpha, 3)):
        assert (changed[-1, 45:55] == 255).all() and changed[82, 50] < 255


@pytest.mark.parametrize("percent", [0.25, 1, 2, 5])
def test_a_feathered_edge_is_a_gaussians(percent: float) -> None:
    step = np.zeros((200, 400), np.uint8)
    step[:, 200:] = 255
    sigma = percent / 100 * 200
    soft = feather_edge(step, percent)[100] / 255
    profile = np.array([0.5 * (1 + math.erf((x + 0.5 - 200) / (sigma * np.sqrt(2)))) for x in range(400)])
    assert np.abs(soft - profile).max() < (0.08 if sigma < 1 else 0.02)


def test_the_shorter_side_counts() -> None:
    step = np.zeros((100, 900), np.uint8)
    step[:, 450:] = 255
    assert np.array_equal(feather_edge(step, 5)[:, 300:600], feather_edge(step[:, 300:600], 5))
    assert np.array_equal(shift_edge(step, 5)[0], np.where(np.arange(900) >= 445, 255, 0))
    assert np.array_equal(shift_edge(step.T, 5)[:, 0], np.where(np.arange(900) >= 445, 255, 0))
