"""Does a relit picture obey its light? Judged by what is known of the scene: normals, albedo, alpha."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from lib_iclight.srgb import luminance, to_linear

from .world import LIGHT_COLOURS, Lighting, Scene

OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
OTHER_COLOUR = {"warm": "blue", "blue": "warm", "red": "blue", "green": "purple", "purple": "green"}
"""A light's colour, and one that lies across the circle."""

_DARK = 0.002
"""Linear light below which a colour is not judged."""


def is_lit_from(result: np.ndarray, scene: Scene, side: str) -> bool:
    """Is the subject shaded as a light from this side shades its normals, rather than one from the opposite side?

    What the picture shows is divided by the albedo, so that a bright pattern doesn't pass for light.

    :param result: uint8 [size, size, 3].
    """
    seen = _find_subject(scene)
    shading = (luminance(to_linear(result)) / luminance(scene.albedo.astype(np.float32)))[..., 0][seen]

    def likeness(from_side: str) -> float:
        expected = scene.compute_shading(Lighting(from_side, "white"))[..., 0][seen]
        return _correlate(shading, expected)

    return likeness(side) > likeness(OPPOSITE[side])


def correlate_albedo(results: Sequence[np.ndarray], scenes: Sequence[Scene]) -> float:
    """Correlation of the subjects' albedo in the results with the true one, over all scenes' pixels and channels.

    The light is divided out first, a constant and a direction that are fitted to each picture, and so is how bright a
    subject is as a whole: neither is the albedo's to tell. Over all scenes, since one plain grey subject has nothing
    that could correlate.

    :param results: uint8 [size, size, 3] each.
    """
    shown = np.concatenate(
        [_remove_shading(to_linear(each), scene) for each, scene in zip(results, scenes, strict=True)]
    )
    true = np.concatenate([_scale_to_mean_luminance(scene.albedo[_find_subject(scene)]) for scene in scenes])
    return _correlate(shown, true)


def _remove_shading(linear: np.ndarray, scene: Scene) -> np.ndarray:
    """What is left of linear light [size, size, 3] without its smooth shading: [pixels, 3], of mean luminance 1."""
    seen = _find_subject(scene)
    basis = np.column_stack([np.ones(seen.sum()), scene.normals[seen]])
    bright = luminance(linear[seen].astype(np.float32))[:, 0]
    shading = basis @ np.linalg.lstsq(basis, bright, rcond=None)[0]
    return _scale_to_mean_luminance(linear[seen] / np.maximum(shading, 0.15 * bright.mean() + 1e-6)[:, None])


def _scale_to_mean_luminance(colours: np.ndarray) -> np.ndarray:
    return colours / max(luminance(colours.astype(np.float32)).mean(), 1e-6)


def measure_colour_shift(result: np.ndarray, before: np.ndarray, scene: Scene, colour: str) -> float:
    """How far the subject's colour went from one picture to another towards a light's: 0 not at all, 1 all the way.

    Colours are compared as logarithms of red and blue over green, in which light times albedo is a sum.

    :param before: in white light, as the result uint8 [size, size, 3].
    """
    seen = _find_subject(scene)
    went = _compute_chroma(to_linear(result)[seen].mean(axis=0)) - _compute_chroma(to_linear(before)[seen].mean(axis=0))
    way = _compute_chroma(np.array(LIGHT_COLOURS[colour]))
    return float(went @ way / (way @ way))


def correlate_detail(result: np.ndarray, truth: np.ndarray, scene: Scene) -> float:
    """Correlation of the subject's fine detail, what a blur of two pixels takes away, with the truth's.

    Not at its edge, where the blur mixes in what is behind it.
    """
    seen = cv2.erode(_find_subject(scene).astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    fine = [
        (picture - cv2.GaussianBlur(picture, (0, 0), 2))[seen]
        for picture in (luminance(to_linear(each))[..., 0] for each in (result, truth))
    ]
    return _correlate(*fine)


def _compute_chroma(rgb: np.ndarray) -> np.ndarray:
    red, green, blue = np.log(np.maximum(rgb, _DARK))
    return np.array([red - green, blue - green])


def _find_subject(scene: Scene) -> np.ndarray:
    return scene.alpha > 0.95


def _correlate(first: np.ndarray, second: np.ndarray) -> float:
    first, second = first.ravel() - first.mean(), second.ravel() - second.mean()
    return float(first @ second / max(np.sqrt((first @ first) * (second @ second)), 1e-12))
