from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lib_iclight.request import Kind, RelightRequest, infotext, parse
from lib_iclight.ui.panel import Panel, build_panel
from lib_iclight.weights import find_model, kind_of

TABS = pytest.mark.parametrize("is_img2img", [False, True], ids=["txt2img", "img2img"])
DEFAULTS = [False, None, None, "grabcut", "none", None, 0.9, "image", None, 1.0, False]


@contextmanager
def input_accordion(value: bool, label: str, elem_id: str) -> Iterator[gr.Checkbox]:
    """Forge's `InputAccordion`: a hidden checkbox that follows an accordion."""
    checkbox = gr.Checkbox(value, label=label, elem_id=f"{elem_id}-checkbox", visible=False)
    with gr.Accordion(label, open=value, elem_id=elem_id):
        yield checkbox


def built(is_img2img: bool, folder: Path) -> tuple[gr.Blocks, Panel]:
    with gr.Blocks() as blocks:
        panel = build_panel(is_img2img, input_accordion, folder)
    return blocks, panel


def values(panel: Panel) -> list[Any]:
    return [component.value for component in panel.components]


def component(panel: Panel, field: str) -> Any:
    return panel.components[list(RelightRequest.__fields__).index(field)]


def changed(blocks: gr.Blocks, panel: Panel, field: str, value: Any) -> list[dict]:
    """What the page is told when a component is set to a value."""
    (function,) = [
        function
        for function in blocks.fns.values()
        if (component(panel, field)._id, "change") in [tuple(target) for target in function.targets]
    ]
    answer = function.fn(value)
    return list(answer) if isinstance(answer, tuple) else [answer]


def put_model(folder: Path, name: str, channels: int) -> None:
    """The one tensor that a model's kind is told from."""
    save_file({"input_blocks.0.0.weight": torch.zeros(8, channels, 3, 3)}, folder / name)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name, channels in (("a_fbc.safetensors", 12), ("b_fc.safetensors", 8), ("c_other.safetensors", 9)):
        put_model(tmp_path, name, channels)
    (tmp_path / "d_broken.safetensors").write_bytes(b"x")
    return tmp_path


@TABS
def test_components_are_in_the_requests_order_with_its_defaults(is_img2img: bool, tmp_path: Path) -> None:
    _, panel = built(is_img2img, tmp_path)
    assert values(panel) == DEFAULTS
    tab = "img2img" if is_img2img else "txt2img"
    names = [name for name in RelightRequest.__fields__ if name != "enabled"]
    assert [each.elem_id for each in panel.components[1:]] == [f"iclight_{tab}_{name}" for name in names]
    asked = RelightRequest.from_api({})
    for field, value in zip(list(RelightRequest.__fields__)[1:], values(panel)[1:], strict=True):
        assert getattr(asked, field) == value


@TABS
@pytest.mark.parametrize("model", ["a_fbc.safetensors", "b_fc.safetensors"])
def test_what_the_panel_offers_is_taken(is_img2img: bool, models: Path, model: str) -> None:
    _, panel = built(is_img2img, models)
    sent = values(panel)
    picture = Image.new("RGBA", (8, 8), (1, 2, 3, 100))
    fields = list(RelightRequest.__fields__)
    for field, value in (("enabled", True), ("model", model), ("subject", picture), ("background_image", picture)):
        sent[fields.index(field)] = value

    def kind(name: str | None) -> Kind:
        return kind_of(find_model(models, name))

    request = parse(sent, kind)
    request.check_kind(kind(model), model)
    assert (request.model, request.strength, request.light.value) == (model, 1.0, "none")
    assert request.subject.alpha.min() == 100
    assert parse(values(panel), kind) is None, "as it is built, it relights nothing"


@TABS
def test_every_choice_and_end_of_a_slider_is_taken(is_img2img: bool, tmp_path: Path) -> None:
    _, panel = built(is_img2img, tmp_path)
    for field in ("cutout", "light", "background"):
        offered = [value for _, value in component(panel, field).choices]
        assert offered == [each.value for each in RelightRequest.__fields__[field].type_]
        for value in offered:
            RelightRequest.from_api({field: value})
    for field in ("light_denoise", "strength"):
        slider = component(panel, field)
        for value in (slider.minimum, slider.maximum):
            RelightRequest.from_api({field: value})
        for beyond in (slider.minimum - 0.001, slider.maximum + 0.001):
            with pytest.raises(Exception, match=field):
                RelightRequest.from_api({field: beyond})


@TABS
def test_models_are_offered_with_what_they_look_at(is_img2img: bool, models: Path) -> None:
    _, panel = built(is_img2img, models)
    dropdown = component(panel, "model")
    assert dropdown.choices == [
        ("a_fbc.safetensors (foreground and background)", "a_fbc.safetensors"),
        ("b_fc.safetensors (foreground)", "b_fc.safetensors"),
    ]
    assert dropdown.value == "b_fc.safetensors" == find_model(models, None).name


def groups(blocks: gr.Blocks) -> list[bool]:
    """Whether the light's and the background's part are shown."""
    return [each.visible for each in blocks.blocks.values() if type(each) is gr.Column]


def hint(blocks: gr.Blocks) -> Any:
    return next(each for each in blocks.blocks.values() if isinstance(each, gr.Markdown))


def test_without_a_model_the_panel_says_what_to_do(tmp_path: Path) -> None:
    blocks, panel = built(False, tmp_path / "missing")
    assert hint(blocks).visible and "huggingface.co/lllyasviel/ic-light" in hint(blocks).value
    assert component(panel, "model").choices == []
    assert not (tmp_path / "missing").exists()


