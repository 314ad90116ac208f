"""Details come back, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_iclight.finish import radius_in_pixels, transfer_detail
from lib_iclight.finish.base import base, fill_outside
from lib_iclight.finish.srgb import to_display, to_linear

from .scene import (
    LETTERS,
    PERIODS,
    SIZE,
    bars,
    blurred,
    contrast_at,
    garbled,
    label,
    largest_change,
    likeness,
    near,
    pairs,
)

LABEL = label()
RADIUS = 8.0
Figure = Callable[[str, float], float]


@pytest.mark.parametrize("period", PERIODS)
def test_bars_that_were_blurred_away_return(period: int, figure: Figure) -> None:
    result = blurred(LABEL.truth, LABEL.ink, sigma=4.0)
    truth = contrast_at(LABEL.truth, period)
    assert figure("contrast before, of the truth's", contrast_at(result, period) / truth) <= 0.3
    finished = transfer_detail(result, LABEL.original, None, 1.0, RADIUS)
    assert 0.9 <= figure("after", contrast_at(finished, period) / truth) <= 1.1
    rows, columns = bars(period)
    middle = slice(rows.start + 10, rows.stop - 10), slice(columns.start + 30, columns.stop - 30)
    light, true_light = (to_linear(each[middle]).mean() for each in (finished, LABEL.truth))
    assert 0.9 <= figure("mean light, of the truth's", light / true_light) <= 1.1


def test_garbled_letters_become_the_true_ones(figure: Figure) -> None:
    result = garbled(LABEL.truth, LABEL.ink)
    assert figure("likeness to the true letters before", likeness(result, LABEL.truth, LETTERS)) <= 0.3
    finished = transfer_detail(result, LABEL.original, None, 1.0, RADIUS)
    assert figure("after", likeness(finished, LABEL.truth, LETTERS)) >= 0.9


def test_letters_are_as_faint_as_the_new_shade_makes_them(figure: Figure) -> None:
    """Letters in a tenth of the light: their true contrast in levels, not the original's."""
    dim = to_display(to_linear(LABEL.original) * 0.1)
    result = np.where(near(LABEL.ink, 8)[..., None], base(dim, RADIUS), dim)
    finished = transfer_detail(result, LABEL.original, None, 1.0, RADIUS)
    plain = LABEL.ink & (np.arange(SIZE)[:, None] > 330)
    error = np.abs(finished.astype(int) - dim)[plain].mean()
    assert figure("levels off the truth on the letters", error) <= 4
    assert figure("contrast in levels", np.abs(dim.astype(int) - result)[plain].mean()) >= 20


@pytest.mark.parametrize(("radius", "levels"), [(2.0, 2), (4.0, 2), (8.0, 2), (16.0, 2), (30.0, 4)])
def test_flat_areas_gain_no_halo(radius: float, levels: int, figure: Figure) -> None:
    """Beside large edges, corners, shadows that went or came, and letters, wherever original and result are plain.

    At the largest radius, where a ramp of light ends at an edge, its last pixels are levelled a little.
    """
    result = garbled(LABEL.truth, LABEL.ink)
    finished = transfer_detail(result, LABEL.original, None, 1.0, radius)
    flat = ~near(LABEL.ink, 16)
    assert figure("largest change in levels", largest_change(finished, result, flat)) <= levels


