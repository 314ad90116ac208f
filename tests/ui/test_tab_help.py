"""What helps with the tab's own settings, driven as gradio drives it."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from lib_iclight.hosts import Host
from lib_iclight.hosts.tab import TabPart, TabWatch
from lib_iclight.setting_types import Tab
from lib_iclight.ui.panel import build_panel
from lib_iclight.ui.quick_prompts import quick_prompts
from lib_iclight.ui.recommended import recommend
from lib_iclight.weights.kind import Kind

from .test_advice import checkpoint
from .test_panel import TABS, Canvas, WebUI, block, component, input_accordion
from .web_tab import PARTS, WebTab, build_tab


class FullWebUI(WebUI):
    """A web UI in which a checkpoint may be chosen, and there may be words of one's own."""

    checkpoint: Path | None = None
    own_prompts: Path | None = None

    def own_prompts_file(self) -> Path | None:
        return self.own_prompts

    def chosen_checkpoint(self, name: str = "") -> Path | None:
        return self.checkpoint.with_name(name) if name and self.checkpoint else self.checkpoint


def advice(page: WebTab, of: Any, event: str = "change", **given: Any) -> str:
    """What is said when a component was just changed, beside tab parts of other values; empty if hidden."""
    values = {page.parts[TabPart[name]]: value for name, value in given.items()}
    told = page.happens(of, event, page.block("advice"), values)
    assert told["visible"] == bool(told["value"])
    return told["value"]


@TABS
def test_advice_is_given_as_one_types(tab: Tab, models: Path) -> None:
    page = build_tab(tab, models)
    assert not page.block("advice").visible
    cfg, width = page.parts[TabPart.CFG], page.parts[TabPart.WIDTH]
    assert advice(page, cfg) == ""
    assert "CFG Scale of 7 " in advice(page, cfg, CFG=7)
    told = advice(page, width, CFG=7, WIDTH=128)
    assert told.index("CFG Scale") < told.index("\n\n") < told.index("128 × 768")
    for part in (TabPart.HEIGHT, TabPart.DENOISING):
        assert "CFG Scale of 9" in advice(page, page.parts[part], CFG=9)
    assert "CFG Scale of 9" in advice(page, page.blocks, "load", CFG=9), "saved defaults"


def test_advice_goes_with_the_model(models: Path) -> None:
    page = build_tab(Tab.TXT2IMG, models)
    model = component(page.panel, "model")
    output, cfg = page.block("advice"), page.parts[TabPart.CFG]
    assert page.happens(model, "change", output, {cfg: 7, model: "b_fc.safetensors"})["visible"]
    assert not page.happens(model, "change", output, {cfg: 7, model: "a_fbc.safetensors"})["visible"]


def test_a_hires_pass_has_a_cfg_of_its_own(models: Path) -> None:
    page = build_tab(Tab.TXT2IMG, models)
    hires, hires_cfg = page.parts[TabPart.HIRES], page.parts[TabPart.HIRES_CFG]
    assert advice(page, hires_cfg, HIRES=False, HIRES_CFG=7) == ""
    assert "Hires CFG Scale of 7" in advice(page, hires, HIRES=True, HIRES_CFG=7)


def test_a_checkpoint_is_told_when_the_panel_is_opened(models: Path) -> None:
    webui = FullWebUI(models)
    page = build_tab(Tab.TXT2IMG, models, webui)
    enabled = component(page.panel, "enabled")
    assert advice(page, enabled) == ""
    webui.checkpoint = checkpoint(models / "painter.safetensors", 9)
    assert "painter" in advice(page, enabled) and "inpainting" in advice(page, page.blocks, "load")


def test_a_checkpoint_is_told_when_another_is_chosen(models: Path) -> None:
    """The page says which: the web UI may hear of it later."""
    webui = FullWebUI(models)
    webui.checkpoint = checkpoint(models / "good.safetensors", 4)
    checkpoint(models / "painter.safetensors", 9)
    page = build_tab(Tab.TXT2IMG, models, webui)
    button, output = page.block("advise"), page.block("advice")
    (event,) = page.events(button, "click")
    assert "checkpointName()" in event.js and not button.visible
    assert event.inputs[-1] is button and f".slice(0, {len(event.inputs) - 1})" in event.js, "the page puts it there"
    assert button.value == "", "nobody has told anything"
    assert not page.happens(button, "click", output, {})["visible"]
    assert "painter" in page.happens(button, "click", output, {button: "painter.safetensors"})["value"]


