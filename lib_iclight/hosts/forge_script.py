"""The extension as one of Forge's Scripts: the panel in both tabs, the hooks, the settings and the API's routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from modules import extensions, script_callbacks, scripts, shared
from modules.ui_components import InputAccordion
from modules_forge.forge_canvas.canvas import ForgeCanvas

from iclight_neighbours import find_notice, misdirected

from ..api import add_routes
from ..errors import ICLightError
from ..hooks import RelightHooks
from ..setting_types import Tab
from ..ui.cutout_preview import with_strokes
from ..ui.panel import build_panel
from .forge import forge_host
from .forge_webui import ForgeWebUI, register_settings

# Forge's canvas forgets a stroke that ends outside the picture. As long as the pointer is captured it never leaves.
_CAPTURE = """() => {{
    const drawn = document.querySelector("#{} .forge-drawing-canvas");
    drawn?.addEventListener("pointerdown", (event) => {{
        if (event.button === 0) drawn.setPointerCapture(event.pointerId);
    }});
}}"""


def build_canvas(elem_id: str) -> ForgeCanvas:
    """Forge's own canvas, to paint a cut-out's mask on."""
    canvas = ForgeCanvas(no_upload=True, scribble_color="#ffffff", scribble_width=2, height=400, elem_id=elem_id)
    gr.context.Context.root_block.load(None, js=_CAPTURE.format(elem_id))
    return canvas


class ICLightScript(RelightHooks, scripts.Script):
    """Holds nothing of any generation: the web UI makes one for each tab and shares it between all of them."""

    host = forge_host()

    notice: str | None = None
    """What to say about another IC-Light extension, if there is one."""

    def show(self, is_img2img: bool) -> object:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        tab = Tab.IMG2IMG if is_img2img else Tab.TXT2IMG
        panel = build_panel(tab, InputAccordion, build_canvas, self.host, self.notice)
        self.infotext_fields = panel.infotext_fields
        return [*panel.components, panel.strokes]

    def relight_args(self, p: Any, args: tuple[Any, ...]) -> list[Any]:
        if self.notice and misdirected(p, self):
            raise ICLightError(self.notice)
        return with_strokes(args)


def register(filename: str) -> None:
    """Add the settings and, where there is an API, its routes; look for other IC-Light extensions.

    :param filename: the script's, as Forge names callbacks by it.
    """
    active = [Path(extension.path) for extension in extensions.active()]
    ICLightScript.notice = find_notice(Path(filename).parents[1], active)
    # Forge's `on_…` functions find out who calls them by reading every file on the stack: 70 ms each.
    register_settings()
    if shared.cmd_opts.api or shared.cmd_opts.nowebui:
        started = script_callbacks.callback_map["callbacks_app_started"]
        script_callbacks.add_callback(started, _add_routes, category="app_started", filename=filename)


def _add_routes(_: Any, app: Any) -> None:
    webui = ForgeWebUI()
    add_routes(app, webui.models_folders, webui.api_credentials())
