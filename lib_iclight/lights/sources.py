"""Lights as values: what a request may hold, as objects or as a short text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from ..setting_types import Number, quoted
from .colour import WHITE, check_colour

MAX_LIGHTS = 8
"""Beside the ambient one."""

LONGEST_TEXT = 4000
"""Characters: many times what eight lights take."""


class LightKind(str, Enum):
    """How a light reaches the frame."""

    SIDE = "side"
    """From beyond an edge, falling evenly to the far side."""

    SPOT = "spot"
    """A disc in the frame."""

    FRONT = "front"
    """From the camera: the subject's own outline, spread outwards."""

    AMBIENT = "ambient"
    """From everywhere: what no other light reaches has it."""


NUMBERS = {
    "angle": Number("Angle", "Where it comes from, clockwise: 0 top, 90 right, 180 bottom, 270 left.", high=360.0),
    "x": Number("X", "Of its middle: 0 the frame's left edge, 1 its right one.", low=-1.0, high=2.0),
    "y": Number("Y", "Of its middle: 0 the frame's upper edge, 1 its lower one.", low=-1.0, high=2.0),
    "radius": Number("Radius", "In shares of the frame's shorter side.", low=0.02, high=3.0),
    "brightness": Number("Brightness", "Of its brightest point. Half is one stop less.", low=0.01, high=4.0),
    "softness": Number("Softness", "How far it takes to fade: 1 the whole way.", low=0.02, high=1.0),
}
"""The fields that are numbers."""

FIELDS: Mapping[LightKind, tuple[str, ...]] = {
    LightKind.SIDE: ("angle", "brightness", "softness", "colour"),
    LightKind.SPOT: ("x", "y", "radius", "brightness", "softness", "colour"),
    LightKind.FRONT: ("brightness", "softness", "colour"),
    LightKind.AMBIENT: ("brightness", "colour"),
}
"""What can be said of each kind."""


class LightSource(NamedTuple):
    """One light. Fields that its kind doesn't have keep their defaults."""

    kind: LightKind

    angle: float = 0.0
    """Degrees clockwise from the top: 0…360."""

    x: float = 0.5
    """In the frame's width, from its left edge."""

    y: float = 0.5
    """In the frame's height, from its upper edge."""

    radius: float = 0.3
    """In the frame's shorter side."""

    brightness: float = 1.0
    """Factor on its colour, in linear light: at 1 white is as bright as a picture can be."""

    softness: float = 1.0
    """Of a side: how far its ramp reaches, in shares of the way to the far side. Of a spot: how much of its radius it
    fades over. Of a front light: how far it spreads, in shares of the frame's shorter side."""

    colour: str = WHITE
    """`#rrggbb`, or as in `3200K`."""


Lights = tuple[LightSource, ...]

_DEFAULTS = LightSource._field_defaults


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""As people write one, and as the page's scripts read it: `float` takes `1_0`, `inf` and every script's digits too."""


def check_lights(name: str, value: Any) -> Lights:
    """Lights as a request holds them.

    Numbers are rounded to four decimals, so that the text tells all of them.

    :param name: the setting's, for the sentence.
    :param value: None, text as :func:`write_lights` writes it, or objects with `kind` and its fields.
    :raises ValueError: with a sentence that names the light and the field.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        objects = _read_text(name, value)
    elif isinstance(value, Sequence):
        objects = list(value)
    else:
        raise ValueError(f"{name} must be text, or a list of objects, one for each light, not {quoted(value)}.")
    if len(objects) > 2 * MAX_LIGHTS:  # whatever they are
        raise ValueError(_too_many(name, len(objects)))
    lights = tuple(_check_light(f"{name}: light {number}", each) for number, each in enumerate(objects, 1))
    placed = [light for light in lights if light.kind is not LightKind.AMBIENT]
    if len(placed) > MAX_LIGHTS:
        raise ValueError(_too_many(name, len(placed)))
    if len(lights) - len(placed) > 1:
        number = [light.kind for light in lights].index(LightKind.AMBIENT) + 1
        raise ValueError(f"{name} has a second ambient: light {number} is one already, so change that.")
    return lights


def write_lights(lights: Lights, between: str = "; ") -> str:
    """Lights as a text that can be read, edited and checked again: `side angle 315 colour 3200K; ambient brightness
    0.2`. What is as by default is left out."""
    return between.join(_write_light(light) for light in lights)


def _too_many(name: str, count: int) -> str:
    return f"{name} has {count} lights: at most {MAX_LIGHTS} are taken, and one ambient. Take some away."


def _check_light(name: str, value: Any) -> LightSource:
    if isinstance(value, LightSource):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be an object with kind, not {quoted(value)}.")
    kinds = [kind.value for kind in LightKind]
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        given = "is missing" if kind is None else f"can't be {quoted(kind)}"
        raise ValueError(f"{name}: kind {given}: it is one of {', '.join(kinds)}.{_suggest(kind, kinds)}")
    fields = FIELDS[LightKind(kind)]
    checked: dict[str, Any] = {}
    for field, given in value.items():
        if field == "kind":
            continue
        if field not in fields:
            shown = field if isinstance(field, str) and field in _DEFAULTS else quoted(field)
            raise ValueError(f"{name}: {kind} has no {shown}, but {', '.join(fields)}.{_suggest(field, fields)}")
        checked[field] = _check_field(f"{name}: {field}", field, given)
    return LightSource(LightKind(kind), **checked)


def _check_field(name: str, field: str, value: Any) -> Any:
    if field == "colour":
        return check_colour(name, value)
    return round(NUMBERS[field].check(name, value), 4) + 0.0  # -0.0 would be written as -0


def _suggest(given: Any, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(given, known, 1) if isinstance(given, str) and len(given) < 40 else []
    return f" Did you mean {near[0]}?" if near else ""


def _read_text(name: str, text: str) -> list[dict[str, Any]]:
    """The objects that a text stands for, their fields unchecked."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"{name} has {len(text)} characters: eight lights take a few hundred.")
    parts = [part.split() for part in re.split(r"[;\n]", text)]
    return [_read_light(f"{name}: light {number}", words) for number, words in enumerate(filter(None, parts), 1)]


def _read_light(name: str, words: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": words[0].lower()}
    if len(words) % 2 == 0:
        raise ValueError(
            f"{name} must be its kind and pairs of field and value, as in side angle 315 brightness 0.8: "
            f"{quoted(words[-1])} has no other half."
        )
    for field, value in zip(words[1::2], words[2::2], strict=True):
        field = field.lower()
        if field in found:
            raise ValueError(f"{name} has {quoted(field)} twice: leave one out.")
        found[field] = _read_number(f"{name}: {field}", value) if field in NUMBERS else value
    return found


def _read_number(name: str, text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{name} must be a number, not {quoted(text)}.")
    return float(text)


def _write_light(light: LightSource) -> str:
    words = [light.kind.value]
    for field in FIELDS[light.kind]:
        value = getattr(light, field)
        if value != _DEFAULTS[field]:
            words += [field, f"{value:.4f}".rstrip("0").rstrip(".") if field in NUMBERS else value]
    return " ".join(words)
