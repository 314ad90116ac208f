from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from lib_iclight.lights import LightKind, LightSource, check_lights, presets, write_lights

from .strategies import LIGHTS


@given(LIGHTS)
def test_text_tells_all_of_them(objects: list[dict[str, Any]]) -> None:
    lights = check_lights("lights", objects)
    assert len(lights) == len(objects)
    for light, given_object in zip(lights, objects, strict=True):
        assert light._asdict().items() >= given_object.items()
    for between in ("; ", "\n"):
        assert check_lights("lights", write_lights(lights, between)) == lights
    assert check_lights("lights", lights) == lights


def test_the_text_is_short_and_can_be_edited() -> None:
    lights = check_lights("lights", " Side  ANGLE 315.00 colour 3200k ;\n\n; AMBIENT brightness .2\nspot x 0 y 1e0")
    assert write_lights(lights) == "side angle 315 colour 3200K; ambient brightness 0.2; spot x 0 y 1"
    assert lights[0] == LightSource(LightKind.SIDE, angle=315, colour="3200K")


def test_zero_has_no_sign() -> None:
    assert write_lights(check_lights("lights", "side angle -0; spot x -0.0 y -0.00001")) == "side; spot x 0 y 0"


@pytest.mark.parametrize("nothing", [None, "", " ;\n ; ", []])
def test_no_lights(nothing: object) -> None:
    assert check_lights("lights", nothing) == ()


EIGHT = [{"kind": "side", "angle": 40 * number} for number in range(8)]


def test_eight_and_an_ambient_one() -> None:
    assert len(check_lights("lights", [*EIGHT, {"kind": "ambient"}])) == 9


WRONG: dict[str, tuple[object, str]] = {
    "ninth": ([*EIGHT, {"kind": "spot"}], "lights has 9 lights: at most 8"),
    "thousands": ([None] * 5000, "lights has 5000 lights: at most 8"),
    "second ambient": ("ambient; side; ambient", "lights has a second ambient: light 1"),
    "number": (3, "lights must be text, or a list of objects"),
    "object": ({"kind": "side"}, "lights must be text, or a list of objects"),
    "no object": (["side"], "light 1 must be an object with kind, not 'side'"),
    "no kind": ([{"angle": 3}], "light 1: kind is missing: it is one of side, spot, front, ambient"),
    "kind null": ([{"kind": None}], "light 1: kind is missing"),
    "unknown kind": ("side; laser", "light 2: kind can't be 'laser': it is one of side, spot, front, ambient"),
    "misspelt kind": ("sidee", "Did you mean side?"),
    "kind list": ([{"kind": ["side"]}], "light 1: kind can't be"),
    "misspelt field": ([{"kind": "side", "angel": 3}], "light 1: side has no 'angel', but angle.*mean angle"),
    "misspelt in text": ("spot; side brightnes 1", "light 2: side has no 'brightnes'.*mean brightness"),
    "other's field": ([{"kind": "front", "angle": 3}], "light 1: front has no angle, but brightness, softness, colour"),
    "no text field": ([{"kind": "side", 3: 3}], "light 1: side has no 3"),
    "half a pair": ("side angle", "light 1 must be its kind and pairs.*'angle' has no other half"),
    "twice": ("side angle 3 angle 4", "light 1 has 'angle' twice"),
    "kind twice": ("side kind spot", "light 1 has 'kind' twice"),
    "word for number": ("side angle left", "light 1: angle must be a number, not 'left'"),
    "text number": ([{"kind": "side", "angle": "90"}], "light 1: angle must be a number from 0 to 360, not '90'"),
    "true": ([{"kind": "side", "angle": True}], "light 1: angle must be a number from 0 to 360, not true"),
    "nan": ("side angle nan", "light 1: angle must be a number, not 'nan'"),
    "nan object": ([{"kind": "spot", "x": float("nan")}], "light 1: x must be a number from -1 to 2"),
    "infinite": ("spot radius inf", "light 1: radius must be a number, not 'inf'"),
    "angle": ("side angle 361", "light 1: angle must be a number from 0 to 360, not 361"),
    "radius 0": ("side; spot radius 0", "light 2: radius must be a number from 0.02 to 3, not 0"),
    "x": ("spot x 9", "light 1: x must be a number from -1 to 2"),
    "dark": ("side brightness 0", "light 1: brightness must be a number from 0.01 to 4"),
    "negative": ("side brightness -1", "light 1: brightness must be"),
    "hard": ("spot softness 0", "light 1: softness must be a number from 0.02 to 1"),
    "huge integer": ([{"kind": "side", "angle": 10**400}], "light 1: angle must be a number"),
    "colour name": ("side colour red", "light 1: colour must be #rrggbb.*not 'red'"),
    "short colour": ("side colour #fff", "light 1: colour must be #rrggbb"),
    "no hex": ("side colour #gggggg", "light 1: colour must be #rrggbb"),
    "cold": ("side colour 500K", "light 1: colour must be .* from 1000K to 15000K, not '500K'"),
    "hot": ("side colour 99999K", "light 1: colour must be .* from 1000K to 15000K"),
    "number colour": ([{"kind": "side", "colour": 3200}], "light 1: colour must be"),
    "other digits": ("side colour ٣٢٠٠K", "light 1: colour must be"),
    "endless": ("side;" * 1000, "lights has 5000 characters"),
    "page": ([{"kind": "x" * 10_000}], "light 1: kind can't be"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_lights_are_refused_by_name(case: str) -> None:
    value, says = WRONG[case]
    with pytest.raises(ValueError, match=says) as refused:
        check_lights("lights", value)
    assert len(str(refused.value)) < 300


def test_every_preset_can_be_read() -> None:
    assert len(presets()) >= 12
    assert all(presets().values())
    assert all(name == name.lower() for name in presets())


def test_no_preset_has_a_name_that_lights_have() -> None:
    """A single light that is as by default is written as its kind: read again it must not be a preset."""
    for name in presets():
        with pytest.raises(ValueError):
            check_lights("lights", name)
