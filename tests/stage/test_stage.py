"""The stage in a real browser: it and the settings are one."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from iclight_workshop.host_bench import background
from lib_iclight.ui import stage as stage_module

from .conftest import HEIGHT, WIDTH, StagePage

expect = pytest.importorskip("playwright.sync_api").expect


def test_a_light_is_added_and_dragged_around_the_rim(stage: StagePage) -> None:
    stage.button("Add Side light").click()
    expect(stage.lights).to_have_value("side angle 315")
    stage.drag(stage.light(1), -0.5, 0.5)
    expect(stage.lights).to_have_value("side angle 270")
    stage.drag(stage.light(1), 0.5, 1.2)
    expect(stage.lights).to_have_value("side angle 180")


def test_a_spot_is_dragged_and_sized(stage: StagePage) -> None:
    stage.button("Add Spot").click()
    expect(stage.lights).to_have_value("spot x 0.25 y 0.25")
    stage.drag(stage.light(1), 0.5, 0.5)
    expect(stage.lights).to_have_value(re.compile(r"^spot( x 0\.\d+)?( y 0\.\d+)?$"))
    stage.drag(stage.root.locator(".iclight-size:visible"), 1.0, 0.5)
    expect(stage.lights).to_have_value(re.compile(r"radius 0\.(49|5)"))


def test_typed_lights_are_on_the_stage(stage: StagePage) -> None:
    stage.part("lights_group").locator(".label-wrap").click()
    stage.lights.fill("side angle 90 colour 3200K\nspot x 0.2 colour #ff0000\nambient brightness 0.1")
    expect(stage.root.locator(".iclight-light:visible")).to_have_count(2)
    expect(stage.root.locator(".iclight-list button").nth(2)).to_have_css("border-left-color", "rgb(255, 0, 0)")
    expect(stage.root.locator(".iclight-list button")).to_have_text(
        ["Subject", "Side light 1", "Spot 2", "Ambient light 3"]
    )
    stage.lights.fill("side angle 90 colour 3200K\nlaser")
    expect(stage.root.locator(".iclight-light:visible")).to_have_count(2)  # what can't be read changes nothing


def test_a_chosen_side_is_a_light_that_can_be_taken_hold_of(stage: StagePage) -> None:
    stage.part("light").get_by_role("radio", name="Left", exact=True).check()
    expect(stage.light(1)).to_have_attribute("aria-label", re.compile("from 270"))
    stage.drag(stage.light(1), 0.5, -0.5)
    expect(stage.part("light").get_by_role("radio", name="Prompt only", exact=True)).to_be_checked()
    expect(stage.lights).to_have_value("side")


def test_the_subject_is_moved_scaled_and_mirrored(stage: StagePage) -> None:
    stage.drag(stage.subject, 0.25, 0.75)
    stage.part("frame").locator(".label-wrap").click()
    expect(stage.number("subject_x")).to_have_value(re.compile(r"0\.2\d*"))
    expect(stage.number("subject_y")).to_have_value(re.compile(r"0\.7\d*"))
    stage.subject.press("-")
    expect(stage.number("subject_scale")).to_have_value("0.95")
    stage.subject.press("m")
    expect(stage.part("subject_mirrored").get_by_role("checkbox")).to_be_checked()
    stage.number("subject_x").fill("0.5")
    stage.wait_until_drawn()
    assert stage.page.evaluate("iclight.stage('txt2img').scene.place.x") == 0.5


def test_in_a_narrow_panel_what_is_said_asks_for_nothing(stage: StagePage) -> None:
    """Words that take another line make the stage higher."""
    stage.page.set_viewport_size({"width": 400, "height": 1200})
    words = stage.root.locator(".iclight-words")
    stage.root.evaluate("root => { root.style.width = '90px'; }")
    stage.button("Add Side light").click()
    stage.wait_until_drawn()
    asked: list[str] = []
    stage.page.on("request", lambda request: asked.append(request.url) if "queue/join" in request.url else None)
    for angle in range(316, 322):
        stage.light(1).press("ArrowRight")
        expect(stage.lights).to_have_value(f"side angle {angle}")
    assert words.inner_text() == "Taken as it is." and not asked
    stage.subject.press("ArrowRight")
    stage.wait_until_drawn()
    assert len(asked) <= 2, "one for the key, one for the field that it sets"


def test_the_number_beside_a_slider_is_typed(stage: StagePage) -> None:
    stage.button("Add Side light").click()
    brightness, kelvin = (stage.root.get_by_role("spinbutton", name=name) for name in ("Brightness", "Kelvin"))
    brightness.fill("0.25")
    brightness.press("Enter")
    expect(stage.lights).to_have_value("side angle 315 brightness 0.25")
    for refused in ("", "7"):
        brightness.fill(refused)
        expect(stage.root.get_by_role("slider", name="Brightness")).to_have_value("0.25")
        brightness.blur()
        expect(brightness).to_have_value("0.25")
    kelvin.fill("3200.4")
    kelvin.press("Enter")
    expect(stage.lights).to_have_value("side angle 315 brightness 0.25 colour 3200K")
    stage.button("Undo").click()
    expect(stage.lights).to_have_value("side angle 315 brightness 0.25")


def test_undo_and_redo(stage: StagePage) -> None:
    stage.button("Add Side light").click()
    stage.light(1).press("ArrowRight")
    expect(stage.lights).to_have_value("side angle 316")
    stage.light(1).press("Control+z")
    expect(stage.lights).to_have_value("side angle 315")
    stage.button("Undo").click()
    expect(stage.lights).to_have_value("")
    stage.button("Redo").click()
    stage.button("Redo").click()
    expect(stage.lights).to_have_value("side angle 316")
    expect(stage.button("Redo")).to_be_disabled()


def test_by_keyboard_alone(stage: StagePage) -> None:
    stage.button("Add Spot").focus()
    stage.page.keyboard.press("Enter")
    expect(stage.lights).to_have_value("spot x 0.25 y 0.25")
    stage.light(1).focus()
    for key in ("ArrowRight", "ArrowDown", "Shift+ArrowDown", "+"):
        stage.page.keyboard.press(key)
    expect(stage.lights).to_have_value("spot x 0.26 y 0.31 radius 0.315")
    stage.page.keyboard.press("Delete")
    expect(stage.lights).to_have_value("")


def test_a_light_is_switched_off_for_a_moment(stage: StagePage) -> None:
    stage.button("Add Side light").click()
    stage.button("Add Spot").click()
    stage.button("Switch off").click()
    expect(stage.lights).to_have_value("side angle 315")
    stage.button("Switch on").click()
    expect(stage.lights).to_have_value("side angle 315\nspot x 0.25 y 0.25")


def test_presets_replace_lights_or_their_colours(stage: StagePage) -> None:
    presets = stage.root.get_by_label("Preset")
    presets.select_option("neon")
    expect(stage.lights).to_have_value(re.compile("angle 270 softness 0.7 colour #ff2079"))
    stage.button("Reset").click()
    expect(stage.lights).to_have_value("")
    stage.button("Add Side light").click()
    stage.root.get_by_label("colours only").check()
    presets.select_option("golden hour")
    expect(stage.lights).to_have_value("side angle 315 colour 2800K")


def test_a_background_and_its_lights(stage: StagePage) -> None:
    stage.choose_background_model()
    stage.give("background_image", background())
    stage.wait_until_drawn()
    unlit = stage.drawn().astype(int)
    assert unlit.std() > 10
    stage.button("Add Side light").click()
    expect(stage.lights).to_have_value("side angle 315")
    assert stage.drawn().astype(int)[-20:, -20:].mean() < unlit[-20:, -20:].mean() / 2
    stage.part("background").get_by_role("radio", name="Left", exact=True).check()
    expect(stage.light(1)).to_have_attribute("aria-label", re.compile("from 270"))
    stage.light(1).press("ArrowRight")
    expect(stage.part("background").get_by_role("radio", name="The lights alone", exact=True)).to_be_checked()
    expect(stage.lights).to_have_value("side angle 271")


def test_the_stage_has_the_tab_s_size(stage: StagePage) -> None:
    canvas = stage.root.locator("canvas")
    stage.page.locator("#txt2img_width input[type=number]").fill(str(2 * WIDTH))
    expect(canvas).to_have_attribute("width", str(2 * WIDTH))
    stage.page.locator("#txt2img_height input[type=range]").fill(str(2 * HEIGHT))
    expect(canvas).to_have_attribute("height", str(2 * HEIGHT))
    # as gradio sets a field's value, by which the page hears of nothing
    stage.page.locator("#txt2img_width input[type=number]").evaluate(f"field => {{ field.value = {WIDTH} }}")
    stage.root.hover()
    expect(canvas).to_have_attribute("width", str(WIDTH))


RESIZED_WHEN_ASKED = """width => {
    const { question } = iclight;
    iclight.question = (tab) => {
        const asked = question(tab);
        document.querySelector("#txt2img_width input[type=number]").value = width;
        iclight.question = question;
        return asked;
    };
    iclight.stage("txt2img").refresh(true);
}"""


def test_what_was_drawn_for_another_size_is_not_shown(stage: StagePage) -> None:
    stage.page.evaluate(RESIZED_WHEN_ASKED, 2 * WIDTH)
    expect(stage.root.locator("canvas")).to_have_attribute("width", str(2 * WIDTH))
    shown = stage.drawn()
    stage.page.evaluate("iclight.stage('txt2img').refresh(true)")
    assert np.array_equal(shown, stage.drawn())


def test_where_python_fails_this_is_said_until_it_draws_again(
    stage: StagePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> str:
        raise RuntimeError("as no one expects")

    with monkeypatch.context() as broken:
        broken.setattr(stage_module, "draw_stage", fail)
        stage.subject.press("ArrowRight")
        stage.expect_words("The stage could not be drawn")
    stage.subject.press("ArrowRight")
    stage.expect_words("Taken as it is")
    stage.errors = [error for error in stage.errors if "has not answered" not in error]


def test_undo_goes_past_a_light_chosen_by_name_and_back(stage: StagePage) -> None:
    left, none = (stage.part("light").get_by_role("radio", name=name, exact=True) for name in ("Left", "Prompt only"))
    left.check()
    stage.light(1).press("ArrowRight")
    expect(stage.lights).to_have_value("side angle 271")
    expect(stage.root.locator(".iclight-light.iclight-chosen")).to_have_count(1)
    stage.light(1).press("ArrowRight")
    expect(stage.lights).to_have_value("side angle 272")
    for _ in range(2):
        stage.button("Undo").click()
    expect(left).to_be_checked()
    expect(stage.light(1)).to_have_attribute("aria-label", re.compile("from 270"))
    expect(stage.part("lights_group")).to_be_hidden()  # what follows from the name has come too
    for _ in range(2):
        stage.button("Redo").click()
    expect(none).to_be_checked()
    expect(stage.lights).to_have_value("side angle 272")
    expect(stage.button("Redo")).to_be_disabled()


def test_reset_before_a_background_is_one_change(stage: StagePage) -> None:
    stage.part("light").get_by_role("radio", name="Left", exact=True).check()
    stage.choose_background_model()
    expect(stage.root.get_by_role("button", name="Mirror the background")).to_be_visible()
    stage.button("Add Spot").click()
    expect(stage.lights).to_have_value("spot x 0.25 y 0.25")
    stage.button("Reset").click()
    expect(stage.lights).to_have_value("")
    stage.button("Undo").click()
    expect(stage.lights).to_have_value("spot x 0.25 y 0.25")
    stage.button("Redo").click()
    expect(stage.lights).to_have_value("")


def test_a_choice_is_found_in_any_language(stage: StagePage) -> None:
    left = stage.part("light").get_by_role("radio", name="Left", exact=True)
    left.check()
    stage.part("light").evaluate("part => part.querySelectorAll('label span').forEach(each => each.append('…'))")
    stage.light(1).press("ArrowRight")
    expect(stage.part("light").get_by_role("radio", name="Prompt only…", exact=True)).to_be_checked()
    expect(stage.lights).to_have_value("side angle 271")


def test_keys_change_nothing_while_something_is_dragged(stage: StagePage) -> None:
    stage.button("Add Side light").click()
    stage.light(1).hover()
    stage.page.mouse.down()
    for key in ("Delete", "Control+z", "ArrowRight"):
        stage.page.keyboard.press(key)
    stage.page.mouse.up()
    expect(stage.lights).to_have_value(re.compile("^side"))


def test_a_light_that_goes_while_it_is_dragged_ends_nothing(stage: StagePage) -> None:
    stage.button("Add Spot").click()
    stage.light(1).hover()
    stage.page.mouse.down()
    stage.lights.evaluate("field => { field.value = ''; field.dispatchEvent(new Event('input')); }")
    expect(stage.root.locator(".iclight-list button")).to_have_count(1)
    stage.page.mouse.move(300, 300, steps=3)
    stage.page.mouse.up()
    expect(stage.root.locator(".iclight-light")).to_have_count(0)
    expect(stage.lights).to_have_value("")
    stage.button("Add Front light").press("Control+z")
    expect(stage.lights).to_have_value(re.compile("^spot"))


def test_what_is_told_while_something_is_dragged_does_not_undo_the_drag(stage: StagePage) -> None:
    """As settings that were set a moment ago are, when the web UI is slow."""
    stage.subject.hover()
    stage.page.mouse.down()
    stage.page.mouse.move(400, 400, steps=3)
    moved = stage.page.evaluate("iclight.stage('txt2img').scene.place")
    stage.page.evaluate("iclight.stage('txt2img').follow(iclight.stage('txt2img')._values)")
    assert stage.page.evaluate("iclight.stage('txt2img').scene.place.x") == 0.5 != moved["x"]
    stage.page.mouse.up()
    stage.wait_until_drawn()
    assert stage.page.evaluate("iclight.stage('txt2img').scene.place") == moved


def test_the_focus_stays_where_it_is(stage: StagePage) -> None:
    focused = stage.page.locator("*:focus")
    for kind in ("Spot", "Side light"):
        stage.button(f"Add {kind}").click()
    entry = stage.root.locator(".iclight-list").get_by_role("button", name="Spot 1")
    entry.press("Enter")
    expect(entry).to_have_attribute("aria-pressed", "true")
    expect(focused).to_have_text("Spot 1")
    stage.button("Switch off").press("Enter")
    expect(focused).to_have_text("Switch on")
    focused.press("Enter")
    stage.light(1).press("Delete")
    expect(focused).to_have_attribute("aria-label", re.compile("Side light 1"))
    focused.press("Delete")
    expect(focused).to_have_attribute("aria-label", re.compile("^Subject"))
    expect(stage.lights).to_have_value("")
    for light in ("side", "spot"):
        focused.press("Control+z")
        expect(stage.lights).to_have_value(re.compile(light))
    expect(focused).to_have_attribute("aria-label", re.compile("^Subject"))


def test_presets_are_gone_through_by_keys(stage: StagePage) -> None:
    presets = stage.root.get_by_label("Preset")
    presets.focus()
    presets.select_option("neon")
    expect(presets).to_have_value("neon")
    stage.button("Reset").click()
    expect(presets).to_have_value("")
