"""The panel in txt2img and img2img: one component for each field of the request, in its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import ICLightError
from ..request import Background, Cutout, Kind, Light, RelightRequest, infotext_name, limits
from ..weights import kind_of, list_models

TITLE = "IC Light"


@dataclass(frozen=True)
class Panel:
    """What the web UI has to know of a panel that was built."""

    components: list[Any]
    """In the order of :class:`RelightRequest`'s fields."""

    infotext_fields: list[tuple[Any, str | Callable]]
    """Component and infotext name, for pasting a picture's settings back."""


def build_panel(is_img2img: bool, accordion: Callable, models_folder: Path) -> Panel:
    """Build the panel inside the web UI's own blocks. Called several times a tab: it keeps nothing.

    :param accordion: the web UI's accordion with a checkbox in its title.
    """
    parts: dict[str, Any] = {}
    tab = "img2img" if is_img2img else "txt2img"

    def named(field: str) -> dict[str, str]:
        return {"elem_id": f"iclight_{tab}_{field}"}

    with accordion(False, label=TITLE, **named("enabled")) as parts["enabled"]:
        choices, chosen, kind = _model_choices(models_folder)
        parts["model"] = gr.Dropdown(choices, value=chosen, label="IC-Light model", **named("model"))
        missing = gr.Markdown(_MISSING, visible=not choices)
        with gr.Row():
            parts["subject"] = _picture(_SUBJECT_LABEL[is_img2img], **named("subject"))
            with gr.Column(visible=kind is Kind.FOREGROUND) as light_group:
                parts["light"] = _radio("Light comes from", Light, _LIGHT_LABELS, **named("light"))
                parts["light_map"] = _picture(_LIGHT_MAP_LABEL[is_img2img], visible=False, **named("light_map"))
                parts["light_denoise"] = _slider(
                    "light_denoise",
                    "Light denoise (lower follows the light more)",
                    0.01,
                    visible=False,
                    **named("light_denoise"),
                )
            with gr.Column(visible=kind is Kind.BACKGROUND) as background_group:
                parts["background"] = _radio("Background", Background, _BACKGROUND_LABELS, **named("background"))
                parts["background_image"] = _picture("Background picture", **named("background_image"))
        with gr.Row():
            parts["cutout"] = _radio("Cut out the subject", Cutout, _CUTOUT_LABELS, **named("cutout"))
            parts["strength"] = _slider("strength", "Strength of the relighting weights", 0.05, **named("strength"))
            parts["show_subject"] = gr.Checkbox(
                False, label="Show the subject as the model sees it", **named("show_subject")
            )
    _connect(parts, light_group, background_group, missing, models_folder, is_img2img)
    return Panel([parts[field] for field in RelightRequest.__fields__], _infotext_fields(parts))


_MISSING = (
    "There is no IC-Light model in `models/ic-light`. Put `iclight_sd15_fc.safetensors` (light by direction and "
    "prompt) or `iclight_sd15_fbc.safetensors` (light of a background) there, from "
    "[huggingface.co/lllyasviel/ic-light](https://huggingface.co/lllyasviel/ic-light), and reload the page."
)
_SUBJECT_LABEL = ("Subject", "Subject (empty: the tab's picture)")
_LIGHT_MAP_LABEL = ("Light map", "Light map (empty, with a subject on the left: the tab's picture)")
_LIGHT_LABELS = {
    Light.NONE: "Prompt only",
    Light.LEFT: "Left",
    Light.RIGHT: "Right",
    Light.TOP: "Top",
    Light.BOTTOM: "Bottom",
    Light.AMBIENT: "All around",
    Light.CUSTOM: "Light map of my own",
}
_BACKGROUND_LABELS = {
    Background.IMAGE: "Picture",
    Background.MIRRORED: "Picture, mirrored",
    Background.LEFT: "Light from the left",
    Background.RIGHT: "Right",
    Background.TOP: "Top",
    Background.BOTTOM: "Bottom",
    Background.AMBIENT: "Even grey",
}
_CUTOUT_LABELS = {
    Cutout.GRABCUT: "GrabCut (a picture's own transparency wins)",
    Cutout.NONE: "Take the picture as it is",
}


def _model_choices(folder: Path) -> tuple[list[tuple[str, str]], str | None, Kind]:
    """The dropdown's entries, the one to begin with, and its kind."""
    kinds: dict[str, Kind] = {}
    for path in list_models(folder):
        try:
            kinds[path.name] = kind_of(path)
        except ICLightError:  # no IC-Light model: not offered
            continue
    choices = [(f"{name} ({kind.value})", name) for name, kind in kinds.items()]
    chosen = next((name for name, kind in kinds.items() if kind is Kind.FOREGROUND), next(iter(kinds), None))
    return choices, chosen, kinds.get(chosen, Kind.FOREGROUND)


def _picture(label: str, visible: bool = True, **name: str) -> gr.Image:
    picture = gr.Image(label=label, type="pil", image_mode="RGBA", height=320, visible=visible, **name)
    picture.do_not_save_to_config = True
    return picture


def _radio(label: str, choices: type[Enum], labels: dict[Any, str], **name: str) -> gr.Radio:
    default = next(iter(choices))
    return gr.Radio([(labels[each], each.value) for each in choices], value=default.value, label=label, **name)


def _slider(field: str, label: str, step: float, visible: bool = True, **name: str) -> gr.Slider:
    low, high = limits(field)
    default = RelightRequest.__fields__[field].default
    return gr.Slider(low, high, default, step=step, label=label, visible=visible, **name)


def _connect(
    parts: dict[str, Any], light_group: Any, background_group: Any, missing: Any, folder: Path, is_img2img: bool
) -> None:
    """Show only what goes with the chosen model and light."""

    def on_model(name: str | None) -> tuple[Any, Any]:
        kind = _kind_or_default(folder, name)
        return gr.update(visible=kind is Kind.FOREGROUND), gr.update(visible=kind is Kind.BACKGROUND)

    def on_light(light: str) -> tuple[Any, Any]:
        # in img2img the tab's own slider says how closely the light is followed
        shows_denoise = light != Light.NONE.value and not is_img2img
        return gr.update(visible=light == Light.CUSTOM.value), gr.update(visible=shows_denoise)

    def on_background(background: str) -> Any:
        return gr.update(visible=background in (Background.IMAGE.value, Background.MIRRORED.value))

    quiet = {"show_progress": "hidden", "queue": False}
    parts["model"].change(on_model, parts["model"], [light_group, background_group], **quiet)
    parts["light"].change(on_light, parts["light"], [parts["light_map"], parts["light_denoise"]], **quiet)
    parts["background"].change(on_background, parts["background"], parts["background_image"], **quiet)


def _kind_or_default(folder: Path, name: str | None) -> Kind:
    try:
        return kind_of(folder / name) if name else Kind.FOREGROUND
    except ICLightError:
        return Kind.FOREGROUND


def _infotext_fields(parts: dict[str, Any]) -> list[tuple[Any, str | Callable]]:
    settings = ("model", "strength", "cutout", "light", "light_denoise", "background")
    enabled = (parts["enabled"], lambda params: infotext_name("model") in params)
    return [enabled, *((parts[field], infotext_name(field)) for field in settings)]
