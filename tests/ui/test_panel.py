from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file

from iclight_standalone.host import StandaloneHost
from iclight_standalone.sampler import State
from lib_iclight import foreground
from lib_iclight.errors import ICLightError
from lib_iclight.foreground import CutoutSettings
from lib_iclight.pictures import Picture
from lib_iclight.request import INFOTEXT_SETTINGS, OFF_BY_DEFAULT, RelightRequest, infotext, parse
from lib_iclight.ui import choices
from lib_iclight.ui.cutout import with_strokes
from lib_iclight.ui.panel import Panel, build_panel
from lib_iclight.weights import find_model, kind_of, offsets
from lib_iclight.weights.kind import Kind

KINDS = ("fc", "fcon", "fbc")
TABS = pytest.mark.parametrize("is_img2img", [False, True], ids=["txt2img", "img2img"])
SUBJECT_AND_LIGHT = [None, "auto", None, 0.0, 0.0, "none", None, 0.9, 0.0]
BACKGROUND_AND_FINISH = ["image", None, 1.0, 0.0, 1.0, "subject", 0.0, False, False]
DEFAULTS = [*SUBJECT_AND_LIGHT, *BACKGROUND_AND_FINISH]
"""Of all fields but the first two."""


@contextmanager
def input_accordion(value: bool, label: str, elem_id: str) -> Iterator[gr.Checkbox]:
    """Forge's `InputAccordion`: a hidden checkbox that follows an accordion."""
    checkbox = gr.Checkbox(value, label=label, elem_id=f"{elem_id}-checkbox", visible=False)
    with gr.Accordion(label, open=value, elem_id=elem_id):
        yield checkbox


class Canvas:
    """Forge's `ForgeCanvas`, as far as its values go."""

    def __init__(self, elem_id: str) -> None:
        self.background = gr.Image(type="pil", elem_id=f"{elem_id}_background")
        self.foreground = gr.Image(type="pil", image_mode="RGBA", elem_id=f"{elem_id}_foreground")


def built(is_img2img: bool, folder: Path) -> tuple[gr.Blocks, Panel]:
    with gr.Blocks() as blocks:
        panel = build_panel(is_img2img, input_accordion, Canvas, StandaloneHost([folder], State()))
    return blocks, panel


def values(panel: Panel) -> list[Any]:
    return [component.value for component in panel.components]


def component(panel: Panel, field: str) -> Any:
    return panel.components[list(RelightRequest.__fields__).index(field)]


def changed(blocks: gr.Blocks, panel: Panel, field: str, value: Any) -> dict[str, dict]:
    """What the page is told when a component is set to a value, by the ends of the elements' ids."""
    told: dict[str, dict] = {}
    for function in blocks.fns.values():
        is_ours = function.fn is not None  # without one it stops another event
        if is_ours and (component(panel, field)._id, "change") in [tuple(target) for target in function.targets]:
            answer = function.fn(value)
            answers = list(answer) if isinstance(answer, tuple) else [answer]
            told |= {name_of(output): update for output, update in zip(function.outputs, answers, strict=True)}
    return told


def name_of(block: Any) -> str:
    """An element's id without the tab's part."""
    return (block.elem_id or "").split("_", 2)[-1]


def block(blocks: gr.Blocks, name: str) -> Any:
    """The element of that id."""
    (found,) = [each for each in blocks.blocks.values() if name_of(each) == name]
    return found


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
    fetched_first = "iclight_sd15_fc.safetensors"
    assert values(panel) == [False, fetched_first, *DEFAULTS]
    tab = "img2img" if is_img2img else "txt2img"
    names = [name for name in RelightRequest.__fields__ if name != "enabled"]
    assert [each.elem_id for each in panel.components[1:]] == [f"iclight_{tab}_{name}" for name in names]
    asked = RelightRequest.from_api({})
    for field, value in zip(list(RelightRequest.__fields__)[2:], values(panel)[2:], strict=True):
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
        return kind_of(find_model([models], name))

    request = parse(sent, kind)
    request.check_kind(kind(model), model)
    assert (request.model, request.strength, request.light.value) == (model, 1.0, "none")
    assert request.subject.alpha.min() == 100
    assert parse(values(panel), kind) is None, "as it is built, it relights nothing"


