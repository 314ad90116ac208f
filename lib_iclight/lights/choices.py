"""Light sources and plain backgrounds by name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from .sources import LightKind, Lights, LightSource


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
    OWN = "own"
    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"
    AMBIENT = "ambient"
    LIGHTS = "lights"


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
    "own": "The subject's own room",
    "left": "Left",
    "right": "Right",
    "top": "Top",
    "bottom": "Bottom",
    "ambient": "Grey",
    "lights": "The lights alone",
}
"""By the value of each :class:`Background`."""

SIDES: Mapping[str, Lights] = {
    name: (LightSource(LightKind.SIDE, angle=angle),)
    for name, angle in (("left", 270.0), ("right", 90.0), ("top", 0.0), ("bottom", 180.0))
}
"""The lights that the sides' names stand for, of lights and of plain backgrounds alike."""

NAMED_LIGHTS: Mapping[Light, Lights] = {
    **{Light(name): lights for name, lights in SIDES.items()},
    Light.AMBIENT: (LightSource(LightKind.AMBIENT, colour="#7f7f7f"),),
}
"""Grey 127 is the reference's ("Ambient" in `gradio_demo_bg.py`, with 64 for a background below)."""

NAMED_BACKGROUNDS: Mapping[Background, Lights] = {
    **{Background(name): lights for name, lights in SIDES.items()},
    Background.AMBIENT: (LightSource(LightKind.AMBIENT, colour="#404040"),),
}
