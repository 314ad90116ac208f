"""Light maps as the page's scripts draw them, beside Python's."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lib_iclight.lights import (
    LIGHT_MAP,
    WALL,
    Lights,
    Window,
    add_lights,
    check_lights,
    draw_lights,
    shine_on,
    write_lights,
)
from lib_iclight.pictures import Picture

from .test_lights_in_page import objects_of

ASPECTS = [(64, 64), (136, 200), (200, 136), (256, 48), (48, 256), (1, 33), (33, 1), (1, 1), (97, 101), (512, 768)]

WITHIN = 2
"""Display levels."""

IN_PAGE = """
    window.toBytes = text => Uint8ClampedArray.from(atob(text), letter => letter.charCodeAt(0));
    window.toText = bytes => btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
    window.firstDifference = (one, other) => one.findIndex((value, at) => value !== other[at]);
    window.drawAnew = ({width, height, levels, outline, lights, moving, picture}) => {
        const drawer = new iclight.LightDrawer(width, height, levels);
        if (outline !== null) drawer.setOutline(new Uint8Array(toBytes(outline)));
        return toText(drawer.draw(lights, moving, picture && toBytes(picture)));
    };
"""


@pytest.fixture(scope="module", autouse=True)
def helpers(page: Any) -> None:
    """What only the tests need in the page."""
    page.evaluate(f"() => {{{IN_PAGE}}}")


def random_lights(chance: np.random.Generator) -> Lights:
    """Up to eight, of every kind, and an ambient one in every other."""
    objects: list[dict[str, Any]] = []
    for _ in range(chance.integers(1, 9)):
        kind = chance.choice(["side", "spot", "front"])
        light = {
            "kind": str(kind),
            "brightness": float(chance.uniform(0.01, chance.choice([0.3, 1, 4]))),
            "softness": float(chance.uniform(0.02, 1)),
            "colour": str(chance.choice([f"#{chance.integers(1 << 24):06x}", f"{chance.integers(1000, 15001)}K"])),
        }
        if kind == "side":
            light["angle"] = float(chance.choice([chance.uniform(0, 360), 45 * chance.integers(0, 9)]))
        if kind == "spot":
            light |= {"x": float(chance.uniform(-1, 2)), "y": float(chance.uniform(-1, 2))}
            light["radius"] = float(chance.uniform(0.02, chance.choice([0.5, 3])))
        objects.append(light)
    if chance.integers(2):
        ambient = {"kind": "ambient", "brightness": float(chance.uniform(0.01, 0.5)), "colour": "#8090a0"}
        objects.insert(int(chance.integers(len(objects) + 1)), ambient)
    return check_lights("lights", objects)


def random_outline(chance: np.random.Generator, width: int, height: int) -> np.ndarray:
    """An ellipse that may reach beyond the frame, a soft edge, and a few pixels of their own; at times nothing."""
    x, y = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
    middle, size = chance.uniform(-0.2, 1.2, 2), chance.uniform(0.02, 0.5, 2)
    distance = np.hypot((x - middle[0]) / size[0], (y - middle[1]) / size[1])
    alpha = (255 * (2 - 1.5 * distance)).clip(0, 255)
    alpha[chance.random(alpha.shape) < chance.choice([0, 0.001])] = 200
    return alpha.astype(np.uint8)


def as_text(array: np.ndarray) -> str:
    """Its bytes, as the page's `toBytes` takes them."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def as_rgba(rgb: np.ndarray) -> np.ndarray:
    """With an alpha that must not matter."""
    return np.dstack([rgb, np.full(rgb.shape[:2], 7, np.uint8)])