@TABS
def test_every_choice_and_end_of_a_slider_is_taken(is_img2img: bool, tmp_path: Path) -> None:
    _, panel = built(is_img2img, tmp_path)
    for field in ("cutout", "light", "background", "detail_area"):
        offered = [value for _, value in component(panel, field).choices]
        assert offered == [each.value for each in RelightRequest.__fields__[field].type_]
        for value in offered:
            RelightRequest.from_api({field: value})
    sliders = [name for name in RelightRequest.__fields__ if isinstance(component(panel, name), gr.Slider)]
    assert len(sliders) == 8
    for field in sliders:
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
        ("c_other.safetensors (damaged)", "c_other.safetensors"),
        ("d_broken.safetensors (damaged)", "d_broken.safetensors"),
        *((f"iclight_sd15_{kind}.safetensors (1.7 GB to fetch)", f"iclight_sd15_{kind}.safetensors") for kind in KINDS),
    ]
    assert dropdown.value == "b_fc.safetensors" == find_model([models], None).name


def shown_groups(blocks: gr.Blocks) -> list[bool]:
    """Whether the light's and the background's part are shown."""
    return [block(blocks, name).visible for name in ("light_group", "background_group")]


def test_without_a_model_the_panel_offers_to_fetch_one(tmp_path: Path) -> None:
    blocks, panel = built(False, tmp_path / "missing")
    assert component(panel, "model").value == "iclight_sd15_fc.safetensors"
    text = block(blocks, "model_offer_text").value
    assert block(blocks, "model_offer").visible and not block(blocks, "cutout_offer").visible
    for said in ("iclight_sd15_fc.safetensors", "1.7 GB", "Apache-2.0", str(tmp_path / "missing"), "huggingface.co"):
        assert said in text
    assert not (tmp_path / "missing").exists(), "nothing is fetched unasked"


def test_with_a_model_the_panel_offers_nothing(models: Path) -> None:
    blocks, _ = built(False, models)
    assert not block(blocks, "model_offer").visible and shown_groups(blocks) == [True, False]


def test_a_chosen_model_that_is_missing_is_offered(models: Path) -> None:
    blocks, panel = built(False, models)
    told = changed(blocks, panel, "model", "iclight_sd15_fbc.safetensors")
    assert told["model_offer"]["visible"] and told["model_fetch"]["visible"] and not told["model_cancel"]["visible"]
    assert "iclight_sd15_fbc.safetensors" in told["model_offer_text"]["value"]
    assert told["background_group"]["visible"] and not told["light_group"]["visible"]
    assert not changed(blocks, panel, "model", "b_fc.safetensors")["model_offer"]["visible"]


def test_a_damaged_model_says_what_to_do(models: Path) -> None:
    blocks, panel = built(False, models)
    told = changed(blocks, panel, "model", "d_broken.safetensors")
    assert told["model_offer"]["visible"] and not told["model_fetch"]["visible"]
    text = told["model_offer_text"]["value"]
    assert "d_broken.safetensors" in text and "Replace it" in text
    assert not changed(blocks, panel, "model", "b_fc.safetensors")["model_offer"]["visible"]


def test_a_damaged_model_that_is_published_can_be_fetched_anew(models: Path) -> None:
    (models / "iclight_sd15_fbc.safetensors").write_bytes(b"x")
    blocks, panel = built(False, models)
    told = changed(blocks, panel, "model", "iclight_sd15_fbc.safetensors")
    assert told["model_offer"]["visible"] and told["model_fetch"]["visible"]
    assert "Replace it" in told["model_offer_text"]["value"]