def test_a_size_says_nothing_while_the_tab_resizes_by_a_factor(models: Path) -> None:
    page = build_tab(Tab.IMG2IMG, models)
    by, to = page.parts[TabPart.RESIZE_BY], page.parts[TabPart.RESIZE_TO]
    width, output = page.parts[TabPart.WIDTH], page.block("advice")
    (chosen_by,), (chosen_to,) = page.events(by, "select"), page.events(to, "select")
    (state,) = chosen_by.outputs
    assert chosen_by.fn() is True and chosen_to.fn() is False and chosen_to.outputs == [state]
    for chosen in (chosen_by, chosen_to):
        (then,) = [each for each in page.blocks.fns.values() if each.trigger_after == chosen._id]
        assert then.outputs == [output]
    assert page.happens(width, "change", output, {width: 64})["visible"]
    assert not page.happens(width, "change", output, {width: 64, state: True})["visible"]


@TABS
def test_a_panel_may_come_before_the_tabs_components(tab: Tab, models: Path) -> None:
    page = build_tab(tab, models, before=[TabPart.WIDTH], after=[TabPart.CFG, TabPart.HEIGHT])
    assert "CFG Scale of 7" in advice(page, page.parts[TabPart.WIDTH], CFG=7)
    assert "64 × 768" in advice(page, page.parts[TabPart.CFG], WIDTH=64)


@TABS
@pytest.mark.parametrize("lacking", [*TabPart, None])
def test_what_a_web_ui_lacks_is_left_out(tab: Tab, models: Path, lacking: TabPart | None) -> None:
    kept = [part for part in PARTS[tab] if lacking is not None and part is not lacking]
    page = build_tab(tab, models, before=kept)
    given = {name: value for name, value in {"CFG": 7, "WIDTH": 64}.items() if TabPart[name] in kept}
    told = advice(page, component(page.panel, "model"), **given)
    assert ("CFG Scale of 7" in told) is (TabPart.CFG in kept)
    assert ("64 × 768" in told) is (TabPart.WIDTH in kept and TabPart.HEIGHT in kept)


def test_nothing_helps_where_a_tab_is_not_completed(models: Path) -> None:
    """For the API alone the panel is built on a page that has nothing else."""
    watch = TabWatch()
    with gr.Blocks() as blocks:
        panel = build_panel(Tab.TXT2IMG, input_accordion, Canvas, Host(WebUI(models), None, None))
        watch.when_complete(panel.connect_to_tab)
        watch.add(gr.Slider(elem_id="txt2img_width"))
    assert not block(blocks, "advice").visible
    assert not [each for each in blocks.fns.values() if block(blocks, "advice") in each.outputs]


def test_of_two_parts_that_share_an_id_the_first_counts(models: Path) -> None:
    watch, told = TabWatch(), []
    with gr.Blocks():
        first, second = (gr.Slider(elem_id="txt2img_width") for _ in range(2))
        watch.when_complete(told.append)
        for part in (first, second, gr.Gallery(elem_id="txt2img_gallery")):
            watch.add(part)
    assert told == [{TabPart.WIDTH: first}] and first is not second


# ------------------------------------------------------------------------------------------------ size


@TABS
def test_the_size_is_the_subjects(tab: Tab, models: Path) -> None:
    page = build_tab(tab, models)
    button, subject = page.block("size_from_subject"), component(page.panel, "subject")
    sent = {subject: Image.new("RGB", (300, 400))}
    sides = [page.happens(button, "click", page.parts[part], sent) for part in (TabPart.WIDTH, TabPart.HEIGHT)]
    assert button.visible and sides == [576, 768]
    turned = Image.new("RGB", (300, 400))
    turned.getexif()[0x0112] = 6
    assert page.happens(button, "click", page.parts[TabPart.WIDTH], {subject: turned}) == 768, "as it is seen"


@pytest.mark.parametrize(
    ("subject", "sentence"),
    [
        (None, "There is no picture in Subject to take the size of."),
        (Image.new("F", (8, 8)), "floating-point values"),
        ("<b>.svg", "&lt;b&gt;.svg, an SVG drawing"),
    ],
)
def test_a_subject_without_a_size_is_an_error_in_the_page(models: Path, subject: Any, sentence: str) -> None:
    page = build_tab(Tab.TXT2IMG, models)
    given = {component(page.panel, "subject"): subject}
    with pytest.raises(gr.Error, match=sentence):
        page.happens(page.block("size_from_subject"), "click", page.parts[TabPart.WIDTH], given)


def test_a_tab_without_a_size_has_no_such_button(models: Path) -> None:
    for lacking in (TabPart.WIDTH, TabPart.HEIGHT):
        page = build_tab(Tab.TXT2IMG, models, before=[part for part in PARTS[Tab.TXT2IMG] if part is not lacking])
        assert not page.block("size_from_subject").visible


