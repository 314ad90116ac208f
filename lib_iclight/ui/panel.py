"""The panel in txt2img and img2img: one component for each field of the request, in its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import gradio as gr

from ..relight import TITLE
from ..request import Background, Cutout, Kind, Light, RelightRequest, infotext_name, limits
from ..weights import known_models


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
        with gr.Row():
            parts["model"] = gr.Dropdown(choices, value=chosen, label="Model", **named("model"))
            refresh = gr.Button("🔄", scale=0, min_width=40, elem_classes=["tool"], **named("refresh"))
        missing = gr.Markdown(_MISSING, visible=not choices)
        with gr.Row(variant="compact"):
            with gr.Group():
                parts["subject"] = _picture(_SUBJECT_LABEL[is_img2img], **named("subject"))
                parts["cutout"] = _radio(
                    "Cut out the subject", Cutout, _CUTOUT_LABELS, info=_CUTOUT_INFO, **named("cutout")
                )
            with gr.Column(visible=kind is Kind.FOREGROUND, min_width=280) as light_group:
                parts["light"] = _radio("Light comes from", Light, _LIGHT_LABELS, **named("light"))
                parts["light_map"] = _picture(_LIGHT_MAP_LABEL[is_img2img], visible=False, **named("light_map"))
                parts["light_denoise"] = _slider(
                    "light_denoise", 0.01, info=_LIGHT_DENOISE_INFO, visible=False, **named("light_denoise")
                )
            with gr.Column(visible=kind is Kind.BACKGROUND, min_width=280) as background_group:
                parts["background"] = _radio(
                    "Background", Background, _BACKGROUND_LABELS, info=_BACKGROUND_INFO, **named("background")
                )
                parts["background_image"] = _picture("Background picture", **named("background_image"))
        with gr.Row(variant="compact"):
            parts["strength"] = _slider("strength", 0.05, **named("strength"))
            parts["show_subject"] = gr.Checkbox(
                False, label="Show the subject as the model sees it", **named("show_subject")
            )
    _connect(parts, light_group, background_group, models_folder, is_img2img)
    refresh.click(lambda: _refreshed(parts["model"], models_folder), None, [parts["model"], missing], **_QUIET)
    return Panel([parts[field] for field in RelightRequest.__fields__], _infotext_fields(parts))


_QUIET = {"show_progress": "hidden", "queue": False}

_MISSING = (
    "There is no IC-Light model in `models/ic-light`. Put `iclight_sd15_fc.safetensors` (light by direction and "
    "prompt) or `iclight_sd15_fbc.safetensors` (light of a background) there, from "
    "[huggingface.co/lllyasviel/ic-light](https://huggingface.co/lllyasviel/ic-light), and press 🔄."
)
_SUBJECT_LABEL = ("Subject", "Subject (empty: the tab's picture)")
_LIGHT_MAP_LABEL = ("Light map", "Light map (empty: the tab's picture)")
_CUTOUT_INFO = "A transparent picture is cut out already."
_BACKGROUND_INFO = "A picture, or a plain one, bright on one side."
_LIGHT_DENOISE_INFO = "Lower follows the light more."
_CUTOUT_LABELS = {
    Cutout.GRABCUT: "By GrabCut",
    Cutout.NONE: "No, as it is",
}
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


def _model_choices(folder: Path) -> tuple[list[tuple[str, str]], str | None, Kind]:
    """The dropdown's entries, the one to begin with, and its kind."""
    kinds = {path.name: kind for path, kind in known_models(folder).items()}
    choices = [(f"{name} ({kind.value})", name) for name, kind in kinds.items()]
    chosen = next((name for name, kind in kinds.items() if kind is Kind.FOREGROUND), next(iter(kinds), None))
    return choices, chosen, kinds.get(chosen, Kind.FOREGROUND)


def _refreshed(dropdown: gr.Dropdown, folder: Path) -> tuple[Any, Any]:
    """The list and the hint, after files were added or removed. What is chosen stays, also a name just pasted."""
    choices, chosen, _ = _model_choices(folder)
    first = {} if dropdown.choices else {"value": chosen}
    dropdown.choices = choices  # gradio checks what the page sends against these
    return gr.update(choices=choices, **first), gr.update(visible=not choices)


def _picture(label: str, visible: bool = True, **name: str) -> gr.Image:
    # no image_mode: gradio's own conversion would turn 16-bit greyscale white, `Picture` takes any mode
    return gr.Image(label=label, type="pil", image_mode=None, interactive=True, height=280, visible=visible, **name)


def _radio(label: str, choices: type[Enum], labels: dict[Any, str], info: str | None = None, **name: str) -> gr.Radio:
    default = next(iter(choices))
    pairs = [(labels[each], each.value) for each in choices]
    return gr.Radio(pairs, value=default.value, label=label, info=info, **name)


def _slider(field: str, step: float, info: str | None = None, visible: bool = True, **name: str) -> gr.Slider:
    low, high = limits(field)
    default = RelightRequest.__fields__[field].default
    label = field.replace("_", " ").capitalize()
    return gr.Slider(low, high, default, step=step, label=label, info=info, visible=visible, **name)


def _connect(parts: dict[str, Any], light_group: Any, background_group: Any, folder: Path, is_img2img: bool) -> None:
    """Show only what goes with the chosen model and light."""

    def on_model(name: str | None) -> tuple[Any, Any]:
        kind = known_models(folder).get(folder / name, Kind.FOREGROUND) if name else Kind.FOREGROUND
        return gr.update(visible=kind is Kind.FOREGROUND), gr.update(visible=kind is Kind.BACKGROUND)

    def on_light(light: str) -> tuple[Any, Any]:
        # in img2img the tab's own slider says how closely the light is followed
        shows_denoise = light != Light.NONE.value and not is_img2img
        return gr.update(visible=light == Light.CUSTOM.value), gr.update(visible=shows_denoise)

    def on_background(background: str) -> Any:
        return gr.update(visible=background in (Background.IMAGE.value, Background.MIRRORED.value))

    parts["model"].change(on_model, parts["model"], [light_group, background_group], **_QUIET)
    parts["light"].change(on_light, parts["light"], [parts["light_map"], parts["light_denoise"]], **_QUIET)
    parts["background"].change(on_background, parts["background"], parts["background_image"], **_QUIET)


def _infotext_fields(parts: dict[str, Any]) -> list[tuple[Any, str | Callable]]:
    settings = ("model", "strength", "cutout", "light", "light_denoise", "background")
    enabled = (parts["enabled"], lambda params: infotext_name("model") in params)
    return [enabled, *((parts[field], infotext_name(field)) for field in settings)]
