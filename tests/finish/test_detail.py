"""Details come back, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib_iclight.finish import scale_radius, transfer_detail
from lib_iclight.finish.base import continue_subject, extract_base, find_inside
from lib_iclight.srgb import to_display, to_linear

from .scene import (
    LETTERS,
    PERIODS,
    SIZE,
    Ink,
    bars,
    blurred,
    contrast_at,
    garbled,
    label,
    largest_change,
    likeness,
    near,
    pairs,
    write,
)

LABELS = {ink: label(ink) for ink in Ink}
LABEL = LABELS[Ink.HARD]
RADIUS = 8.0
Figure = Callable[[str, float], float]
INKS = pytest.mark.parametrize("ink", Ink, ids=lambda ink: ink.value)


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


@INKS
def test_garbled_letters_become_the_true_ones(ink: Ink, figure: Figure) -> None:
    scene = LABELS[ink]
    result = garbled(scene.truth, scene.ink)
    assert figure("likeness to the true letters before", likeness(result, scene.truth, LETTERS)) <= 0.3
    finished = transfer_detail(result, scene.original, None, 1.0, RADIUS)
    assert figure("after", likeness(finished, scene.truth, LETTERS)) >= 0.9


@INKS
@pytest.mark.parametrize(("light", "levels"), [(0.1, 2.5), (0.4, 1), (1.6, 1)])
def test_letters_are_as_strong_as_the_new_light_makes_them(
    light: float, levels: float, ink: Ink, figure: Figure
) -> None:
    """Letters in a tenth of the light, or in more than there was: their true contrast in levels, not the original's."""
    scene = LABELS[ink]
    truth = to_display(to_linear(scene.original) * light)
    result = np.where(near(scene.ink, 8)[..., None], extract_base(truth, RADIUS), truth)
    finished = transfer_detail(result, scene.original, None, 1.0, RADIUS)
    letters = scene.ink & (np.arange(SIZE)[:, None] > 330)
    assert figure("levels off the truth on the letters", np.abs(finished.astype(int) - truth)[letters].mean()) <= levels
    assert figure("contrast in levels", np.abs(truth.astype(int) - result)[letters].mean()) >= 20


@INKS
@pytest.mark.parametrize(("radius", "levels"), [(2.0, 2), (4.0, 2), (8.0, 2), (16.0, 2), (30.0, 4)])
def test_flat_areas_gain_no_halo(radius: float, levels: int, ink: Ink, figure: Figure) -> None:
    """Beside large edges, corners, shadows that went or came, and letters, wherever original and result are plain.

    At the largest radius, where a ramp of light ends at an edge, its last pixels are levelled a little.
    """
    scene = LABELS[ink]
    result = garbled(scene.truth, scene.ink)
    finished = transfer_detail(result, scene.original, None, 1.0, radius)
    flat = ~near(scene.ink, 16)
    assert figure("largest change in levels", largest_change(finished, result, flat)) <= levels


@INKS
@pytest.mark.parametrize("radius", [8.0, 16.0])
def test_paper_beside_letters_that_the_result_lacks_stays(radius: float, ink: Ink, figure: Figure) -> None:
    """The letters come, and the paper is not touched even a pixel beside them."""
    light, paper = np.array((0.6, 0.4, 0.25)), (230, 230, 225)
    page = np.full((200, 300, 3), paper, np.uint8)
    for row, stroke in ((40, 1), (90, 2), (140, 3)):
        write(page, row, 20, stroke, (30, 30, 40), ink)
    blank = to_display(to_linear(np.full_like(page, paper)) * light)
    truth = to_display(to_linear(page) * light)
    finished = transfer_detail(blank, page, None, 1.0, radius)
    is_ink = (page != paper).any(-1)
    assert figure("largest change of the paper", largest_change(finished, blank, ~is_ink)) == 0
    assert figure("most levels off the truth on the ink", largest_change(finished, truth, is_ink)) <= 1


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


@pytest.mark.parametrize("level", [6, 10, 20, 40])
def test_what_is_darkened_in_deep_shade_is_a_fraction_of_it(level: int, figure: Figure) -> None:
    """Stripes of half the light, on a result that is nearly black: half of its light, not black."""
    stripes = np.arange(160) % 16 < 4
    original = np.full((160, 160, 3), 188, np.uint8)  # half of the light there is
    original[:, stripes] = to_display(to_linear(original[:1, :1]) / 2)
    finished = transfer_detail(np.full_like(original, level), original, None, 1.0, RADIUS)
    half = int(to_display(to_linear(np.uint8([level])) / 2)[0])
    assert figure("levels off half the light", np.abs(finished[:, stripes].astype(int) - half).max()) <= 1