@pytest.mark.parametrize("radius", [8.0, 16.0])
def test_paper_beside_letters_that_the_result_lacks_stays(radius: float, figure: Figure) -> None:
    """The letters come, and the paper is not touched even a pixel beside them."""
    light, paper = np.array((0.6, 0.4, 0.25)), (230, 230, 225)
    page = np.full((200, 300, 3), paper, np.uint8)
    for row in (60, 110, 160):
        cv2.putText(page, "Relight 0123", (20, row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (30, 30, 40), 1)
    blank = to_display(to_linear(np.full_like(page, paper)) * light)
    truth = to_display(to_linear(page) * light)
    finished = transfer_detail(blank, page, None, 1.0, radius)
    ink = (page != paper).any(-1)
    assert figure("largest change of the paper", largest_change(finished, blank, ~ink)) <= 2
    assert figure("levels off the truth on the ink", np.abs(finished.astype(int) - truth)[ink].mean()) <= 3


@pytest.mark.parametrize("radius", [4.0, 8.0, 16.0])
@pytest.mark.parametrize("backgrounds", [(255, 10), (10, 255)])
def test_the_old_background_does_not_shine_through(radius: float, backgrounds: tuple[int, int], figure: Figure) -> None:
    """A plain subject with thin fingers, before one background and another: nothing is to be transferred."""
    shape = np.zeros((300, 300), np.uint8)
    cv2.circle(shape, (150, 190), 80, 255, -1, cv2.LINE_AA)
    for angle in range(-60, 61, 30):
        tip = 150 + 140 * np.sin(np.radians(angle)), 190 - 140 * np.cos(np.radians(angle))
        cv2.line(shape, (150, 190), (round(tip[0]), round(tip[1])), 255, 7, cv2.LINE_AA)
    share = shape.astype(np.float32) / 255
    original, result = (
        np.rint(level * (1 - share[..., None]) + np.array(colour) * share[..., None]).astype(np.uint8)
        for level, colour in zip(backgrounds, ((120, 100, 90), (180, 120, 60)), strict=True)
    )
    finished = transfer_detail(result, original, share, 1.0, radius)
    assert figure("largest change in levels inside", largest_change(finished, result, share == 1)) <= 2
    rim = (share > 0) & (share < 1)
    assert figure("mean change in levels on the rim", np.abs(finished.astype(int) - result)[rim].mean()) <= 1.25
    assert np.array_equal(finished[share == 0], result[share == 0])


@pytest.mark.parametrize("shift", [1, 2])
def test_large_edges_may_be_a_little_apart(shift: int, figure: Figure) -> None:
    original, result = np.full((2, 160, 160, 3), 200, np.uint8)
    cv2.circle(original, (80, 80), 45, (40, 60, 90), -1, cv2.LINE_AA)
    cv2.circle(result, (80 + shift, 80), 45, (40, 60, 90), -1, cv2.LINE_AA)
    finished = transfer_detail(result, original, None, 1.0, RADIUS)
    assert figure("largest change in levels", largest_change(finished, result, np.full((160, 160), True))) <= 2


def test_a_new_rim_light_on_a_plain_subject_stays(figure: Figure) -> None:
    original, result = np.full((2, 120, 120, 3), 90, np.uint8)
    result[:, 60:63] = 250
    finished = transfer_detail(result, original, None, 1.0, RADIUS)
    assert figure("levels the rim light loses", 250 - float(finished[:, 60:63].mean())) <= 1


def test_grain_in_the_dark_is_not_blown_up(figure: Figure) -> None:
    """The original's grain of two levels in near black, lit to the middle of the range."""
    grain = np.random.default_rng(0).normal(5, 2, (160, 160, 3)).clip(0, 255).astype(np.uint8)
    finished = transfer_detail(np.full_like(grain, 140), grain, None, 1.0, RADIUS)
    assert figure("grain in levels", finished.std()) <= 8


@pytest.mark.parametrize("radius", [1.0, 8.0, 200.0])
def test_a_picture_s_own_details_change_nothing(radius: float) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    for same in (picture, LABEL.original):
        assert largest_change(transfer_detail(same, same, None, 1.0, radius), same, np.full(same.shape[:2], True)) <= 1


@given(pairs(24), st.floats(0, 1), st.floats(0.2, 40))
@settings(max_examples=60)
def test_sizes_and_bytes_outside_the_share_are_kept(pair: tuple, strength: float, radius: float) -> None:
    result, original, share = pair
    before = result.copy(), original.copy(), share.copy()
    finished = transfer_detail(result, original, share, strength, radius)
    assert finished.shape == result.shape and finished.dtype == np.uint8
    assert np.array_equal(finished[share == 0], result[share == 0])
    assert all(map(np.array_equal, before, (result, original, share)))
    assert np.array_equal(transfer_detail(result, original, share, 0.0, radius), result)
    assert np.array_equal(transfer_detail(result, original, np.zeros_like(share), strength, radius), result)


@given(pairs(24), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60)
def test_more_strength_never_changes_less(pair: tuple, one: float, other: float) -> None:
    result, original, share = pair
    less, more = (transfer_detail(result, original, share, s, 3.0).astype(int) for s in sorted((one, other)))
    assert (np.abs(more - result) >= np.abs(less - result) - 1).all()


def test_the_fill_goes_on_with_the_subject_s_colours_only() -> None:
    share = np.zeros((64, 64), np.float32)
    share[20:40, 20:40] = 1
    picture = np.full((64, 64, 3), 255, np.uint8)
    picture[20:40, 20:40] = (50, 90, 130)
    assert largest_change(fill_outside(picture, share), np.full_like(picture, 1) * (50, 90, 130), share >= 0) <= 1


@pytest.mark.parametrize(("size", "pixels"), [((512, 768), 5.12), ((1536, 1024), 10.24), ((100, 100), 1.0)])
def test_the_radius_grows_with_the_shorter_side(size: tuple[int, int], pixels: float) -> None:
    assert radius_in_pixels(1.0, *size) == pytest.approx(pixels)
