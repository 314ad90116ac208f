"""Lights for hypothesis: every kind, every field, up to as many as a request may hold."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

COLOURS = st.one_of(
    st.from_regex(r"#[0-9a-f]{6}", fullmatch=True), st.integers(1000, 15000).map(lambda kelvin: f"{kelvin}K")
)


def _rounded(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda value: round(value, 4))


BRIGHTNESS, SOFTNESS = _rounded(0.01, 4), _rounded(0.02, 1)

SIDE = st.fixed_dictionaries(
    {"kind": st.just("side")},
    optional={"angle": _rounded(0, 360), "brightness": BRIGHTNESS, "softness": SOFTNESS, "colour": COLOURS},
)
SPOT = st.fixed_dictionaries(
    {"kind": st.just("spot")},
    optional={
        "x": _rounded(-1, 2),
        "y": _rounded(-1, 2),
        "radius": _rounded(0.02, 3),
        "brightness": BRIGHTNESS,
        "softness": SOFTNESS,
        "colour": COLOURS,
    },
)
FRONT = st.fixed_dictionaries(
    {"kind": st.just("front")}, optional={"brightness": BRIGHTNESS, "softness": SOFTNESS, "colour": COLOURS}
)
AMBIENT = st.fixed_dictionaries({"kind": st.just("ambient")}, optional={"brightness": BRIGHTNESS, "colour": COLOURS})


def _with_ambient(drawn: tuple[list[dict[str, Any]], dict[str, Any] | None, int]) -> list[dict[str, Any]]:
    lights, ambient, place = drawn
    return lights if ambient is None else [*lights[:place], ambient, *lights[place:]]


LIGHTS = st.tuples(st.lists(st.one_of(SIDE, SPOT, FRONT), max_size=8), st.none() | AMBIENT, st.integers(0, 8)).map(
    _with_ambient
)
"""As the API takes them."""