def test_with_a_model_the_panel_says_nothing(models: Path) -> None:
    blocks, _ = built(False, models)
    assert not hint(blocks).visible and groups(blocks) == [True, False]


def test_a_background_model_alone_shows_the_background(tmp_path: Path) -> None:
    put_model(tmp_path, "fbc.safetensors", 12)
    blocks, panel = built(False, tmp_path)
    assert component(panel, "model").value == "fbc.safetensors" and groups(blocks) == [False, True]


def pressed(blocks: gr.Blocks) -> list[dict]:
    """What the page is told when the button beside the models is pressed."""
    (button,) = [each for each in blocks.blocks.values() if isinstance(each, gr.Button)]
    (function,) = [
        function
        for function in blocks.fns.values()
        if (button._id, "click") in [tuple(target) for target in function.targets]
    ]
    return list(function.fn())


def test_new_models_are_found_without_a_restart(tmp_path: Path) -> None:
    blocks, panel = built(False, tmp_path)
    put_model(tmp_path, "fc.safetensors", 8)
    offered = [("fc.safetensors (foreground)", "fc.safetensors")]
    dropdown, text = pressed(blocks)
    assert dropdown["choices"] == offered and dropdown["value"] == "fc.safetensors" and not text["visible"]
    assert component(panel, "model").preprocess("fc.safetensors") == "fc.safetensors", "gradio takes it from the page"

    put_model(tmp_path, "a_fc.safetensors", 8)
    dropdown, text = pressed(blocks)
    assert [name for _, name in dropdown["choices"]] == ["a_fc.safetensors", "fc.safetensors"]
    assert "value" not in dropdown, "what was chosen stays"

    for path in tmp_path.iterdir():
        path.unlink()
    dropdown, text = pressed(blocks)
    assert dropdown["choices"] == [] and text["visible"]


@TABS
def test_only_what_goes_with_the_model_is_shown(is_img2img: bool, models: Path) -> None:
    blocks, panel = built(is_img2img, models)
    shown = {
        "b_fc.safetensors": [True, False],
        "a_fbc.safetensors": [False, True],
        "gone.safetensors": [True, False],
        "d_broken.safetensors": [True, False],
        None: [True, False],
    }
    for model, visible in shown.items():
        assert [update["visible"] for update in changed(blocks, panel, "model", model)] == visible


@TABS
def test_only_what_goes_with_the_light_is_shown(is_img2img: bool, tmp_path: Path) -> None:
    blocks, panel = built(is_img2img, tmp_path)
    for light in ("none", "left", "ambient", "custom"):
        light_map, denoise = changed(blocks, panel, "light", light)
        assert light_map["visible"] == (light == "custom")
        assert denoise["visible"] == (light != "none" and not is_img2img)
    assert not component(panel, "light_map").visible and not component(panel, "light_denoise").visible


@TABS
def test_only_what_goes_with_the_background_is_shown(is_img2img: bool, tmp_path: Path) -> None:
    blocks, panel = built(is_img2img, tmp_path)
    for background in ("image", "mirrored", "left", "ambient"):
        (update,) = changed(blocks, panel, "background", background)
        assert update["visible"] == (background in ("image", "mirrored"))
    assert component(panel, "background_image").visible


def test_building_again_changes_nothing(models: Path) -> None:
    listing = sorted(path.name for path in models.iterdir())
    with gr.Blocks():
        panels = [build_panel(is_img2img, input_accordion, models) for is_img2img in (False, True, False, True)]
    for first, again in ((panels[0], panels[2]), (panels[1], panels[3])):
        assert values(first) == values(again)
        assert not {id(each) for each in first.components} & {id(each) for each in again.components}
        assert [each.elem_id for each in first.components] == [each.elem_id for each in again.components]
    ids = [each.elem_id for panel in panels[:2] for each in panel.components]
    assert len(set(ids)) == len(ids), "the tabs' components are told apart"
    assert sorted(path.name for path in models.iterdir()) == listing


def test_reading_the_panels_defaults_changes_none(models: Path) -> None:
    _, panel = built(False, models)
    sent = values(panel)
    sent[0], sent[2] = True, Image.new("RGB", (8, 8))
    before = copy.copy(sent)
    parse(sent, lambda name: Kind.FOREGROUND)
    assert all(one is other for one, other in zip(sent, before, strict=True))
    assert values(panel)[1:] == ["b_fc.safetensors", *DEFAULTS[2:]]


@TABS
def test_settings_are_pasted_back_by_their_infotext_names(is_img2img: bool, models: Path) -> None:
    _, panel = built(is_img2img, models)
    fields = {name: part for part, name in panel.infotext_fields if isinstance(name, str)}
    assert all(part in panel.components for part, _ in panel.infotext_fields)
    written: dict[str, Any] = {}
    for kind in Kind:
        written |= infotext(RelightRequest.from_api({"light": "left"}), kind, "m", starts_from_light=True)
    assert fields.keys() == written.keys()
    for name, part in fields.items():
        assert name == "IC-Light " + part.elem_id.split("_", 2)[2].replace("_", " ")
    ((switch, is_on),) = [(part, name) for part, name in panel.infotext_fields if callable(name)]
    assert switch is panel.components[0]
    assert is_on(written) is True and is_on({"Steps": "20"}) is False