def test_a_published_name_for_something_else_in_another_folder_is_offered(tmp_path: Path) -> None:
    """It is listed as to fetch, and fetched into IC-Light's own folder; a model under that name is used from there."""
    own, other = tmp_path / "ic-light", tmp_path / "unet"
    other.mkdir()
    put_model(other, "iclight_sd15_fc.safetensors", 4)
    put_model(other, "iclight_sd15_fbc.safetensors", 12)
    folders = [own, other]
    assert dict(map(reversed, choices.models(folders).choices)) == {
        "iclight_sd15_fbc.safetensors": "iclight_sd15_fbc.safetensors (foreground and background)",
        "iclight_sd15_fc.safetensors": "iclight_sd15_fc.safetensors (1.7 GB to fetch)",
        "iclight_sd15_fcon.safetensors": "iclight_sd15_fcon.safetensors (1.7 GB to fetch)",
    }
    offered = {kind: choices.missing(f"iclight_sd15_{kind}.safetensors", folders) for kind in KINDS}
    assert {kind: file and file.name for kind, file in offered.items()} == {
        "fc": "iclight_sd15_fc.safetensors",
        "fcon": "iclight_sd15_fcon.safetensors",
        "fbc": None,
    }


def test_a_file_that_can_not_be_opened_right_now_is_not_offered(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows another program may hold it: safetensors then says that there is no such file."""

    def held_by_another(*args: Any, **how: Any) -> None:
        raise FileNotFoundError("No such file or directory")

    put_model(models, "iclight_sd15_fc.safetensors", 8)
    monkeypatch.setattr(offsets, "safe_open", held_by_another)
    assert choices.missing("iclight_sd15_fc.safetensors", [models]) is None
    assert choices.missing("iclight_sd15_fbc.safetensors", [models]) is not None


def test_somebodys_own_file_under_a_published_name_is_not_offered(models: Path) -> None:
    """What is wrong with it is said; only what nobody can open may be replaced."""
    put_model(models, "iclight_sd15_fbc.safetensors", 9)
    put_model(models, "iclight_sd15_fcon.safetensors", 8)
    blocks, panel = built(False, models)
    told = changed(blocks, panel, "model", "iclight_sd15_fbc.safetensors")
    assert told["model_offer"]["visible"] and not told["model_fetch"]["visible"]
    assert "move it out of" in told["model_offer_text"]["value"]
    assert not changed(blocks, panel, "model", "iclight_sd15_fcon.safetensors")["model_offer"]["visible"]


def painted(size: tuple[int, int], box: tuple[int, int, int, int], colour: tuple[int, ...]) -> Image.Image:
    """Transparent but for a box."""
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    ImageDraw.Draw(layer).rectangle(box, colour)
    return layer


@TABS
def test_what_is_painted_and_not_shown_yet_is_in_the_request(is_img2img: bool, models: Path) -> None:
    _, panel = built(is_img2img, models)
    assert panel.strokes not in panel.components and panel.strokes.value is None
    sent, fields = [*values(panel), None], list(RelightRequest.__fields__)
    subject = painted((80, 60), (20, 15, 60, 45), (200, 20, 30, 255))
    mask = painted((160, 120), (0, 0, 80, 120), (255, 255, 255, 255))
    for field, value in (("enabled", True), ("subject", subject), ("mask", mask)):
        sent[fields.index(field)] = value

    def asked() -> RelightRequest | None:
        return parse(with_strokes(sent), lambda name: Kind.FOREGROUND)

    assert np.array_equal(asked().mask.alpha, np.asarray(mask)[..., 3]), "nothing is painted"
    sent[-1] = painted((80, 60), (30, 0, 80, 9), (0, 0, 0, 255))
    over = cut_out(subject, asked())
    assert (over[:9, 31:] == 0).all() and (over[:, :29] == 255).all() and (over[11:, :40] == 255).all()
    sent[fields.index("mask")] = None
    alone = cut_out(subject, asked())
    assert (alone[:10, 30:] == 0).all() and np.array_equal(alone[10:], np.asarray(subject)[10:, :, 3])
    sent[0] = False
    assert asked() is None
    sent[fields.index("mask")] = Image.new("F", (8, 6))
    assert asked() is None, "a broken mask is nobody's business where nothing is asked for"
    sent[0] = True
    with pytest.raises(ICLightError, match="mask"):
        asked()


def cut_out(subject: Image.Image, request: RelightRequest) -> np.ndarray:
    """The alpha that a request's mask makes of a picture's own."""
    settings = CutoutSettings(mask=request.mask)
    return foreground.cut_out(Picture.from_image(subject, "subject"), settings, []).alpha


class Unloading(StandaloneHost):
    """A host that unloads its models."""

    releases: list[Any]

    def release_with_models(self, release: Any) -> None:
        self.releases.append(release)


def test_another_subject_stops_the_cut_out_that_is_being_made(models: Path) -> None:
    blocks, panel = built(False, models)
    subject = component(panel, "subject")._id, "input"
    taking, showing = show_cutout(blocks)
    stopped = [each.cancels for each in events(blocks, subject)]
    assert [showing._id] in stopped, "its result belongs to another picture"
    (emptied,) = [each for each in events(blocks, subject) if each.fn]
    assert emptied.outputs == [*taking.outputs, *showing.outputs] and emptied.fn() == (None, None, None)


def show_cutout(blocks: gr.Blocks) -> tuple[Any, Any]:
    """What happens when the button is pressed: strokes are taken, then the cut-out is shown."""
    (taking,) = events(blocks, (block(blocks, "show_cutout")._id, "click"))
    (showing,) = [each for each in blocks.fns.values() if each.trigger_after == taking._id]
    return taking, showing


def events(blocks: gr.Blocks, target: tuple[int, str]) -> list[Any]:
    """What happens at an element's event."""
    return [each for each in blocks.fns.values() if target in [tuple(each) for each in each.targets]]


def test_the_host_may_release_a_cut_out_that_was_shown(models: Path) -> None:
    foreground.release()
    host = Unloading([models], State())
    host.releases = []
    with gr.Blocks() as blocks:
        build_panel(False, input_accordion, Canvas, host)
    subject = painted((80, 60), (20, 15, 60, 45), (200, 20, 30, 255))
    taking, showing = show_cutout(blocks)
    assert taking.fn(None, None) == (None, None)
    assert showing.fn(subject, "none", 0, 0, None).size == subject.size
    assert host.releases == [foreground.release_models]


@pytest.mark.parametrize("args", [[], [False], [{"light": "left"}], [True, "a", "b"], [True] * 21])
def test_what_is_not_the_panels_is_left_as_it_is(args: list[Any]) -> None:
    assert with_strokes(args) == args


def test_matting_models_are_offered_with_their_licence_and_size(tmp_path: Path) -> None:
    blocks, panel = built(False, tmp_path)
    labels = {value: label for label, value in component(panel, "cutout").choices}
    assert labels["u2netp"] == "U²-Net, small (Apache-2.0, 5 MB to fetch)"
    assert labels["birefnet-lite"] == "BiRefNet lite (MIT, 224 MB to fetch)"
    assert labels["grabcut"].startswith("GrabCut (fallback")
    told = changed(blocks, panel, "cutout", "birefnet-lite")
    assert told["cutout_offer"]["visible"] and "BiRefNet" in told["cutout_offer_text"]["value"]
    assert not changed(blocks, panel, "cutout", "grabcut")["cutout_offer"]["visible"]
    (tmp_path / "u2netp.onnx").write_bytes(b"there")
    _, again = built(False, tmp_path)
    assert ("U²-Net, small (Apache-2.0)", "u2netp") in component(again, "cutout").choices


def test_a_background_model_alone_shows_the_background(tmp_path: Path) -> None:
    put_model(tmp_path, "fbc.safetensors", 12)
    blocks, panel = built(False, tmp_path)
    assert component(panel, "model").value == "fbc.safetensors" and shown_groups(blocks) == [False, True]


def pressed(blocks: gr.Blocks, name: str, *given: Any) -> Any:
    """What the page is told when a button is pressed."""
    (function,) = [
        function
        for function in blocks.fns.values()
        if (block(blocks, name)._id, "click") in [tuple(target) for target in function.targets]
    ]
    return function.fn(*given)


def test_new_models_are_found_without_a_restart(tmp_path: Path) -> None:
    blocks, panel = built(False, tmp_path)
    put_model(tmp_path, "fc.safetensors", 8)
    dropdown = pressed(blocks, "refresh")
    assert dropdown["choices"][0] == ("fc.safetensors (foreground)", "fc.safetensors")
    assert "value" not in dropdown, "what was chosen stays"
    assert component(panel, "model").preprocess("fc.safetensors") == "fc.safetensors", "gradio takes it from the page"
    (tmp_path / "fc.safetensors").unlink()
    assert [name for _, name in pressed(blocks, "refresh")["choices"]] == [
        f"iclight_sd15_{kind}.safetensors" for kind in KINDS
    ]


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
        told = changed(blocks, panel, "model", model)
        assert [told[group]["visible"] for group in ("light_group", "background_group")] == visible


@TABS
def test_only_what_goes_with_the_light_is_shown(is_img2img: bool, tmp_path: Path) -> None:
    blocks, panel = built(is_img2img, tmp_path)
    for light in ("none", "left", "ambient", "custom"):
        told = changed(blocks, panel, "light", light)
        assert told["light_map"]["visible"] == (light == "custom")
        assert told["light_denoise"]["visible"] == (light != "none" and not is_img2img)
        assert told["reinforce_foreground"]["visible"] == (light != "none")
    for field in ("light_map", "light_denoise", "reinforce_foreground"):
        assert not component(panel, field).visible


@TABS
def test_only_what_goes_with_the_background_is_shown(is_img2img: bool, tmp_path: Path) -> None:
    blocks, panel = built(is_img2img, tmp_path)
    for background in ("image", "mirrored", "left", "ambient"):
        told = changed(blocks, panel, "background", background)
        assert told["background_image"]["visible"] == (background in ("image", "mirrored"))
    assert component(panel, "background_image").visible


def test_building_again_changes_nothing(models: Path) -> None:
    listing = sorted(path.name for path in models.iterdir())
    with gr.Blocks():
        panels = [
            build_panel(is_img2img, input_accordion, Canvas, StandaloneHost([models], State()))
            for is_img2img in (False, True, False, True)
        ]
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
    assert values(panel) == [False, "b_fc.safetensors", *DEFAULTS]


@TABS
def test_settings_are_pasted_back_by_their_infotext_names(is_img2img: bool, models: Path) -> None:
    _, panel = built(is_img2img, models)
    assert all(part in panel.components for part, _ in panel.infotext_fields)
    effects = dict.fromkeys(OFF_BY_DEFAULT, 0.5)
    written: dict[str, Any] = {}
    for kind in Kind:
        request = RelightRequest.from_api({"light": "left", **effects})
        written |= infotext(request, kind, "m.safetensors", starts_from_light=True)
    fields = dict(panel.infotext_fields)
    assert [name_of(part) for part in fields] == ["enabled-checkbox", *INFOTEXT_SETTINGS]
    for part, pasted in list(fields.items())[1:]:
        name = "IC-Light " + name_of(part).replace("_", " ")
        if name_of(part) in OFF_BY_DEFAULT:
            assert pasted({name: "0.5", "IC-Light model": "m"}) == 0.5
            assert pasted({"IC-Light model": "m"}) == 0, "what a picture was made without is switched off"
            assert pasted({"Steps": "20"}) is None, "another picture changes nothing"
        else:
            assert pasted == name
        assert name in written
    is_on = fields[panel.components[0]]
    assert is_on(written) is True and is_on({"Steps": "20"}) is False
