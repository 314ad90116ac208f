"""Lights as the page's scripts read and write them, beside Python."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from lib_iclight.lights import Lights, LightsSetting, check_lights, presets, write_lights
from lib_iclight.lights.colour import linear_colour
from lib_iclight.lights.sources import FIELDS
from tests.lights.strategies import LIGHTS
from tests.lights.test_sources import WRONG

RIGHT = (
    "",
    " ;\n ; ",
    " Side  ANGLE 315.00 colour 3200k ;\n\n; AMBIENT brightness .2\nspot x 0 y 1e0",
    "spot x -0.00001 y -0",
    "side angle 31.50 softness 5e-1 brightness +1.",
    "side\x1cangle\x8530\xa0colour\u30003200\u212a",
    "side colour 001000K; spot colour #FFCC88",
    "spot x 0.03125 y -0.03125 radius 0.09375",
    "spot x 0.00005 y 0.00015 radius 1.00005 brightness 2.99995 softness 0.02004",
    "side;" * 8 + "ambient",
    " \n NEON ",
    "\x1fgolden hour\x85",
    " " * 4000,
    f"side brightness {'0' * 2500}1",
)
"""Texts that Python reads, each with something that JavaScript does its own way."""

SPECIAL = (
    *("side angle 1_0", "side angle ٣١", "side brightness １.５", "side softness 𝟎.𝟓", "side angle nan"),
    *("side angle 1__0", "side angle _1", "side angle 1_", "side angle 1_e1", "side angle 0x10", "side angle 1e"),
    *("side angle", "side angle .", "side angle infinity", "side angle ٣٢_", "side angle ²", "side\ufeffangle 3"),
    *("constructor", "__proto__", "side __proto__ 3", "side constructor 3", "side kind side", "toString x 3"),
    *("golden  hour", "golden\thour", "neon;", "neon; side", "neon neon", "side;" * 9, "ambient;" * 2, " " * 4001),
    *("😀" * 4000, "side colour 15001K", "side colour 0999K", "side colour 3200.K", "side colour ٣٢٠٠K", "side x 0.5"),
    *("side angle 360.00001", "spot radius 0.0199999", "side angle -0.00001", "side colour ＃ffffff", "ambient x 1"),
)
"""Texts that are easily read otherwise in JavaScript, most of them wrong."""


def objects_of(lights: Lights) -> list[dict[str, Any]]:
    """What the page holds of them: the fields of their kinds."""
    return [
        {"kind": light.kind.value, **{field: getattr(light, field) for field in FIELDS[light.kind]}} for light in lights
    ]


def read_in_python(text: str) -> Lights | None:
    """As the panel does, presets and all."""
    try:
        return LightsSetting("Lights").check("lights", text)
    except ValueError:
        return None


def assert_read_alike(page: Any, texts: list[str]) -> int:
    """See to it that the page reads and writes them as Python does, and say how many are right."""
    answers = page.evaluate(
        """texts => texts.map(text => {
            const lights = iclight.lights.read(text);
            return lights && [lights, iclight.lights.write(lights), iclight.lights.write(lights, "; ")];
        })""",
        texts,
    )
    right = 0
    for text, answer in zip(texts, answers, strict=True):
        lights = read_in_python(text)
        expected = lights and [objects_of(lights), write_lights(lights, "\n"), write_lights(lights)]
        assert answer == ([[], "", ""] if lights == () else expected), repr(text)
        right += lights is not None
    return right


def mutate(text: str, chance: random.Random) -> str:
    """A text with a few small mistakes, which may cancel out."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(text))
        match chance.randrange(5):
            case 0:
                text = text[:at] + text[at + chance.randint(1, 3) :]
            case 1:
                text = text[:at] + chance.choice("0159.-+e_#kKsx ;\n\t\x85\ufeffıİſ٣²") + text[at:]
            case 2:
                words = text.split(" ")
                words.insert(chance.randint(0, len(words)), chance.choice(words))
                text = " ".join(words)
            case 3:
                words = text.split(" ")
                del words[chance.randrange(len(words))]
                text = " ".join(words)
            case 4:
                text = text[:at] + text[at:].swapcase()
    return text


def test_right_texts_are_read_and_written_alike(page: Any) -> None:
    texts = [*RIGHT, *presets(), *(write_lights(lights) for lights in presets().values())]
    assert assert_read_alike(page, texts) == len(texts)


@given(LIGHTS)
@settings(max_examples=200)
def test_any_lights_are_read_and_written_alike(page: Any, objects: list[dict[str, Any]]) -> None:
    lights = check_lights("lights", objects)
    assert assert_read_alike(page, [write_lights(lights), write_lights(lights, "\n")]) == 2


@pytest.mark.parametrize("case", [case for case, (value, _) in WRONG.items() if isinstance(value, str)])
def test_wrong_texts_are_refused(page: Any, case: str) -> None:
    assert assert_read_alike(page, [WRONG[case][0]]) == 0


def test_special_texts_are_read_alike(page: Any) -> None:
    assert assert_read_alike(page, list(SPECIAL)) < len(SPECIAL) / 4


def test_mutated_texts_are_read_alike(page: Any, figure: Callable[[str, float], float]) -> None:
    chance = random.Random(1)
    texts = [*RIGHT[:-2], *SPECIAL[:-3], *presets(), *(write_lights(lights) for lights in presets().values())]
    mutated = [mutate(text, chance) for text in texts for _ in range(100)]
    right = figure("share of mutated texts that are still right", assert_read_alike(page, mutated) / len(mutated))
    assert 0.1 < right < 0.9, "both are tried"


def test_numbers_are_rounded_alike(page: Any) -> None:
    """Those halfway between two of four decimals, the neighbours of such, and others."""
    chance = np.random.default_rng(2)
    halves = np.arange(-31, 64) / 32
    tens = np.round(chance.uniform(-1, 2, 200), 4) + 0.00005
    numbers = [*halves, *np.nextafter(halves, 9), *np.nextafter(halves, -9), *tens, *chance.uniform(-1, 2, 200)]
    texts = [f"spot x {float(number)!r}" for number in numbers]
    assert assert_read_alike(page, texts) == len(texts)


def test_a_light_that_is_dragged_is_written_with_four_decimals(page: Any) -> None:
    written = page.evaluate(
        """() => iclight.lights.write([
            {kind: "spot", x: 0.50001, y: 1 / 3, radius: 2 / 3, brightness: 1, softness: 1, colour: "#ffffff"}])"""
    )
    assert written == "spot y 0.3333 radius 0.6667"


def test_colours_have_the_same_linear_light(page: Any, figure: Callable[[str, float], float]) -> None:
    chance = random.Random(3)
    colours = [f"#{level:02x}{255 - level:02x}{chance.randrange(256):02x}" for level in range(256)]
    colours += [f"{kelvin}K" for kelvin in range(1000, 15001, 7)]
    drawn = np.array(page.evaluate("colours => colours.map(iclight.lights.linearColour)", colours))
    error = np.abs(drawn - [linear_colour(colour) for colour in colours]).max()
    assert figure("largest difference", float(error)) < 1e-7
