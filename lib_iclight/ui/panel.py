"""The panel in txt2img and img2img: one component for each field of the request, in its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..finish.area import DetailArea
from ..foreground.methods import Cutout
from ..hosts import Host
from ..light import Background, Light
from ..relight import TITLE
from ..request import INFOTEXT_SETTINGS, OFF_BY_DEFAULT, RelightRequest, infotext_name
from ..weights import Kind, read_catalogue
from . import choices, cutout
from .choices import Description
from .fetching import Folders, build_offer, connect_offer
from .parts import QUIET, picture, radio, slider


@dataclass(frozen=True)
class Panel:
    """What the web UI has to know of a panel that was built."""

    components: list[Any]
    """In the order of :class:`RelightRequest`'s fields."""

    strokes: Any
    """What is painted on the canvas. Put behind the others, its value is taken in by :func:`cutout.with_strokes`."""

    infotext_fields: list[tuple[Any, str | Callable]]
    """Component and infotext name, for pasting a picture's settings back."""


def build_panel(
    is_img2img: bool,
    accordion: Callable,
    canvas: Callable[[str], cutout.Canvas],
    host: Host,
    notice: str | None = None,
) -> Panel:
    """Build the panel inside the web UI's own blocks. Called several times a tab: it keeps nothing.

    :param accordion: the web UI's accordion with a checkbox in its title.
    :param canvas: the web UI's canvas for painting on a picture, made for an element id.
    :param host: is asked anew each time for the folders that models are in.
    :param notice: what the user should know before anything else, as Markdown.
    """
    parts: dict[str, Any] = {}
    folders = host.models_folders
    tab = f"iclight_{'img2img' if is_img2img else 'txt2img'}"

    def named(field: str) -> dict[str, str]:
        return {"elem_id": f"{tab}_{field}"}

    with accordion(False, label=TITLE, **named("enabled")) as parts["enabled"]:
        if notice:
            gr.Markdown(notice, **named("notice"))
        kind = _build_model(parts, named, folders)
        with gr.Row(variant="compact"):
            with gr.Group():
                parts["subject"] = picture(_SUBJECT_LABEL[is_img2img], **named("subject"))
                _build_cutout(parts, named, folders)
            with gr.Column(visible=kind is Kind.FOREGROUND, min_width=280, **named("light_group")) as light_group:
                _build_light(parts, named, is_img2img)
            with gr.Column(
                visible=kind is Kind.BACKGROUND, min_width=280, **named("background_group")
            ) as background_group:
                parts["background"] = radio(
                    "Background", Background, _BACKGROUND_LABELS, info=_BACKGROUND_INFO, **named("background")
                )
                parts["background_image"] = picture("Background picture", **named("background_image"))
        strokes = cutout.build_edge_and_mask(parts, named, host, canvas)
        _build_finish(parts, named)
        with gr.Row(variant="compact"):
            parts["strength"] = slider("strength", 0.05, **named("strength"))
            parts["show_subject"] = gr.Checkbox(
                False, label="Show the subject as the model sees it", **named("show_subject")
            )
    _connect(parts, light_group, background_group, folders, is_img2img)
    return Panel([parts[field] for field in RelightRequest.__fields__], strokes, _infotext_fields(parts))


_SUBJECT_LABEL = ("Subject", "Subject (empty: the tab's picture)")
_LIGHT_MAP_LABEL = ("Light map", "Light map (empty: the tab's picture)")
_CUTOUT_INFO = "A transparent picture is cut out already."
_BACKGROUND_INFO = "A picture, or a plain one, bright on one side."
_LIGHT_DENOISE_INFO = "Lower follows the light more."
_REINFORCE_INFO = "How much of the subject lies over the light that the picture starts from."
_DETAIL_INFO = "Gives back fine detail, such as letters and faces, that diffusion repainted."
_RADIUS_INFO = "What is smaller is a detail, in % of the picture's shorter side."
_COLOUR_INFO = "Gives back the subject's own hue and saturation under the new light."
_LIGHT_LABELS = {
    Light.NONE: "Prompt only",
    Light.LEFT: "Left",
    Light.RIGHT: "Right",
    Light.TOP: "Top",
    Light.BOTTOM: "Bottom",
    Light.AMBIENT: "All around",
    Light.CUSTOM: "My own light map",
}
_BACKGROUND_LABELS = {
    Background.IMAGE: "Picture",
    Background.MIRRORED: "Mirrored picture",
    Background.LEFT: "Left",
    Background.RIGHT: "Right",
    Background.TOP: "Top",
    Background.BOTTOM: "Bottom",
    Background.AMBIENT: "Grey",
}
_AREA_LABELS = {DetailArea.SUBJECT: "The subject", DetailArea.EVERYTHING: "Everything"}

Named = Callable[[str], dict[str, str]]


