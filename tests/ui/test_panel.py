"""The panel, driven as gradio drives it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image, ImageDraw

from iclight_standalone.host import StandaloneWebUI
from iclight_standalone.sampler import State
from lib_iclight import foreground
from lib_iclight.errors import ICLightError
from lib_iclight.fields import DEFAULTS, SETTINGS
from lib_iclight.foreground import METHODS, CutoutSettings
from lib_iclight.hosts import Host
from lib_iclight.hosts.canvas import LayeredCanvas
from lib_iclight.infotext import infotext_name, infotext_of
from lib_iclight.pictures import Picture
from lib_iclight.request import RelightRequest, parse
from lib_iclight.setting_types import Tab
from lib_iclight.ui import choices
from lib_iclight.ui.cutout_preview import Mending, with_strokes
from lib_iclight.ui.panel import Panel, build_panel
from lib_iclight.weights import find_model, kind_of, read_catalogue
from lib_iclight.weights.kind import Kind
from tests.ui.conftest import PUBLISHED, put_model

TABS = pytest.mark.parametrize("tab", Tab, ids=[tab.value for tab in Tab])
SHOWN_DEFAULTS = {
    "subject": None,
    "cutout": "The best that is there",
    "edge_shift": 0.0,
    "light": "Prompt only",
    "light_denoise": 0.9,
    "background": "Picture",
    "strength": 1.0,
    "detail_radius": 1.0,
    "detail_area": "The subject",
    "show_subject": False,
}
"""What the components of some settings hold when the page is opened."""


@contextmanager
def input_accordion(value: bool, label: str, elem_id: str) -> Iterator[gr.Checkbox]:
    """Forge's `InputAccordion`: a hidden checkbox that follows an accordion."""
    checkbox = gr.Checkbox(value, label=label, elem_id=f"{elem_id}-checkbox", visible=False)
    with gr.Accordion(label, open=value, elem_id=elem_id):
        yield checkbox


class Canvas(LayeredCanvas):
    """Forge's canvas, of other components."""

    def __init__(self, elem_id: str) -> None:
        self.picture = gr.Image(type="pil", elem_id=f"{elem_id}_picture")
        self.painted = gr.Image(type="pil", image_mode="RGBA", elem_id=f"{elem_id}_painted")


class WebUI(StandaloneWebUI):
    """A web UI that can be told to release memory."""

    def __init__(self, folder: Path) -> None:
        super().__init__([folder], State())
        self.releases: list[Any] = []
        self.chosen: list[Path] = []
        self.on_listing: Callable[[], Any] = lambda: None
        """Happens whenever somebody wants to know what lies in the folders."""

    def models_folders(self) -> list[Path]:
        self.on_listing()
        return [*super().models_folders(), *self.chosen]

    def chosen_folders(self) -> list[Path]:
        return self.chosen

    def release_with_models(self, release: Any) -> None:
        self.releases.append(release)


def built(tab: Tab, folder: Path, webui: WebUI | None = None) -> tuple[gr.Blocks, Panel]:
    with gr.Blocks() as blocks:
        panel = build_panel(tab, input_accordion, Canvas, Host(webui or WebUI(folder), None, None))
    return blocks, panel


def values(panel: Panel) -> list[Any]:
    return [component.value for component in panel.components]


def component(panel: Panel, field: str) -> Any:
    return panel.components[list(SETTINGS).index(field)]


def name_of(block: Any) -> str:
    """An element's id without the tab's part."""
    return (block.elem_id or "").split("_", 2)[-1]


def block(blocks: gr.Blocks, name: str) -> Any:
    """The element of that id."""
    (found,) = [each for each in blocks.blocks.values() if name_of(each) == name]
    return found


def events(blocks: gr.Blocks, target: tuple[int | None, str]) -> list[Any]:
    """What happens at an element's event, but for what only stops another event."""
    return [each for each in blocks.fns.values() if each.fn and target in [tuple(one) for one in each.targets]]


