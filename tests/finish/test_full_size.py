"""The light of a small relit picture on the large original, on scenes whose truth is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from PIL import Image

from iclight_workshop.training.world import Lighting, Recipe, Scene
from lib_iclight.finish import enlarge_light
from lib_iclight.srgb import to_display

Figure = Callable[[str, float], float]

LARGE, SMALL = 2048, 512
BLUR = 1.0
"""Standard deviation in pixels of the small picture: letters a few pixels high are gone, as a VAE leaves them."""


class Pair(NamedTuple):
    """One scene under two lights."""

    original: np.ndarray
    truth: np.ndarray
    relit: np.ndarray
    """The truth, small and blurred."""

    inside: np.ndarray


def with_texture(scene: Scene, number: int) -> Scene:
    """Woven cloth and grain a few pixels wide, and lines of small print."""
    random = np.random.default_rng(number)
    y, x = np.mgrid[:LARGE, :LARGE]
    period = random.uniform(7, 14)
    woven = 1 + 0.25 * np.sign(np.sin(2 * np.pi * x / period)) * np.sign(np.sin(2 * np.pi * y / (1.3 * period)))
    grain = cv2.GaussianBlur(random.normal(0, 1, (LARGE, LARGE)).astype(np.float32), (0, 0), 1.2)
    texture = woven * (1 + 0.12 * grain / grain.std())
    return dataclasses.replace(
        scene, albedo=scene.albedo * (0.6 * texture.clip(0.2, 2))[..., None] * (1 - 0.95 * print_letters())
    )


def print_letters() -> np.ndarray:
    """Small print, 1 where there is ink: [LARGE, LARGE, 1]."""
    page = np.zeros((LARGE, LARGE), np.uint8)
    for row in range(2 * LARGE // 5, 3 * LARGE // 5, LARGE // 32):
        place = (2 * LARGE // 5, row + LARGE // 40)
        font, size, thickness = cv2.FONT_HERSHEY_SIMPLEX, LARGE / 1400, 2
        cv2.putText(page, "The quick brown fox 0123", place, font, size, 255, thickness, cv2.LINE_AA)
    return page[..., None] / 255


def reduce(rgb: np.ndarray) -> np.ndarray:
    return cv2.resize(rgb, (SMALL, SMALL), interpolation=cv2.INTER_AREA)


def blurred(rgb: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(reduce(rgb), (0, 0), BLUR)


def make_pair(number: int) -> Pair:
    scene = with_texture(Recipe(number).at(LARGE), number)
    first = Lighting("left", "white", elevation=0.7, ambient=0.3)
    second = Lighting("right", "warm", elevation=0.4, turn=0.3)
    original, truth = scene.draw_subject(first), scene.draw_subject(second)
    return Pair(original, truth, blurred(truth), scene.alpha > 0.999)


def enlarge_plainly(rgb: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(rgb).resize((LARGE, LARGE), Image.Resampling.LANCZOS))


def find_error(picture: np.ndarray, pair: Pair) -> float:
    """Mean squared, in levels, where the subject is."""
    return float(np.square(picture[pair.inside].astype(np.float64) - pair.truth[pair.inside]).mean())


@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_nearer_to_the_truth_than_lanczos(number: int, figure: Figure) -> None:
    pair = make_pair(number)
    enlarged = enlarge_light(pair.relit, reduce(pair.original), pair.original)
    gain = 10 * np.log10(find_error(enlarge_plainly(pair.relit), pair) / find_error(enlarged, pair))
    assert figure("below Lanczos's error, in dB", float(gain)) >= 6
    # letters: as like the true ones as the original's are
    print_rows, print_columns = slice(2 * LARGE // 5, 3 * LARGE // 5), slice(2 * LARGE // 5, 3 * LARGE // 5)
    there = pair.inside[print_rows, print_columns]
    likeness = [
        np.corrcoef(*(each[print_rows, print_columns][there].mean(axis=-1) for each in (picture, pair.truth)))[0, 1]
        for picture in (enlarge_plainly(pair.relit), enlarged)
    ]
    figure("likeness of the print, Lanczos", float(likeness[0]))
    assert figure("likeness of the print", float(likeness[1])) >= 0.95


@pytest.mark.parametrize(("inside", "outside"), [(0.4, 0.4), (0.3, 0.9), (1.2, 0.3), (1.0, 0.1)])
def test_no_halo_at_large_edges(inside: float, outside: float, figure: Figure) -> None:
    """A bright disc before a dark wall, each relit in another measure, brighter to the right."""
    y, x = (np.mgrid[:LARGE, :LARGE] + 0.5) * (2 / LARGE) - 1
    disc = np.hypot(x, y) < 0.5
    albedo = np.where(disc, 0.54, 0.045)
    light = np.where(disc, inside, outside) * (1 + 0.2 * x)
    original = to_display(np.repeat(albedo[..., None], 3, axis=2))
    truth = to_display((albedo * light)[..., None] * np.array([1, 0.7, 0.4]))
    enlarged = enlarge_light(blurred(truth), reduce(original), original)
    error = np.abs(enlarged.astype(int) - truth).max(axis=-1)
    assert figure("largest error, in levels", int(error.max())) <= 3
    plain = np.abs(enlarge_plainly(blurred(truth)).astype(int) - truth).max()
    assert figure("Lanczos's", int(plain)) > 20


def test_the_same_light_gives_the_original_back() -> None:
    pair = make_pair(2)
    enlarged = enlarge_light(blurred(pair.original), reduce(pair.original), pair.original)
    error = np.abs(enlarged.astype(int) - pair.original)
    assert error.mean() < 1 and np.percentile(error, 99) <= 3


def test_strips_leave_no_seam() -> None:
    """Rows are worked on in strips; a picture turned by a quarter is cut elsewhere."""
    pair = make_pair(1)
    small = reduce(pair.original)
    upright = enlarge_light(pair.relit, small, pair.original)
    turned = enlarge_light(*(np.ascontiguousarray(np.rot90(each)) for each in (pair.relit, small, pair.original)))
    assert np.abs(np.rot90(turned, -1).astype(int) - upright).max() <= 2


@pytest.mark.parametrize("size", [(64, 64), (65, 130), (700, 90)])
def test_any_shape(size: tuple[int, int]) -> None:
    large = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    small = cv2.resize(large, (max(1, size[1] // 2), max(1, size[0] // 2)), interpolation=cv2.INTER_AREA)
    assert enlarge_light(small, small, large).shape == large.shape
    black = np.zeros_like(small)
    assert enlarge_light(black, small, large).max() <= 2