@pytest.mark.parametrize("level", [3, 5, 8, 12, 16, 25])
def test_grain_in_the_dark_is_not_blown_up(level: int, figure: Figure) -> None:
    """The original's grain of two levels in near black, lit to the middle of the range."""
    grain = np.random.default_rng(0).normal(level, 2, (160, 160, 3)).clip(0, 255).astype(np.uint8)
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


# ------------------------------------------------------------------------------------------------ glass and veils

GLASS = 300
"""Width and height of the pictures with glass in them."""


def disc(radius: float, softness: float = 1.0) -> np.ndarray:
    rows, columns = np.mgrid[:GLASS, :GLASS]
    hard = (np.hypot(columns - GLASS / 2, rows - GLASS / 2) < radius).astype(np.float32)
    return cv2.GaussianBlur(hard, (0, 0), softness)


def laid_over(subject: np.ndarray, share: np.ndarray, background: float | np.ndarray) -> np.ndarray:
    return np.rint(subject * share[..., None] + background * (1 - share[..., None])).astype(np.uint8)


def striped() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A striped surface as it was, in a new light, and in the new light without its stripes."""
    grey = np.where((np.indices((GLASS, GLASS)).sum(0) // 2) % 2 == 0, 60, 160).astype(np.uint8)
    lit = to_display(to_linear(np.dstack([grey] * 3)) * np.array([0.6, 0.5, 0.3]))
    return np.dstack([grey] * 3), lit, to_display(cv2.GaussianBlur(to_linear(lit), (0, 0), 6))


@pytest.mark.parametrize("opacity", [0.25, 0.6, 0.85])
def test_details_return_to_glass_that_is_nowhere_opaque(opacity: float, figure: Figure) -> None:
    original, lit, blurred_away = striped()
    share = disc(100) * np.float32(opacity)
    result, truth = (laid_over(each, share, 90) for each in (blurred_away, lit))
    finished = transfer_detail(result, original, share, 1.0, RADIUS)
    core = disc(90) == 1
    before = figure("levels off the truth before", np.abs(result.astype(int) - truth)[core].mean())
    assert figure("after, share of that", np.abs(finished.astype(int) - truth)[core].mean() / before) <= 0.3


def test_details_return_to_glass_beside_an_opaque_hand(figure: Figure) -> None:
    """To both, and up to where they meet."""
    original, lit, blurred_away = striped()
    glass = np.arange(GLASS)[None, :] >= 150
    share = disc(100, 0.5) * np.where(glass, np.float32(0.6), np.float32(1))
    result, truth = (laid_over(each, share, 90) for each in (blurred_away, lit))
    finished = transfer_detail(result, original, share, 1.0, RADIUS)
    for name, columns in (("hand", slice(100, 140)), ("glass", slice(160, 210)), ("where they meet", slice(151, 157))):
        box = slice(110, 190), columns
        before, after = (np.abs(each[box].astype(int) - truth[box]).mean() for each in (result, finished))
        assert figure(f"{name}: levels off the truth after, share of before", after / before) <= 0.25


@pytest.mark.parametrize("haze", [0.0, 0.03])
@pytest.mark.parametrize("softness", [1.0, 3.0, 8.0, 20.0])
def test_a_busy_background_does_not_disturb_a_soft_edge(softness: float, haze: float, figure: Figure) -> None:
    """The result has the true stripes already, and another background, which a matting model's haze lets through."""
    original, lit, _ = striped()
    rows, columns = np.mgrid[:GLASS, :GLASS]
    background = 128 + 100 * np.dstack([np.sin(columns / 5), np.sin(rows / 7), np.sin((rows + columns) / 6)])
    share = np.maximum(disc(90, softness), np.float32(haze))
    result = laid_over(lit, share, background)
    finished = transfer_detail(result, original, share, 1.0, RADIUS)
    change = np.abs(finished.astype(int) - result).mean(-1)
    assert figure("levels of change inside", change[share > 0.95].mean()) <= 2
    assert figure("levels of change in the edge", change[(share > 0.1) & (share <= 0.95)].mean()) <= 1


@pytest.mark.parametrize("opacity", [0.3, 1.0])
def test_the_subject_s_colours_go_on_and_nothing_else_does(opacity: float) -> None:
    share = np.zeros((64, 64), np.float32)
    share[20:40, 20:40] = opacity
    picture = np.full((64, 64, 3), 255, np.uint8)
    picture[20:40, 20:40] = (50, 90, 130)
    continued = continue_subject(picture, find_inside(share, 4.0))
    assert largest_change(continued, np.full_like(picture, 1) * (50, 90, 130), share >= 0) <= 1


@pytest.mark.parametrize(("size", "pixels"), [((512, 768), 5.12), ((1536, 1024), 10.24), ((100, 100), 1.0)])
def test_the_radius_grows_with_the_shorter_side(size: tuple[int, int], pixels: float) -> None:
    assert scale_radius(1.0, *size) == pytest.approx(pixels)