# ------------------------------------------------------------------------------------------------ recommended values


@TABS
def test_a_click_sets_what_suits_the_model_and_nothing_else(tab: Tab, models: Path) -> None:
    page = build_tab(tab, models)
    button = page.block("recommend")
    assert page.block("tab_help").visible and not page.block("tab_help").open
    (event,) = page.events(button, "click")
    parts = {component: part for part, component in page.parts.items()}
    for model, kind in {"a_fbc.safetensors": Kind.BACKGROUND, "b_fc.safetensors": Kind.FOREGROUND}.items():
        updates = {parts[output]: update for output, update in zip(event.outputs, event.fn(model), strict=True)}
        told = {part: update["value"] for part, update in updates.items() if "value" in update}
        assert told == recommend(kind, tab, page.parts)
    assert not {TabPart.HIRES, TabPart.PROMPT, TabPart.WIDTH} & updates.keys()
    setting = [each for each in page.blocks.fns.values() if page.parts[TabPart.STEPS] in each.outputs]
    assert setting == [event], "only on a click"


def test_a_single_component_is_set_alone(models: Path) -> None:
    """gradio takes one update for one output, and not a list of one."""
    page = build_tab(Tab.TXT2IMG, models, before=[TabPart.STEPS])
    steps = page.parts[TabPart.STEPS]
    assert page.happens(page.block("recommend"), "click", steps, {})["value"] == 25


# ------------------------------------------------------------------------------------------------ words


@TABS
def test_a_click_puts_words_into_the_prompt_and_another_takes_them_back(tab: Tab, models: Path) -> None:
    page = build_tab(tab, models)
    for name, listed in quick_prompts().items():
        assert listed_words(page, name) == list(listed)
        for words in listed:
            once = toggle(page, words, "a cat ")
            assert once == f"a cat , {words}"
            assert toggle(page, words, once) == "a cat "
    assert toggle(page, "", "a cat ") == "a cat ", "pressed by something else"


def test_words_of_ones_own_are_listed_beside(models: Path) -> None:
    webui = FullWebUI(models)
    webui.own_prompts = models / "own.txt"
    assert not has_own(build_tab(Tab.TXT2IMG, models, webui))
    webui.own_prompts.write_bytes(b"a lamp <b>\nred \xff\n" + b"x" * 10_000_000)
    page = build_tab(Tab.TXT2IMG, models, webui)
    assert listed_words(page, "own") == ["a lamp <b>", "red \ufffd"]
    assert "<b>" not in page.block("words").value
    assert toggle(page, "a lamp <b>", "") == "a lamp <b>"


def listed_words(page: WebTab, name: str) -> list[str]:
    """What the buttons of a list say."""
    (listed,) = re.findall(rf"id='iclight_{page.tab.value}_words_{name}'>(.*?)</div>", page.block("words").value)
    return [html.unescape(each) for each in re.findall(r"<button[^>]*>(.*?)</button>", listed)]


def toggle(page: WebTab, words: str, prompt: str) -> str:
    """What becomes of a prompt when words are chosen; they come from the page."""
    button, field = page.block("toggle_words"), page.parts[TabPart.PROMPT]
    (event,) = page.events(button, "click")
    return page.happens(button, "click", field, {event.inputs[0]: words, field: prompt})


def has_own(page: WebTab) -> bool:
    """Whether the page lists words of the user's own."""
    return "words_own" in page.block("words").value


def test_a_tab_without_any_of_it_has_no_help(models: Path) -> None:
    page = build_tab(Tab.TXT2IMG, models, before=[TabPart.WIDTH])
    assert not page.block("tab_help").visible
    page = build_tab(Tab.TXT2IMG, models, before=[TabPart.PROMPT])
    assert page.block("tab_help").visible and not page.block("recommend").visible


# ------------------------------------------------------------------------------------------------ saved defaults


@TABS
def test_nothing_of_it_is_saved_as_a_default(tab: Tab, models: Path) -> None:
    """Web UIs save the values of these by their labels."""
    saved = (gr.Slider, gr.Radio, gr.Checkbox, gr.Dropdown, gr.Textbox, gr.Number)
    with gr.Blocks() as blocks:
        panel = build_panel(tab, input_accordion, Canvas, Host(WebUI(models), None, None))
    found = [each for each in blocks.blocks.values() if isinstance(each, saved)]
    assert {each.elem_id for each in found if each not in panel.components} == {f"iclight_{tab.value}_lights_preset"}
    page = build_tab(tab, models)
    shown = [page.block(name) for name in ("size_from_subject", "recommend")]
    assert all(getattr(each, "label", None) is None for each in shown), "without one, not even that they are shown"
