"""Light sources and plain backgrounds, as pictures."""

from __future__ import annotations

import functools
from enum import Enum

import numpy as np

from .pictures import Picture


class Light(str, Enum):
    """Where the light comes from (fc, fcon): what the first pass starts from."""

    NONE = "none"
    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"
    AMBIENT = "ambient"
    CUSTOM = "custom"


class Background(str, Enum):
    """What the subject stands in (fbc)."""

    IMAGE = "image"
    MIRRORED = "mirrored"
    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"
    AMBIENT = "ambient"


LIGHT_LABELS = {
    "none": "Prompt only",
    "left": "Left",
    "right": "Right",
    "top": "Top",
    "bottom": "Bottom",
    "ambient": "All around",
    "custom": "My own light map",
}
"""By the value of each :class:`Light`."""

BACKGROUND_LABELS = {
    "image": "Picture",
    "mirrored": "Mirrored picture",
    "left": "Left",
    "right": "Right",
    "top": "Top",
    "bottom": "Bottom",
    "ambient": "Grey",
}
"""By the value of each :class:`Background`."""

LIGHT_MAP_RANGE = (255, 0)
"""Bright and dark end of a light map: `gradio_demo.py` of the reference."""

BACKGROUND_RANGE = (224, 32)
"""Bright and dark end of a plain background: `gradio_demo_bg.py` of the reference."""

AMBIENT_LIGHT = 127
AMBIENT_BACKGROUND = 64


@functools.lru_cache(maxsize=8)
def draw_light_map(light: Light, width: int, height: int) -> Picture:
    """The light map of a light that is neither none nor custom: uint8 [height, width, 3]. The last eight are kept."""
    if light is Light.AMBIENT:
        return _even(AMBIENT_LIGHT, width, height)
    return _gradient(light.value, *LIGHT_MAP_RANGE, width, height)


@functools.lru_cache(maxsize=8)
def draw_background(background: Background, width: int, height: int) -> Picture:
    """The background of a choice that needs no picture: uint8 [height, width, 3]. The last eight are kept."""
    if background is Background.AMBIENT:
        return _even(AMBIENT_BACKGROUND, width, height)
    return _gradient(background.value, *BACKGROUND_RANGE, width, height)


def _even(value: int, width: int, height: int) -> Picture:
    return _read_only(np.full((height, width, 3), value, np.uint8))


def _gradient(side: str, bright: int, dark: int, width: int, height: int) -> Picture:
    """Bright at `side`, falling linearly to the other one, truncated to whole numbers as the reference does."""
    first, last = (bright, dark) if side in ("left", "top") else (dark, bright)
    ramp = np.linspace(first, last, width if side in ("left", "right") else height).astype(np.uint8)
    ramp = ramp[None, :, None] if side in ("left", "right") else ramp[:, None, None]
    return _read_only(np.ascontiguousarray(np.broadcast_to(ramp, (height, width, 3))))


def _read_only(rgb: np.ndarray) -> Picture:
    """A picture that is kept for all who ask for it."""
    rgb.setflags(write=False)
    return Picture(rgb)
