"""What the page's scripts have to know of lights, so that nothing is said a second time in JavaScript."""

from __future__ import annotations

from typing import Any

from .colour import COOLEST, HOTTEST
from .drawing import LIGHT_MAP, WALL
from .presets import presets
from .sources import FIELDS, LONGEST_TEXT, MAX_LIGHTS, NUMBERS, LightSource, write_lights


def describe_lights() -> dict[str, Any]:
    """Fields, ranges with their labels, defaults and presets, as JSON has them, for `iclight.lights.setUp` in
    `javascript/iclight_lights.js`."""
    return {
        "fields": {kind.value: list(fields) for kind, fields in FIELDS.items()},
        "numbers": {name: _describe_number(name) for name in NUMBERS},
        "kelvin": {"low": COOLEST, "high": HOTTEST},
        "defaults": LightSource._field_defaults,
        "max": MAX_LIGHTS,
        "longest": LONGEST_TEXT,
        "presets": {name: write_lights(lights, between="\n") for name, lights in presets().items()},
        "levels": {"map": LIGHT_MAP._asdict(), "wall": WALL._asdict()},
    }


def _describe_number(name: str) -> dict[str, Any]:
    number = NUMBERS[name]
    described = {"low": number.low, "high": number.high}
    # a place is dragged, and has no slider
    return described if name in ("x", "y") else {**described, "label": number.label, "help": number.help}