def answers(function: Any, panel: Panel, given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the page is told, by the ends of the elements' ids."""
    inputs = [given.get(name_of(each), each.value) for each in function.inputs]
    answer = function.fn(*inputs)
    listed = list(answer) if isinstance(answer, (tuple, list)) else [answer]
    return {name_of(output): update for output, update in zip(function.outputs, listed, strict=True)}


def changed(blocks: gr.Blocks, panel: Panel, **given: Any) -> dict[str, dict[str, Any]]:
    """What the page is told when components are set to values, the last of which has just changed."""
    told: dict[str, dict[str, Any]] = {}
    for function in events(blocks, (component(panel, list(given)[-1])._id, "change")):
        told |= answers(function, panel, given)
    return told


def opened(blocks: gr.Blocks, panel: Panel, **saved: Any) -> dict[str, dict[str, Any]]:
    """What the page is told when it is opened, with defaults that were saved."""
    told: dict[str, dict[str, Any]] = {}
    for function in events(blocks, (blocks._id, "load")):
        told |= answers(function, panel, saved)
    return told


# ------------------------------------------------------------------------------------------------ the table


@TABS
def test_components_are_in_the_settings_order_with_their_defaults(tab: Tab, tmp_path: Path) -> None:
    _, panel = built(tab, tmp_path)
    assert values(panel)[:2] == [False, PUBLISHED[0]]
    assert {name: component(panel, name).value for name in SHOWN_DEFAULTS} == SHOWN_DEFAULTS
    names = [name for name in SETTINGS if name != "enabled"]
    assert [each.elem_id for each in panel.components[1:]] == [f"iclight_{tab.value}_{name}" for name in names]


@TABS
def test_dropdowns_and_radios_hold_what_they_show(tab: Tab, models: Path) -> None:
    """Forge compares saved defaults with labels, and gradio 3 knows no others."""
    _, panel = built(tab, models)
    chosen = [each for each in panel.components if isinstance(each, (gr.Dropdown, gr.Radio))]
    assert len(chosen) == 6
    for each in chosen:
        assert all(label == value for label, value in each.choices)
        assert each.value in [label for label, _ in each.choices]


@TABS
def test_labels_tell_the_components_apart(tab: Tab, models: Path) -> None:
    """Saved defaults are found by them."""
    blocks, _ = built(tab, models)
    saved = (gr.Slider, gr.Radio, gr.Checkbox, gr.Dropdown)
    labels = [each.label for each in blocks.blocks.values() if isinstance(each, saved)]
    assert len(set(labels)) == len(labels)


@TABS
@pytest.mark.parametrize("model", ["a_fbc.safetensors", "b_fc.safetensors"])
def test_what_the_panel_offers_is_taken(tab: Tab, models: Path, model: str) -> None:
    _, panel = built(tab, models)
    sent, fields = values(panel), list(SETTINGS)
    picture = Image.new("RGBA", (8, 8), (1, 2, 3, 100))
    for field, value in (("enabled", True), ("model", model), ("subject", picture), ("background_image", picture)):
        sent[fields.index(field)] = value

    def kind(name: str | None) -> Kind:
        return kind_of(find_model(read_catalogue([models]), name))

    for field in ("cutout", "light", "background", "detail_area"):
        for label, _ in component(panel, field).choices:
            chosen = copy.copy(sent)
            chosen[fields.index(field)] = label
            chosen[fields.index("detail_transfer")] = 1
            request = parse(chosen, kind, tab)
            request.check_effect(kind(model), model, tab)
            given = getattr(request, field)
            hidden = {"light": "a_fbc.safetensors", "background": "b_fc.safetensors"}.get(field) == model
            assert SETTINGS[field].to_panel(DEFAULTS[field] if hidden else given) == (
                SETTINGS[field].to_panel(DEFAULTS[field]) if hidden else label
            )
            if hidden:
                assert given == DEFAULTS[field]


def test_numbers_have_the_tables_ranges(models: Path) -> None:
    _, panel = built(Tab.TXT2IMG, models)
    ranges = {"edge_shift": (-5, 5, 0.1), "light_denoise": (0.1, 1, 0.01), "strength": (0.05, 1.5, 0.05)}
    for field, expected in ranges.items():
        slider = component(panel, field)
        assert (slider.minimum, slider.maximum, slider.step) == expected


def test_building_again_changes_nothing(models: Path) -> None:
    listing = sorted(path.name for path in models.iterdir())
    with gr.Blocks():
        host = Host(WebUI(models), None, None)
        panels = [build_panel(tab, input_accordion, Canvas, host) for tab in (*Tab, *Tab)]
    for first, again in ((panels[0], panels[2]), (panels[1], panels[3])):
        assert values(first) == values(again)
        assert not {id(each) for each in first.components} & {id(each) for each in again.components}
        assert [each.elem_id for each in first.components] == [each.elem_id for each in again.components]
    ids = [each.elem_id for panel in panels[:2] for each in panel.components]
    assert len(set(ids)) == len(ids), "the tabs' components are told apart"
    assert sorted(path.name for path in models.iterdir()) == listing


def test_reading_the_panels_defaults_changes_none(models: Path) -> None:
    _, panel = built(Tab.TXT2IMG, models)
    sent = values(panel)
    sent[0], sent[2] = True, Image.new("RGB", (8, 8))
    before = copy.copy(sent)
    parse(sent, lambda name: Kind.FOREGROUND, Tab.TXT2IMG)
    assert all(one is other for one, other in zip(sent, before, strict=True))
    assert {name: component(panel, name).value for name in SHOWN_DEFAULTS} == SHOWN_DEFAULTS


# ------------------------------------------------------------------------------------------------ what is shown


def shown_groups(blocks: gr.Blocks) -> list[bool]:
    return [block(blocks, name).visible for name in ("light_group", "background_group")]


@TABS
def test_only_what_goes_with_the_model_is_shown(tab: Tab, models: Path) -> None:
    blocks, panel = built(tab, models)
    shown = {
        "b_fc.safetensors": [True, False],
        "a_fbc.safetensors": [False, True],
        "gone.safetensors": [True, False],
        "d_broken.safetensors": [True, False],
        None: [True, False],
    }
    for model, visible in shown.items():
        for told in (changed(blocks, panel, model=model), opened(blocks, panel, model=model)):
            assert [told[group]["visible"] for group in ("light_group", "background_group")] == visible


@TABS
def test_only_what_goes_with_the_light_is_shown(tab: Tab, tmp_path: Path) -> None:
    blocks, panel = built(tab, tmp_path)
    for label in ("Prompt only", "Left", "All around", "My own light map"):
        for told in (changed(blocks, panel, light=label), opened(blocks, panel, light=label)):
            assert told["light_map"]["visible"] == (label == "My own light map")
            assert told["light_denoise"]["visible"] == (label != "Prompt only" and tab is Tab.TXT2IMG)
            assert told["reinforce_foreground"]["visible"] == (label != "Prompt only")
    for field in ("light_map", "light_denoise", "reinforce_foreground"):
        assert not component(panel, field).visible


@TABS
def test_only_what_goes_with_the_background_is_shown(tab: Tab, models: Path) -> None:
    blocks, panel = built(tab, models)
    for label in ("Picture", "Mirrored picture", "Left", "Grey"):
        given = {"model": "a_fbc.safetensors", "background": label}
        for told in (changed(blocks, panel, **given), opened(blocks, panel, **given)):
            assert told["background_image"]["visible"] == ("icture" in label)
    assert component(panel, "background_image").visible


@TABS
def test_what_goes_with_another_model_hides_nothing(tab: Tab, models: Path) -> None:
    """A side that was chosen for one kind of model stays chosen, out of sight, beside the other's settings."""
    blocks, panel = built(tab, models)
    for model, chosen, other in (("a_fbc", "light", "background"), ("b_fc", "background", "light")):
        given = {"model": f"{model}.safetensors", chosen: "Left"}
        assert changed(blocks, panel, **given)["lights_group"]["visible"]
        assert not changed(blocks, panel, **{**given, other: "Left"})["lights_group"]["visible"]


@TABS
def test_only_what_goes_with_the_finish_is_shown(tab: Tab, tmp_path: Path) -> None:
    blocks, panel = built(tab, tmp_path)
    cases = {(0, 0): (False, False), (0.5, 0): (True, True), (0, 0.5): (False, True)}
    for (details, colours), (has_radius, has_untouched) in cases.items():
        told = changed(blocks, panel, colour_keep=colours, detail_transfer=details)
        assert told["detail_radius"]["visible"] == told["detail_area"]["visible"] == has_radius
        assert told["show_untouched"]["visible"] == has_untouched
    assert not component(panel, "detail_radius").visible and not component(panel, "show_untouched").visible


def test_an_emptied_choice_shows_what_the_default_does(tmp_path: Path) -> None:
    blocks, panel = built(Tab.TXT2IMG, tmp_path)
    assert not changed(blocks, panel, light=None)["light_denoise"]["visible"]


# ------------------------------------------------------------------------------------------------ models


def test_without_a_model_the_panel_offers_to_fetch_one(tmp_path: Path) -> None:
    blocks, panel = built(Tab.TXT2IMG, tmp_path / "missing")
    assert component(panel, "model").value == PUBLISHED[0]
    text = block(blocks, "model_offer").value.replace("\\", "")
    assert block(blocks, "model_offer").visible and not block(blocks, "cutout_offer").visible
    for said in (PUBLISHED[0], "1.7 GB", "Apache-2.0", str(tmp_path / "missing"), "huggingface.co"):
        assert said in text
    assert not (tmp_path / "missing").exists(), "nothing is fetched unasked"


def test_with_a_model_the_panel_offers_nothing(models: Path) -> None:
    blocks, _ = built(Tab.TXT2IMG, models)
    assert not block(blocks, "model_fetch").visible and shown_groups(blocks) == [True, False]
    assert "looks at the foreground" in block(blocks, "model_offer").value


def test_a_background_model_alone_shows_the_background(tmp_path: Path) -> None:
    put_model(tmp_path, "fbc.safetensors", 12)
    blocks, panel = built(Tab.TXT2IMG, tmp_path)
    assert component(panel, "model").value == "fbc.safetensors" and shown_groups(blocks) == [False, True]


def test_a_chosen_model_that_is_missing_is_offered(models: Path) -> None:
    blocks, panel = built(Tab.TXT2IMG, models)
    told = changed(blocks, panel, model=PUBLISHED[2])
    assert told["model_offer"]["visible"] and told["model_fetch"]["visible"] and not told["model_progress"]["visible"]
    assert PUBLISHED[2] in told["model_offer"]["value"].replace("\\", "")
    assert told["background_group"]["visible"] and not told["light_group"]["visible"]
    assert not changed(blocks, panel, model="b_fc.safetensors")["model_fetch"]["visible"]


def test_a_damaged_model_says_what_to_do(models: Path) -> None:
    blocks, panel = built(Tab.TXT2IMG, models)
    told = changed(blocks, panel, model="d_broken.safetensors")
    assert told["model_offer"]["visible"] and not told["model_fetch"]["visible"]
    text = told["model_offer"]["value"].replace("\\", "")
    assert "d_broken.safetensors" in text and "Replace it" in text


def test_a_damaged_model_that_is_published_can_be_fetched_anew(models: Path) -> None:
    (models / PUBLISHED[2]).write_bytes(b"x")
    blocks, panel = built(Tab.TXT2IMG, models)
    told = changed(blocks, panel, model=PUBLISHED[2])
    assert told["model_offer"]["visible"] and told["model_fetch"]["visible"]
    assert "Replace it" in told["model_offer"]["value"]


def test_somebodys_own_file_under_a_published_name_is_not_offered(models: Path) -> None:
    """What is wrong with it is said; only what nobody can open may be replaced."""
    put_model(models, PUBLISHED[2], 9)
    put_model(models, PUBLISHED[1], 8)
    blocks, panel = built(Tab.TXT2IMG, models)
    told = changed(blocks, panel, model=PUBLISHED[2])
    assert told["model_offer"]["visible"] and not told["model_fetch"]["visible"]
    assert "move it out of" in told["model_offer"]["value"]
    assert not changed(blocks, panel, model=PUBLISHED[1])["model_fetch"]["visible"]


def test_a_published_name_for_something_else_in_another_folder_is_offered(tmp_path: Path) -> None:
    """It is fetched into IC-Light's own folder; a model under that name is used from there."""
    own, other = tmp_path / "ic-light", tmp_path / "unet"
    other.mkdir()
    put_model(other, PUBLISHED[0], 4)
    put_model(other, PUBLISHED[2], 12)
    catalogue = read_catalogue([own, other])
    assert choices.list_models(catalogue).names == [PUBLISHED[2], PUBLISHED[0], PUBLISHED[1]]
    offered = {name: choices.describe_model(name, catalogue).to_fetch for name in PUBLISHED}
    assert {name: file and file.name for name, file in offered.items()} == dict(
        zip(PUBLISHED, [PUBLISHED[0], PUBLISHED[1], None], strict=True)
    )


@pytest.mark.parametrize("event", ["refresh", "load"])
def test_what_is_on_disk_is_shown_when_the_page_is_opened_and_on_refresh(tmp_path: Path, event: str) -> None:
    """Fetched in the other tab, or put there by hand: no restart is needed, F5 will do."""
    blocks, panel = built(Tab.TXT2IMG, tmp_path)
    assert block(blocks, "model_fetch").visible
    put_model(tmp_path, PUBLISHED[0], 8)
    put_model(tmp_path, "own.safetensors", 12)
    if event == "load":
        told = opened(blocks, panel)
    else:
        (pressed,) = events(blocks, (block(blocks, "refresh")._id, "click"))
        told = answers(pressed, panel, {})
    assert told["model"]["choices"] == [PUBLISHED[0], "own.safetensors", *PUBLISHED[1:]]
    assert "value" not in told["model"], "what was chosen stays"
    assert not told["model_fetch"]["visible"] and "is not there yet" not in told["model_offer"]["value"]
    assert component(panel, "model").preprocess("own.safetensors") == "own.safetensors", "gradio takes it from the page"


def test_an_event_lists_the_folders_once(models: Path) -> None:
    webui, listings = WebUI(models), []
    blocks, panel = built(Tab.TXT2IMG, models, webui)
    webui.on_listing = lambda: listings.append(1)
    changed(blocks, panel, model="a_fbc.safetensors")
    assert len(listings) == 1
    opened(blocks, panel)
    assert len(listings) == 2


def test_a_mistyped_folder_in_the_settings_is_named(models: Path) -> None:
    webui = WebUI(models)
    webui.chosen = [models / "moddels <b>"]
    blocks, panel = built(Tab.TXT2IMG, models, webui)
    said = block(blocks, "model_offer").value
    assert "is not there: correct the setting" in said.replace("\\", "")
    assert "looks at the foreground" in said, "what is said of the model stays"
    assert "<b>" not in said, "it is text, whatever it is called"
    webui.chosen[0].mkdir()
    assert "setting" not in opened(blocks, panel)["model_offer"]["value"]


def test_matting_models_are_offered_with_their_licence_and_size(tmp_path: Path) -> None:
    blocks, panel = built(Tab.TXT2IMG, tmp_path)
    assert [label for label, _ in component(panel, "cutout").choices] == [each.label for each in METHODS.values()]
    told = changed(blocks, panel, cutout="BiRefNet lite")
    text = told["cutout_offer"]["value"]
    assert told["cutout_fetch"]["visible"] and "224 MB" in text and "MIT" in text
    assert not changed(blocks, panel, cutout="GrabCut (fallback, no model)")["cutout_offer"]["visible"]
    (tmp_path / "u2netp.onnx").write_bytes(b"there")
    assert not changed(blocks, panel, cutout="U²-Net, small")["cutout_fetch"]["visible"]


# ------------------------------------------------------------------------------------------------ the cut-out


def painted(size: tuple[int, int], box: tuple[int, int, int, int], colour: tuple[int, ...]) -> Image.Image:
    """Transparent but for a box."""
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    ImageDraw.Draw(layer).rectangle(box, colour)
    return layer


@TABS
def test_what_is_painted_and_not_shown_yet_is_in_the_request(tab: Tab, models: Path) -> None:
    _, panel = built(tab, models)
    assert panel.strokes not in panel.components and panel.strokes.value is None
    sent, fields = [*values(panel), None], list(SETTINGS)
    subject = painted((80, 60), (20, 15, 60, 45), (200, 20, 30, 255))
    mask = painted((160, 120), (0, 0, 80, 120), (255, 255, 255, 255))
    for field, value in (("enabled", True), ("subject", subject), ("mask", mask)):
        sent[fields.index(field)] = value

    def asked() -> RelightRequest | None:
        return parse(with_strokes(sent, Canvas.strokes), lambda name: Kind.FOREGROUND, tab)

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
    return foreground.cut_out(Picture.from_image(subject, "subject"), settings, read_catalogue([Path("none")])).alpha


def show_cutout(blocks: gr.Blocks) -> tuple[Any, Any]:
    """What happens when the button is pressed: strokes are taken, then the cut-out is shown."""
    (taking,) = events(blocks, (block(blocks, "show_cutout")._id, "click"))
    (showing,) = [each for each in blocks.fns.values() if each.trigger_after == taking._id]
    return taking, showing


def test_a_cut_out_of_an_earlier_subject_is_not_shown(models: Path) -> None:
    """It belongs to another picture; and no event cancels another, as gradio ends all that the page waits for."""
    webui = WebUI(models)
    blocks, panel = built(Tab.TXT2IMG, models, webui)
    taking, showing = show_cutout(blocks)
    (on_subject,) = events(blocks, (component(panel, "subject")._id, "input"))
    assert {*taking.outputs, *showing.outputs} == set(on_subject.outputs), "what is shown is emptied at once"
    *_, mending = (each.value for each in showing.inputs)
    subject = painted((80, 60), (20, 15, 60, 45), (200, 20, 30, 255))
    asked = [subject, DEFAULTS["cutout"], 0.0, 0.0, None, mending]
    shown = showing.fn(*asked)
    assert shown.size == subject.size
    webui.on_listing = lambda: on_subject.fn(None, mending)
    assert showing.fn(*asked) is None
    webui.on_listing = lambda: None
    assert showing.fn(*asked) == shown
    assert not any(each.cancels for each in blocks.fns.values())


def test_a_mask_from_a_file_may_come_before_its_subject(models: Path) -> None:
    """Strokes belong to the picture that they were painted on; a file's mask stays."""
    blocks, panel = built(Tab.TXT2IMG, models)
    taking, _ = show_cutout(blocks)
    (on_subject,) = events(blocks, (component(panel, "subject")._id, "input"))
    (on_upload,) = events(blocks, (component(panel, "mask")._id, "upload"))
    mask, stroke = Image.new("L", (80, 60), 255), painted((80, 60), (0, 0, 9, 9), (0, 0, 0, 255))
    mending = Mending(is_painted=True)
    on_upload.fn(mending)
    assert on_subject.fn(mask, mending)[0] is mask
    kept, strokes = taking.fn(mask, None, mending)
    assert kept is mask and on_subject.fn(kept, mending)[0] is mask, "it was shown, and nothing was painted"
    over, strokes = taking.fn(mask, stroke, mending)
    assert strokes.size == stroke.size
    assert strokes.getextrema()[3] == (0, 0), "strokes are in the mask from now on"
    taking.fn(over, strokes, mending)
    assert mending.is_painted, "strokes of an earlier press are in it still"
    assert on_subject.fn(over, mending) == (None, None, None)
    assert mending == Mending(subjects=3)


def test_the_host_may_release_a_cut_out_that_was_shown(models: Path) -> None:
    foreground.release()
    webui = WebUI(models)
    blocks, _ = built(Tab.TXT2IMG, models, webui)
    subject = painted((80, 60), (20, 15, 60, 45), (200, 20, 30, 255))
    taking, showing = show_cutout(blocks)
    assert taking.fn(None, None, Mending()) == (None, None)
    assert showing.fn(subject, "Nothing: take it as it is", 0, 0, None, Mending()).size == subject.size
    assert webui.releases == [foreground.release_models]


@pytest.mark.parametrize("args", [[], [False], [{"light": "left"}], [True, "a", "b"], [True] * 21])
def test_what_is_not_the_panels_is_left_as_it_is(args: list[Any]) -> None:
    assert with_strokes(args, Canvas.strokes) == args


# ------------------------------------------------------------------------------------------------ infotext


@TABS
def test_settings_are_pasted_back_by_their_infotext_names(tab: Tab, models: Path) -> None:
    _, panel = built(tab, models)
    fields = {name_of(part): pasted for part, pasted in panel.infotext_fields}
    told = ["enabled-checkbox", *(name for name, setting in SETTINGS.items() if setting.in_infotext)]
    assert list(fields) == told and all(part in panel.components for part, _ in panel.infotext_fields)
    effects = {"light": "left", "detail_transfer": 0.5, "edge_shift": 0.5, "colour_keep": 0.5, "cutout": "grabcut"}
    request = RelightRequest.from_api({"model": "m.safetensors", **effects})
    written = {name: str(value) for name, value in infotext_of(request, Kind.FOREGROUND, tab).items()}
    pasted = {name: paste(written) for name, paste in fields.items()}
    assert pasted["enabled-checkbox"] is True and pasted["model"] == "m.safetensors"
    assert pasted["light"] == "Left" and pasted["cutout"] == "GrabCut (fallback, no model)"
    assert (pasted["detail_transfer"], pasted["detail_radius"], pasted["edge_feather"]) == (0.5, 1.0, 0.0)
    assert pasted["background"] == "Picture", "what was not told is at its default again"
    others = {name: paste({"Steps": "20"}) for name, paste in fields.items()}
    assert others.pop("enabled-checkbox") is False and set(others.values()) == {None}
    for field, value in pasted.items():
        if field in ("cutout", "light", "background", "detail_area"):
            assert component(panel, field).preprocess(value) == value, "gradio takes it"
    assert infotext_name("light") in written
