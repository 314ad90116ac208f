"""The lights: as values, by name, and as pictures."""

from __future__ import annotations

from .choices import (
    BACKGROUND_LABELS,
    LIGHT_LABELS,
    NAMED_BACKGROUNDS,
    NAMED_LIGHTS,
    Background,
    Light,
)
from .description import describe_lights
from .drawing import LIGHT_MAP, WALL, Levels, Window, add_lights, draw_lights, shine_on, to_picture
from .presets import presets
from .setting import LightsSetting
from .sources import LightKind, Lights, LightSource, check_lights, write_lights

__all__ = [
    "BACKGROUND_LABELS",
    "LIGHT_LABELS",
    "LIGHT_MAP",
    "NAMED_BACKGROUNDS",
    "NAMED_LIGHTS",
    "WALL",
    "Background",
    "Levels",
    "Light",
    "LightKind",
    "LightSource",
    "Lights",
    "LightsSetting",
    "Window",
    "add_lights",
    "check_lights",
    "describe_lights",
    "draw_lights",
    "presets",
    "shine_on",
    "to_picture",
    "write_lights",
]