def _build_model(parts: dict[str, Any], named: Named, folders: Folders) -> Kind:
    """The model's dropdown, what is wrong with the one chosen, and the offer to fetch it."""
    catalogue = read_catalogue(folders())
    listed = choices.list_models(catalogue)
    with gr.Row():
        parts["model"] = gr.Dropdown(listed.names, value=listed.chosen, label="Model", **named("model"))
        refresh = gr.Button("🔄", scale=0, min_width=40, elem_classes=["tool"], **named("refresh"))

    def describe(name: str | None) -> Description:
        return choices.describe_model(name, read_catalogue(folders()))

    first = choices.describe_model(listed.chosen, catalogue)
    offer = build_offer(
        named("model")["elem_id"], first, describe, lambda file: file.name.endswith(".safetensors"), folders
    )

    def on_refresh(name: str | None) -> tuple[Any, ...]:
        return choices.relist_models(parts["model"], read_catalogue(folders())), *offer.state(name)

    refresh.click(on_refresh, parts["model"], [parts["model"], *offer.parts], **QUIET)
    connect_offer(offer, parts["model"])
    return choices.kind_of_choice(listed.chosen, catalogue)


def _build_cutout(parts: dict[str, Any], named: Named, folders: Folders) -> None:
    """How the subject is cut out, and the offer to fetch the model for it."""
    labels = {cutout.value: label for cutout, label in zip(Cutout, choices.list_cutouts(), strict=True)}
    parts["cutout"] = gr.Dropdown(
        [(label, value) for value, label in labels.items()],
        value="auto",
        label="Cut out by",
        info=_CUTOUT_INFO,
        **named("cutout"),
    )

    def describe(value: str | None) -> Description:
        return choices.describe_cutout(labels.get(value or ""), read_catalogue(folders()))

    offer = build_offer(
        named("cutout")["elem_id"], Description(), describe, lambda file: file.name.endswith(".onnx"), folders
    )
    connect_offer(offer, parts["cutout"])


def _build_light(parts: dict[str, Any], named: Named, is_img2img: bool) -> None:
    parts["light"] = radio("Light comes from", Light, _LIGHT_LABELS, **named("light"))
    parts["light_map"] = picture(_LIGHT_MAP_LABEL[is_img2img], visible=False, **named("light_map"))
    parts["light_denoise"] = slider(
        "light_denoise", 0.01, info=_LIGHT_DENOISE_INFO, visible=False, **named("light_denoise")
    )
    parts["reinforce_foreground"] = slider(
        "reinforce_foreground", 0.05, info=_REINFORCE_INFO, visible=False, **named("reinforce_foreground")
    )


def _build_finish(parts: dict[str, Any], named: Named) -> None:
    with gr.Accordion("Detail and colour", open=False, **named("finish")):
        with gr.Row(variant="compact"):
            parts["detail_transfer"] = slider("detail_transfer", 0.05, info=_DETAIL_INFO, **named("detail_transfer"))
            parts["detail_radius"] = slider("detail_radius", 0.1, info=_RADIUS_INFO, **named("detail_radius"))
            parts["colour_keep"] = slider("colour_keep", 0.05, info=_COLOUR_INFO, **named("colour_keep"))
            parts["detail_area"] = radio("Details of", DetailArea, _AREA_LABELS, **named("detail_area"))
        parts["show_untouched"] = gr.Checkbox(
            False, label="Show the pictures without detail and colour given back as well", **named("show_untouched")
        )


def _connect(
    parts: dict[str, Any], light_group: Any, background_group: Any, folders: Folders, is_img2img: bool
) -> None:
    """Show only what goes with the chosen model and light."""

    def on_model(name: str | None) -> tuple[Any, Any]:
        kind = choices.kind_of_choice(name, read_catalogue(folders()))
        return gr.update(visible=kind is Kind.FOREGROUND), gr.update(visible=kind is Kind.BACKGROUND)

    def on_light(light: str) -> tuple[Any, Any, Any]:
        starts = light != Light.NONE.value
        return (
            gr.update(visible=light == Light.CUSTOM.value),
            # in img2img the tab's own slider says how closely the light is followed
            gr.update(visible=starts and not is_img2img),
            gr.update(visible=starts),
        )

    def on_background(background: str) -> Any:
        return gr.update(visible=background in (Background.IMAGE.value, Background.MIRRORED.value))

    shown_by_light = [parts[field] for field in ("light_map", "light_denoise", "reinforce_foreground")]
    parts["model"].change(on_model, parts["model"], [light_group, background_group], **QUIET)
    parts["light"].change(on_light, parts["light"], shown_by_light, **QUIET)
    parts["background"].change(on_background, parts["background"], parts["background_image"], **QUIET)


def _infotext_fields(parts: dict[str, Any]) -> list[tuple[Any, str | Callable]]:
    def or_nothing(field: str) -> Callable[[dict], float | None]:
        name = infotext_name(field)
        return lambda params: float(params.get(name, 0)) if infotext_name("model") in params else None

    enabled = (parts["enabled"], lambda params: infotext_name("model") in params)
    fields = (
        (parts[field], or_nothing(field) if field in OFF_BY_DEFAULT else infotext_name(field))
        for field in INFOTEXT_SETTINGS
    )
    return [enabled, *fields]
