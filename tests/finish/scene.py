"""A drawn label whose truth in another light is known: what its surface reflects, times the light, in linear light."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lib_iclight.srgb import to_display, to_linear

SIZE = 640
PERIODS = (4, 6, 8, 12)
"""Pixels from one bar to the next."""

LETTERS = slice(330, 470), slice(20, 620)
TEXT = "Relight 0123"
GLYPHS = {
    "R": ("####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"),
    "e": (".....", ".....", ".###.", "#...#", "#####", "#....", ".###."),
    "l": (".##..", "..#..", "..#..", "..#..", "..#..", "..#..", ".###."),
    "i": ("..#..", ".....", ".##..", "..#..", "..#..", "..#..", ".###."),
    "g": (".....", ".....", ".####", "#...#", ".####", "....#", ".###."),
    "h": ("#....", "#....", "#.##.", "##..#", "#...#", "#...#", "#...#"),
    "t": (".#...", ".#...", "###..", ".#...", ".#...", ".#..#", "..##."),
    " ": (".....",) * 7,
    "0": (".###.", "#...#", "#..##", "#.#.#", "##..#", "#...#", ".###."),
    "1": ("..#..", ".##..", "..#..", "..#..", "..#..", "..#..", ".###."),
    "2": (".###.", "#...#", "....#", "..##.", ".#...", "#....", "#####"),
    "3": (".###.", "#...#", "....#", "..##.", "....#", "#...#", ".###."),
}
"""Drawn here, as OpenCV draws letters with hard edges in one version and with soft ones in another."""
RGB_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])


class Ink(Enum):
    """How letters are drawn."""

    HARD = "hard"
    """Each pixel is ink or paper."""

    SOFT = "soft"
    """A quarter of a pixel off the raster in both directions: pixels at a stroke's edge are partly ink."""


@dataclass(frozen=True)
class Scene:
    original: np.ndarray
    truth: np.ndarray
    ink: np.ndarray
    """Where letters and bars are, bool [H, W]."""


def bars(period: int) -> tuple[slice, slice]:
    top = 30 + 60 * PERIODS.index(period)
    return slice(top, top + 44), slice(40, 280)


def write(surface: np.ndarray, top: int, left: int, stroke: int, colour: tuple[int, int, int], ink: Ink) -> None:
    """Write the text onto a surface, its strokes so many pixels wide; inks mix in linear light, as a camera sees."""
    dots = np.hstack([[[dot == "#" for dot in row + "."] for row in GLYPHS[letter]] for letter in TEXT])
    fine = np.kron(dots, np.ones((4 * stroke,) * 2, np.float32))
    fine = np.pad(fine, ((4, 4), (4, 4)))
    if ink is Ink.SOFT:
        fine = np.roll(fine, (1, 1), (0, 1))
    share = cv2.resize(fine, (fine.shape[1] // 4, fine.shape[0] // 4), interpolation=cv2.INTER_AREA)[..., None]
    box = np.s_[top - 1 : top - 1 + share.shape[0], left - 1 : left - 1 + share.shape[1]]
    mixed = to_linear(surface[box]) * (1 - share) + to_linear(np.array(colour)) * share
    surface[box] = np.where(share > 0, to_display(mixed), surface[box])


def label(ink: Ink) -> Scene:
    """Bars and letters, half on light paper and half on blue; a square shadow goes, a slanting one comes."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    surface = np.full((SIZE, SIZE, 3), (210, 200, 190), np.uint8)
    surface[:, SIZE // 2 :] = (90, 120, 160)
    plain = surface.copy()
    for period in PERIODS:
        box = bars(period)
        surface[box][(columns[box] - 40) % period < period // 2] = (40, 30, 30)
    for stroke, top in ((1, 340), (2, 365), (3, 400)):
        write(surface, top, 40, stroke, (30, 30, 40), ink)
        write(surface, top, 350, stroke, (240, 235, 220), ink)
    is_ink = (surface != plain).any(-1)
    surface[np.hypot(columns - 160, rows - 550) <= 60] = (60, 60, 70)
    old = np.broadcast_to((0.9 - 0.5 * columns / SIZE)[..., None], surface.shape).copy()
    old[(rows > 510) & (rows < 600) & (columns > 380) & (columns < 560)] *= 0.4
    new = (0.15 + 0.8 * columns / SIZE)[..., None] * np.array([1.0, 0.8, 0.55])
    new[columns + rows / 2 > 780] *= 0.3
    return Scene(to_display(to_linear(surface) * old), to_display(to_linear(surface) * new), is_ink)


def blurred(picture: np.ndarray, where: np.ndarray, sigma: float = 3.0) -> np.ndarray:
    """The picture with what it shows near `where` blurred in linear light, as if badly drawn."""
    soft = to_display(cv2.GaussianBlur(to_linear(picture), (0, 0), sigma))
    return np.where(near(where, 10)[..., None], soft, picture)


def garbled(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The picture with what it shows near `where` pulled about by a few pixels: strokes, but no letters."""
    generator = np.random.default_rng(7)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    pull = [cv2.GaussianBlur(generator.standard_normal(rows.shape).astype(np.float32), (0, 0), 2) for _ in "xy"]
    pull = [6 * each / each.std() * cv2.blur(near(where, 4).astype(np.float32), (5, 5)) for each in pull]
    wild = cv2.remap(picture, columns + pull[0], rows + pull[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.where(near(where, 10)[..., None], wild, picture)


def near(where: np.ndarray, distance: int) -> np.ndarray:
    return cv2.dilate(where.astype(np.uint8), np.ones((2 * distance + 1,) * 2, np.uint8)) > 0


def contrast_at(picture: np.ndarray, period: int) -> float:
    """The part of the bars' mean luminance that swings at their frequency."""
    profile = (to_linear(picture[bars(period)]).mean(0) @ RGB_WEIGHTS).astype(np.float64)
    wave = np.exp(-2j * np.pi * np.arange(profile.size) / period)
    return 2 * abs(profile @ wave) / profile.sum()


def likeness(picture: np.ndarray, truth: np.ndarray, box: tuple[slice, slice]) -> float:
    """How much the fine structure in a box follows the truth's: their correlation, 1 for the same letters."""
    fine = []
    for each in (picture, truth):
        light = (to_linear(each) @ RGB_WEIGHTS).astype(np.float32)
        fine.append((light - cv2.GaussianBlur(light, (0, 0), 6))[box].ravel())
    return float(np.corrcoef(*fine)[0, 1])


def largest_change(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other)[where].max())


@st.composite
def pairs(draw: st.DrawFn, largest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two pictures and a share of one size, at most `largest` pixels wide and high."""
    size = draw(st.tuples(st.integers(1, largest), st.integers(1, largest)))
    picture = arrays.arrays(np.uint8, (*size, 3))
    share = arrays.arrays(np.float32, size, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    return draw(picture), draw(picture), draw(share)
