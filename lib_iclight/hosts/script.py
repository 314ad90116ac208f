"""The extension as one of the web UI's Scripts: the panel in both tabs, the hooks, the settings, the API's routes."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any

import gradio as gr
from modules import extensions, script_callbacks, scripts, shared
from modules.ui_components import InputAccordion

from iclight_neighbours import find_notice, misdirected

from ..api import add_routes
from ..errors import ICLightError, report
from ..hooks import RelightHooks
from ..setting_types import Tab
from ..ui.cutout_preview import with_strokes
from ..ui.markup import as_html_text
from ..ui.panel import build_panel
from .canvas import CANVAS
from .find import find_host
from .tab import TabWatch
from .webui import ForgeWebUI, register_settings


class ICLightScript(RelightHooks, scripts.Script):
    """Holds nothing of any generation: the web UI makes one for each tab and shares it between all of them."""

    host = find_host()

    notice: str | None = None
    """What to say about another IC-Light extension, if there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.tab_watch = TabWatch()
        self.as_built: list[Any] = []
        """The tab's components with the values they were built with, before saved defaults were set."""

    def show(self, is_img2img: bool) -> object:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        """The panel's components, in the order of :meth:`relight_args`' values."""
        if self.as_built:  # the API asks twice more, for nothing but what the components held at first
            return self.as_built
        tab = Tab.IMG2IMG if is_img2img else Tab.TXT2IMG
        try:
            panel = build_panel(tab, InputAccordion, CANVAS, self.host, self.notice)
        except Exception as error:  # web UIs lose their whole API to it
            report(error)
            gr.HTML(as_html_text(f"IC-Light has no panel here, because it could not be built ({error!r})."))
            return [gr.Checkbox(False, visible=False)]  # the place of an API request
        self.infotext_fields = panel.infotext_fields
        self.tab_watch.when_complete(panel.connect_to_tab)
        components = [*panel.components, panel.strokes]
        self.as_built = [copy.copy(component) for component in components]
        return components

    def after_component(self, component: Any, **_: Any) -> None:
        self.tab_watch.add(component)

    def relight_args(self, p: Any, args: tuple[Any, ...]) -> list[Any]:
        if self.notice and misdirected(p, self):
            raise ICLightError(self.notice)
        return with_strokes(args, CANVAS.strokes)


def register(filename: str) -> None:
    """Add the settings and, where there is an API, its routes; look for other IC-Light extensions.

    :param filename: the script's, as web UIs name callbacks by it.
    """
    active = [Path(extension.path) for extension in extensions.active()]
    ICLightScript.notice = find_notice(Path(filename).parents[1], active)
    register_settings()
    if shared.cmd_opts.api or shared.cmd_opts.nowebui:
        _when_started(filename)


def _when_started(filename: str) -> None:
    # The `on_…` functions find out who calls them by reading every file on the stack: 70 ms each.
    started = script_callbacks.callback_map["callbacks_app_started"]
    if "filename" in inspect.signature(script_callbacks.add_callback).parameters:
        script_callbacks.add_callback(started, _add_routes, category="app_started", filename=filename)
    else:
        started.append(script_callbacks.ScriptCallback(filename, _add_routes))


def _add_routes(_: Any, app: Any) -> None:
    add_routes(app, ICLightScript.host, ForgeWebUI().api_credentials())