def draw_in_page(
    page: Any,
    lights: Lights,
    size: tuple[int, int],
    outline: np.ndarray | None = None,
    picture: np.ndarray | None = None,
    **how: Any,
) -> np.ndarray:
    """The page's picture, without its alpha: uint8 [H, W, 3]."""
    width, height = size
    told = {
        "width": width,
        "height": height,
        "lights": objects_of(lights),
        "outline": None if outline is None else as_text(outline),
        "picture": None if picture is None else as_text(as_rgba(picture)),
        "moving": -1,
        "levels": LIGHT_MAP._asdict(),
        **how,
    }
    rgba = np.frombuffer(base64.b64decode(page.evaluate("told => drawAnew(told)", told)), np.uint8)
    rgba = rgba.reshape(height, width, 4)
    assert (rgba[..., 3] == 255).all()
    return rgba[..., :3]


def as_picture(alpha: np.ndarray | None) -> Picture | None:
    """An outline as Python takes it."""
    return None if alpha is None else Picture(np.repeat(alpha[..., None], 3, axis=2))


@pytest.mark.parametrize("shines", [False, True], ids=["light map", "on a picture"])
def test_random_arrangements_are_drawn_alike(page: Any, figure: Callable[[str, float], float], shines: bool) -> None:
    largest, differing, count = 0, 0, 0
    for seed in range(50):
        chance = np.random.default_rng(seed)
        width, height = ASPECTS[seed % len(ASPECTS)]
        lights, window = random_lights(chance), Window.whole(width, height)
        outline = random_outline(chance, width, height) if seed % 3 else None
        moving = int(chance.integers(-1, len(lights)))
        if shines:
            picture = chance.integers(0, 256, (height, width, 3), np.uint8)
            expected = shine_on(picture, add_lights(lights, window, as_picture(outline)))
            drawn = draw_in_page(page, lights, (width, height), outline, picture, moving=moving)
        else:
            levels = (LIGHT_MAP, WALL)[seed // len(ASPECTS) % 2]
            expected = draw_lights(lights, window, levels, as_picture(outline)).rgb
            drawn = draw_in_page(page, lights, (width, height), outline, moving=moving, levels=levels._asdict())
        difference = np.abs(drawn.astype(int) - expected)
        assert difference.max() <= WITHIN, f"seed {seed}, moving {moving}: {write_lights(lights)}"
        largest = max(largest, int(difference.max()))
        differing, count = differing + np.count_nonzero(difference), count + difference.size
    figure("largest difference in levels", largest)
    assert figure("share of values that differ", differing / count) < 1e-4


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
@pytest.mark.parametrize("levels", [LIGHT_MAP, WALL])
@pytest.mark.parametrize("size", ASPECTS)
def test_a_named_side_is_the_same_to_the_byte(page: Any, angle: int, levels: Any, size: tuple[int, int]) -> None:
    lights = check_lights("lights", [{"kind": "side", "angle": angle}])
    drawn = draw_in_page(page, lights, size, levels=levels._asdict())
    assert np.array_equal(drawn, draw_lights(lights, Window.whole(*size), levels).rgb)


def test_distances_from_an_outline_are_the_same_to_the_byte(page: Any) -> None:
    """A single wide front light: scattered pixels, empty rows and columns, all of it, nothing of it."""
    lights = check_lights("lights", "front")
    for seed in range(30):
        chance = np.random.default_rng(seed)
        width, height = (int(length) for length in chance.integers(1, 150, 2))
        outline = (chance.random((height, width)) < chance.choice([0, 0.0005, 0.005, 0.1, 1])) * np.uint8(255)
        outline[chance.random((height, width)) < 0.5] //= 2  # 127 is outside
        drawn = draw_in_page(page, lights, (width, height), outline)
        assert np.array_equal(drawn, draw_lights(lights, Window.whole(width, height), outline=as_picture(outline)).rgb)


def test_no_lights_are_dark(page: Any) -> None:
    assert (draw_in_page(page, (), (5, 4)) == 0).all()
    assert (draw_in_page(page, (), (5, 4), levels=WALL._asdict()) == 32).all()


def test_nine_lights_at_their_brightest_fit(page: Any) -> None:
    lights = check_lights("lights", "front brightness 4;" * 8 + "ambient brightness 4")
    assert (draw_in_page(page, lights, (5, 4)) == 255).all()
    picture = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    expected = shine_on(picture, add_lights(lights, Window.whole(5, 4)))
    assert expected[0, 0, 2] < 255
    assert np.array_equal(draw_in_page(page, lights, (5, 4), picture=picture), expected)


SEQUENCE = """([first, second, picture, levels]) => {
    const [width, height] = [40, 30];
    const outlines = [first, second].map(text => new Uint8Array(toBytes(text)));
    const painted = toBytes(picture);
    const make = () => new iclight.LightDrawer(width, height, levels);
    const lights = iclight.lights.read(
        "side angle 30 colour #ff8040; spot x 0.3 radius 0.6; front softness 0.4; ambient brightness 0.1 colour 3200K");
    // one in which each light in turn is dragged, and one for each place in which always the same is
    const drawers = new Map([["any", make()]]);
    for (let moving = -1; moving < 6; moving++) drawers.set(moving, make());
    let outline = null;
    let ambient = null;
    const setOutline = alpha => {
        outline = alpha && alpha.slice();
        for (const drawer of drawers.values()) drawer.setOutline(alpha);
    };
    const edits = {
        "nothing": () => {},
        "no ambient light": () => { ambient = lights.pop(); },
        "an ambient light": () => { lights.push(ambient); },
        "a drag": () => { lights[1].x += 0.1; },
        "another drag": () => { lights[1].y -= 0.1; },
        "a turn": () => { lights[0].angle += 40; },
        "a colour": () => { lights[0].colour = "#4080ff"; },
        "an outline": () => setOutline(outlines[0]),
        "another outline": () => setOutline(outlines[1]),
        "an outline that is painted on afterwards": () => {
            setOutline(outlines[0]);
            outlines[0].fill(0, 200, 400);
        },
        "no outline": () => setOutline(null),
        "the ambient light": () => { ambient.brightness += 0.1; },
        "the order": () => { lights.reverse(); },
        "one more": () => { lights.push({...lights[1], brightness: 0.7}); },
        "the same object twice": () => { lights.push(lights[1]); },
        "two fewer": () => { lights.splice(-2); },
        "one kind for another": () => {
            lights[3] = {kind: "spot", x: 0, y: 0, radius: 1, brightness: 0.5, softness: 1, colour: "#ffffff"};
        },
        "none": () => { lights.length = 0; },
    };
    const wrong = [];
    for (const [name, edit] of Object.entries(edits)) {
        edit();
        for (let moving = -1; moving < lights.length; moving++) {
            for (const picture of [null, painted]) {
                // sums are exact: what is drawn anew with nothing moving is the same to the byte
                const expected = make();
                expected.setOutline(outline);
                const told = expected.draw(lights, -1, picture);
                for (const which of ["any", moving]) {
                    const drawer = drawers.get(which);
                    const drawn = drawer.draw(lights, moving, picture);
                    const at = firstDifference(drawn, told);
                    if (at >= 0) wrong.push(`${name}, moving ${moving} in ${which}, ${picture && "picture"}: at ${at}`);
                }
            }
        }
    }
    return wrong;
}"""


def test_kept_sums_are_never_stale(page: Any) -> None:
    chance = np.random.default_rng(4)
    outlines = [np.zeros((30, 40), np.uint8) for _ in range(2)]
    outlines[0][5:12, 4:20] = 255
    outlines[1][5:12, 14:36] = 255
    picture = as_rgba(chance.integers(0, 256, (30, 40, 3), np.uint8))
    assert page.evaluate(SEQUENCE, [*map(as_text, outlines), as_text(picture), WALL._asdict()]) == []


def test_two_drawers_are_apart(page: Any) -> None:
    assert page.evaluate(
        """() => {
            const [one, other] = [1, 2].map(() => new iclight.LightDrawer(8, 8));
            const before = one.draw(iclight.lights.read("side angle 90")).slice();
            other.draw(iclight.lights.read("ambient colour #102030"));
            return firstDifference(before, one.draw(iclight.lights.read("side angle 90"))) === -1;
        }"""
    )
