"""A small page that relights, for this machine's own browser."""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from lib_iclight.errors import ICLightError
from lib_iclight.lights import Background, Light
from lib_iclight.ui.parts import QUIET, UNNAMED, build_picture, build_setting
from lib_iclight.weights.kind import Kind

from .model_files import SMALL, choose_models
from .relighter import PROMPT, SEED, Relighter, check_number, choose_size

ADDRESS = "127.0.0.1"
"""The page is served to this machine alone."""

_KINDS = {Kind.FOREGROUND: "A side", Kind.BACKGROUND: "A background"}
_LIGHTS = {
    Light.LEFT: "Left",
    Light.RIGHT: "Right",
    Light.TOP: "Top",
    Light.BOTTOM: "Bottom",
    Light.AMBIENT: "All around",
    Light.NONE: "Prompt only",
}


def run(options: argparse.Namespace) -> int:
    """Serve the page until Ctrl+C.

    :returns: the exit status.
    :raises ICLightError: an option or a file is wrong, or the port is taken.
    """
    for name in ("steps", "size", "port"):
        if getattr(options, name) is not None:
            check_number(name, getattr(options, name), f"--{name}")
    models = choose_models(options.checkpoint, options.iclight, options.small)
    print(models.note)
    page = build(Relighter(models), options.steps, options.size or models.side)
    try:
        serve(page, options.port, wait=True)
    finally:
        page.close(verbose=False)
    return 0


def serve(page: gr.Blocks, port: int | None, wait: bool) -> str:
    """Open the page.

    :param port: None takes the first that is free from 7860 on.
    :param wait: return when the server ends, else at once.
    :returns: the page's address.
    :raises ICLightError: the port is taken.
    """
    for name in ("no_proxy", "NO_PROXY"):  # gradio looks whether its own address answers, by a proxy if there is one
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), ADDRESS]))
    try:
        _, address, _ = page.queue().launch(
            server_name=ADDRESS, server_port=port, share=False, show_api=False, quiet=True, prevent_thread_lock=True
        )
    except OSError as error:
        raise ICLightError(f"The page can't be served at {ADDRESS}: {error} Give another --port.") from error
    print(f"Open {address} in a browser. Ctrl+C ends it.", flush=True)
    if wait:
        page.block_thread()
    return address


def build(relighter: Relighter, steps: int, side: int) -> gr.Blocks:
    """Build the page.

    :param steps: of every relight.
    :param side: of a square picture, in pixels.
    """
    models = relighter.models
    kinds = [(_KINDS[kind], kind.value) for kind in _KINDS if kind in models.iclight]
    parts: dict[str, Any] = {}
    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])  # none that is fetched
    with gr.Blocks(theme, title="IC-Light", analytics_enabled=False) as page:
        gr.Markdown(f"## IC-Light\n{models.note}")
        with gr.Row():
            with gr.Column():
                parts["subject"] = build_picture(label="Subject", elem_id="subject")
                gr.Examples(
                    [[str(path)] for path in sorted(SMALL.glob("*.png"))], parts["subject"], api_name=False, label=None
                )
                parts["prompt"] = gr.Textbox(PROMPT, label="Prompt")
                parts["kind"] = gr.Radio(kinds, value=kinds[0][1], label="The light is that of")
                lights = [(label, light.value) for light, label in _LIGHTS.items()]
                parts["light"] = gr.Radio(lights, value=Light.LEFT.value, label="Light comes from")
                parts["background_image"] = build_picture(
                    label="Background picture (empty: a plain one, bright on the side above)",
                    visible=kinds[0][1] == Kind.BACKGROUND.value,
                )
            with gr.Column():
                result = gr.Image(label="Relit", format="png", interactive=False)
                button = gr.Button("Relight", variant="primary")
                _build_numbers(parts)
                shown = gr.Image(label="Subject, as the model sees it", format="png", interactive=False, height=200)
    _connect(page, parts, button, [result, shown], relighter, steps, side)
    return page


def _build_numbers(parts: dict[str, Any]) -> None:
    has_light = parts["kind"].value == Kind.FOREGROUND.value
    parts["light_denoise"] = build_setting("light_denoise", visible=has_light)
    parts["strength"] = build_setting("strength")
    with gr.Row():
        parts["detail_transfer"] = build_setting("detail_transfer")
        parts["colour_keep"] = build_setting("colour_keep")
    parts["seed"] = gr.Number(SEED, label="Seed (-1 draws one)", precision=0)


def _connect(
    page: gr.Blocks, parts: dict[str, Any], button: gr.Button, outputs: list[Any], relighter: Relighter, *size: int
) -> None:
    steps, side = size
    names = list(parts)

    def on_kind(kind: str) -> tuple[Any, Any]:
        with_background = kind == Kind.BACKGROUND.value
        return gr.update(visible=with_background), gr.update(visible=not with_background)

    def on_relight(*values: Any, progress: gr.Progress = gr.Progress()) -> tuple[Image.Image, Image.Image]:  # noqa: B008
        done = itertools.count(1)
        try:
            relit = _relight(
                relighter, dict(zip(names, values, strict=True)), steps, side, lambda: progress((next(done), steps))
            )
        except ICLightError as error:
            raise gr.Error(str(error)) from error
        if relit.comments:
            gr.Warning(relit.comments)
        return relit.image, relit.subject

    with page:
        parts["kind"].change(on_kind, parts["kind"], [parts["background_image"], parts["light_denoise"]], **QUIET)
        button.click(on_relight, [parts[name] for name in names], outputs, **UNNAMED)


def _relight(relighter: Relighter, values: dict[str, Any], steps: int, side: int, on_step: Any) -> Any:
    """:param values: the page's, by name."""
    subject, kind = values["subject"], Kind(values["kind"])
    if subject is None:
        raise ICLightError("There is no subject: give a picture, or click one of the examples.")
    for name in ("subject", "background_image"):
        if isinstance(values[name], str):  # gradio hands over an SVG's path
            raise ICLightError(f"{Path(values[name]).name} is a drawing: give a picture, PNG or JPEG.")
    check_number("seed", values["seed"], "Seed")
    settings = {name: values[name] for name in ("subject", "strength", "detail_transfer", "colour_keep")}
    if kind is Kind.FOREGROUND:
        settings["light"] = values["light"]
        if values["light"] != Light.NONE.value:
            settings["light_denoise"] = values["light_denoise"]
    elif values["background_image"] is not None:
        settings |= {"background": Background.IMAGE.value, "background_image": values["background_image"]}
    elif values["light"] == Light.NONE.value:
        raise ICLightError("A plain background needs a side that is bright: choose one, or give a background picture.")
    else:
        settings["background"] = values["light"]
    width, height = choose_size(subject, side)
    generation = {"prompt": values["prompt"], "seed": values["seed"], "steps": steps, "width": width, "height": height}
    return relighter.relight(kind, settings, on_step, **generation)
