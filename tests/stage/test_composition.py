"""What the stage shows is what Python composes of the same settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iclight_standalone.host import StandaloneWebUI
from iclight_standalone.sampler import State
from iclight_workshop.host_bench import background, subject
from lib_iclight.condition import fit_picture
from lib_iclight.generation import Generation
from lib_iclight.hosts import Host
from lib_iclight.lights import (
    LIGHT_MAP,
    NAMED_LIGHTS,
    WALL,
    Light,
    Window,
    add_lights,
    draw_lights,
    shine_on,
    write_lights,
)
from lib_iclight.pictures import Picture
from lib_iclight.request import RelightRequest
from lib_iclight.weights.kind import Kind

from .conftest import HEIGHT, WIDTH, StagePage
from .test_drawing_in_page import random_lights

Figure = Callable[[str, float], float]

SIZE = WIDTH, HEIGHT

IN_PLACE = """([text, x, y, scale, mirrored]) => {
    const { scene } = window.iclight.stage("txt2img");
    const { place } = scene;
    return window.iclight.lights.write(scene.lights) === text && place.x === x && place.y === y
        && place.scale === scale && place.mirrored === mirrored;
}"""


def arrange(stage: StagePage, chance: np.random.Generator) -> dict[str, Any]:
    """Set lights and place in the panel; what a request would have."""
    lights = write_lights(random_lights(chance), "\n")
    x, y, scale = (round(float(chance.uniform(*ends)), 2) for ends in ((0.2, 0.8), (0.2, 0.8), (0.4, 1.3)))
    mirrored = bool(chance.integers(2))
    stage.lights.fill(lights)
    for name, value in (("x", x), ("y", y), ("scale", scale)):
        stage.number(f"subject_{name}").fill(str(value))
    stage.part("subject_mirrored").get_by_role("checkbox").set_checked(mirrored)
    stage.page.wait_for_function(IN_PLACE, arg=[lights, x, y, scale, mirrored])
    place = {"subject_x": x, "subject_y": y, "subject_scale": scale, "subject_mirrored": mirrored}
    return {"subject": subject(), "lights": lights, **place}


def compose(request: dict[str, Any], kind: Kind, view: str) -> np.ndarray:
    """The frame by the corridor's own rooms: [H, W, 3]."""
    host = Host(StandaloneWebUI([], State()), None, None)
    generation = Generation(host, RelightRequest.from_api(request), Path("model"), kind)
    generation.cut_out_subjects()
    (placed,) = generation.subjects
    if view == "seen":
        return fit_picture(host, placed.source, *SIZE).astype(float)
    alpha = placed.alpha_at(host, SIZE)
    assert alpha is not None
    outline = Picture(np.repeat(alpha[..., None], 3, axis=2))
    behind = light_frame(generation, outline).astype(float)
    share = alpha[..., None] / 255
    return behind if view == "light" else share * placed.colour_at(host, SIZE) + (1 - share) * behind


def light_frame(generation: Generation, outline: Picture) -> np.ndarray:
    """The light alone, or the background in it."""
    request, window = generation.request, Window.whole(*SIZE)
    if generation.kind is Kind.BACKGROUND:
        if request.background.value == "lights":
            return draw_lights(request.lights, window, WALL, outline).rgb
        backdrop = generation.draw_backdrop(SIZE)
        assert backdrop is not None
        return shine_on(backdrop, add_lights(request.lights, window, outline))
    if request.light is Light.CUSTOM:
        return np.asarray(generation.draw_light_map(*SIZE))
    return draw_lights(request.lights or NAMED_LIGHTS[request.light], window, LIGHT_MAP, outline).rgb


def open_parts(stage: StagePage) -> None:
    for name in ("lights_group", "frame"):
        stage.part(name).locator(".label-wrap").click()


@pytest.mark.parametrize(("view", "count"), [("composed", 20), ("light", 5), ("seen", 5)])
def test_lights_and_the_subject_in_its_place(stage: StagePage, figure: Figure, view: str, count: int) -> None:
    stage.root.get_by_label("View").select_option(view)
    open_parts(stage)
    worst = 0.0
    for number in range(count):
        expected = compose(arrange(stage, np.random.default_rng([1, number])), Kind.FOREGROUND, view)
        worst = max(worst, float(np.abs(stage.drawn() - expected).max()))
    assert figure(f"{view}, {count} arrangements: largest difference, in levels", worst) <= 2


def test_a_light_map_of_one_s_own(stage: StagePage, figure: Figure) -> None:
    stage.part("light").get_by_role("radio", name="My own light map", exact=True).check()
    stage.give("light_map", background())
    open_parts(stage)
    worst = 0.0
    for number in range(8):
        request = {**arrange(stage, np.random.default_rng([2, number])), "light": "custom", "light_map": background()}
        expected = compose(request, Kind.FOREGROUND, "composed")
        worst = max(worst, float(np.abs(stage.drawn() - expected).max()))
    assert figure("8 arrangements: largest difference, in levels", worst) <= 2


@pytest.mark.parametrize("chosen", ["image", "lights"])
def test_before_a_background(stage: StagePage, figure: Figure, chosen: str) -> None:
    stage.choose_background_model()
    stage.give("background_image", background())
    label = {"image": "Picture", "lights": "The lights alone"}[chosen]
    stage.part("background").get_by_role("radio", name=label, exact=True).check()
    open_parts(stage)
    worst = 0.0
    for number in range(6):
        request = {**arrange(stage, np.random.default_rng([3, number])), "background": chosen}
        if chosen == "image":
            request["background_image"] = background()
        expected = compose(request, Kind.BACKGROUND, "composed")
        worst = max(worst, float(np.abs(stage.drawn() - expected).max()))
    assert figure("6 arrangements: largest difference, in levels", worst) <= 2
