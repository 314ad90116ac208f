"""The file that the web UI loads: `lib_iclight`'s hooks as one of its Scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from modules import extensions, script_callbacks, scripts, shared
from modules.ui_components import InputAccordion
from modules_forge.forge_canvas.canvas import ForgeCanvas
from starlette.exceptions import HTTPException

import lib_iclight
from iclight_neighbours import misdirected, notice, other_extensions

OWN = Path(__file__).parents[1]
PACKAGE = Path(lib_iclight.__path__[0])
"""Another extension's, if that one was loaded first and calls its package so too: then nothing of ours can be."""

ACTIVE = [PACKAGE.parent, *(Path(extension.path) for extension in extensions.active())]
OTHERS = other_extensions(ACTIVE, OWN)
NOTICE = notice(OTHERS) if OTHERS else None
if NOTICE:
    print(f"IC Light: {NOTICE}")

if PACKAGE.samefile(OWN / "lib_iclight"):
    from lib_iclight.api import add_routes
    from lib_iclight.errors import ICLightError
    from lib_iclight.hosts.forge import ForgeHost
    from lib_iclight.relight import Generation, RelightHooks
    from lib_iclight.ui.cutout import with_strokes
    from lib_iclight.ui.panel import build_panel
    from lib_iclight.ui.settings import register_settings

    # Forge's canvas forgets a stroke that ends outside the picture. As long as the pointer is captured it never leaves.
    CAPTURE = """() => {{
        const drawn = document.querySelector("#{} .forge-drawing-canvas");
        drawn?.addEventListener("pointerdown", (event) => {{
            if (event.button === 0) drawn.setPointerCapture(event.pointerId);
        }});
    }}"""

    def _canvas(elem_id: str) -> ForgeCanvas:
        canvas = ForgeCanvas(no_upload=True, scribble_color="#ffffff", scribble_width=2, height=400, elem_id=elem_id)
        gr.context.Context.root_block.load(None, js=CAPTURE.format(elem_id))
        return canvas

    class ICLightScript(RelightHooks, scripts.Script):
        """Holds nothing: the web UI makes one for each tab and shares it between all generations."""

        host = ForgeHost()

        def show(self, is_img2img: bool) -> object:
            return scripts.AlwaysVisible

        def ui(self, is_img2img: bool) -> list[Any]:
            panel = build_panel(is_img2img, InputAccordion, _canvas, self.host, NOTICE)
            self.infotext_fields = panel.infotext_fields
            return [*panel.components, panel.strokes]

        def _requested(self, p: Any, args: Any) -> Generation | None:
            if NOTICE and misdirected(p, self):
                raise ICLightError(NOTICE)
            return super()._requested(p, with_strokes(args))

    def _add_routes(_: Any, app: Any) -> None:
        host = ICLightScript.host
        add_routes(app, host.models_folders, host.api_credentials())

    # Forge's `on_…` functions find out who calls them by reading every file on the stack: 70 ms each.
    register_settings()
    if shared.cmd_opts.api or shared.cmd_opts.nowebui:
        started = script_callbacks.callback_map["callbacks_app_started"]
        script_callbacks.add_callback(started, _add_routes, category="app_started", filename=__file__)

else:

    class ICLightNotice(scripts.Script):
        """Stands in for the extension: says what to do, and refuses what is asked for over the API."""

        def title(self) -> str:
            return "IC Light"

        def show(self, is_img2img: bool) -> object:
            return scripts.AlwaysVisible

        def ui(self, is_img2img: bool) -> list[Any]:
            gr.Markdown(NOTICE)
            return [gr.Checkbox(False, visible=False)]  # the place of an API request

        def process_before_every_sampling(self, p: Any, asked: Any, **kwargs: Any) -> None:
            if asked or misdirected(p, self):
                # what a hook raises is printed and forgotten; what the sampler raises stops the generation
                p.sampler.sample = p.sampler.sample_img2img = _refuse

    def _refuse(*args: Any, **kwargs: Any) -> None:
        raise HTTPException(422, NOTICE)
