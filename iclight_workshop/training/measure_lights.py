"""Do relit pictures obey lights of any angle, colour and kind? `python -m iclight_workshop.training.measure_lights`.

On held-out scenes, with the repository's small models at 128 × 128 in 20 steps. Writes nothing; status 1 if a bound is
missed. It takes most of an hour on one core.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import cv2
import numpy as np
import torch

from lib_iclight.srgb import luminance, to_linear

from .data import HELD_OUT
from .measure import Bound, SceneRelighter
from .world import Recipe, Scene

SCENES = 200

ANGLES = tuple(range(0, 360, 30))

NEAR = 30.0
"""Degrees between the light and the direction that the subject is brightest in."""

ANGLE = Bound("lit within 30° of the light", 0.8)
HUES = Bound("each side in its light's hue", 0.9)
FRONT = Bound("middle brighter in front light", 0.95)
LIT_BACKGROUND = Bound("lit as its background is", 0.8)

RED, BLUE = "#ff3030", "#3030ff"

FRONT_LIGHT = "front softness 0.05"
"""Hardly wider than the subject: what is bright around it lights its rim, as a background does."""

FOLLOWING = 0.5
COLOURED = 0.4
"""The light denoise at which a picture keeps to more than the direction of its light, and at which to its colours. At
the default, 0.9, the small model takes the direction only."""


class Direction(NamedTuple):
    """Where a subject is lit from."""

    degrees: float
    """Clockwise from the top."""

    error: float
    """In degrees from where it should be."""


def main() -> int:
    """Measure, and print the shares."""
    parser = argparse.ArgumentParser(description="Measure how well lights are obeyed.")
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--first", type=int, default=HELD_OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)  # networks this small gain little by more
    shares = measure_lights(SceneRelighter(), options.scenes, options.first)
    for bound, share in shares.items():
        print(f"{bound.name}: {share:.3f} (bound {bound.least})")
    return int(any(share < bound.least for bound, share in shares.items()))


def measure_lights(bench: SceneRelighter, scenes: int, first: int = HELD_OUT) -> dict[Bound, float]:
    """The share of scenes that obey each kind of light; each scene has one of the angles in turn."""
    errors: list[float] = []
    obeyed: dict[Bound, list[bool]] = {bound: [] for bound in (ANGLE, HUES, FRONT, LIT_BACKGROUND)}
    for number in range(scenes):
        scene = Recipe(first + number).at(bench.size)
        angle = ANGLES[number % len(ANGLES)]
        lit = bench.relight(scene, "none", "white light", lights=f"side angle {angle}")
        errors.append(find_direction(lit, scene, angle).error)
        obeyed[ANGLE].append(errors[-1] <= NEAR)
        obeyed[HUES].append(has_each_hue(bench, scene))
        obeyed[FRONT].append(is_lit_from_the_front(bench, scene, angle))
        obeyed[LIT_BACKGROUND].append(follows_lit_background(bench, scene, angle))
    print(f"mean error of the direction: {np.mean(errors):.1f}°, median {np.median(errors):.1f}°")
    return {bound: float(np.mean(each)) for bound, each in obeyed.items()}


def find_direction(result: np.ndarray, scene: Scene, angle: float) -> Direction:
    """Where the subject is lit from: the direction in the picture's plane in which its shading grows with its normals.

    :param result: uint8 [size, size, 3].
    :param angle: where it should be, degrees clockwise from the top.
    """
    seen = scene.alpha > 0.95
    shading = (luminance(to_linear(result)) / luminance(scene.albedo.astype(np.float32)))[..., 0][seen]
    basis = np.column_stack([np.ones(seen.sum()), scene.normals[seen][:, :2]])
    _, across, down = np.linalg.lstsq(basis, shading, rcond=None)[0]
    found = float(np.degrees(np.arctan2(across, -down)) % 360)
    return Direction(found, abs((found - angle + 180) % 360 - 180))


def has_each_hue(bench: SceneRelighter, scene: Scene) -> bool:
    """Between a red light on the left and a blue one on the right, each side is further its way than in white light."""
    sides = ["side angle 270 softness 0.8", "side angle 90 softness 0.8"]
    coloured = "; ".join(f"{side} colour {colour}" for side, colour in zip(sides, (RED, BLUE), strict=True))
    in_colours, in_white = (
        _compare_red_and_blue(bench.relight(scene, "none", "", lights=lights, light_denoise=COLOURED), scene)
        for lights in (coloured, "; ".join(sides))
    )
    return in_colours[0] > in_white[0] and in_colours[1] < in_white[1]


def _compare_red_and_blue(result: np.ndarray, scene: Scene) -> tuple[float, float]:
    """The logarithm of red over blue on the subject's left and right half."""
    seen = scene.alpha > 0.95
    middle = np.flatnonzero(seen.any(axis=0)).mean()
    columns = np.arange(seen.shape[1])[None]
    light = to_linear(result) + np.float32(0.002)
    halves = (light[seen & half].mean(axis=0) for half in (columns < middle, columns > middle))
    left, right = (float(np.log(colour[0] / colour[2])) for colour in halves)
    return left, right


def is_lit_from_the_front(bench: SceneRelighter, scene: Scene, angle: float) -> bool:
    """In front light the subject's middle is brighter, against its rim, than in light from a side."""
    front, side = (
        _compare_middle_and_rim(bench.relight(scene, "none", "", lights=lights, light_denoise=FOLLOWING), scene)
        for lights in (FRONT_LIGHT, f"side angle {angle}")
    )
    return front > side


def _compare_middle_and_rim(result: np.ndarray, scene: Scene) -> float:
    seen = (scene.alpha > 0.95).astype(np.uint8)
    depth = cv2.distanceTransform(seen, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    bright = luminance(to_linear(result))[..., 0]
    return float(bright[depth > 0.5 * depth.max()].mean() / bright[(depth > 0) & (depth < 0.2 * depth.max())].mean())


def follows_lit_background(bench: SceneRelighter, scene: Scene, angle: float) -> bool:
    """Before an even wall on which a light shines from a side, the subject is lit from that side."""
    wall = np.full((bench.size, bench.size, 3), 200, np.uint8)
    lights = f"side angle {angle}; ambient brightness 0.02"
    result = bench.relight_before(scene, wall, "", lights=lights)
    return find_direction(result, scene, angle).error <= 90


if __name__ == "__main__":
    raise SystemExit(main())
