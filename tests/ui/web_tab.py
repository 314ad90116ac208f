"""A web UI's tab around the panel: components with the ids that the whole family has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from lib_iclight.hosts import Host
from lib_iclight.hosts.tab import TabPart, TabWatch
from lib_iclight.setting_types import Tab
from lib_iclight.ui.panel import Panel, build_panel

from .test_panel import Canvas, WebUI, input_accordion

SAMPLERS = ["Euler a", "DPM++ 2M", "DPM++ 2M SDE"]

MAKERS: dict[TabPart, Callable[..., Any]] = {
    TabPart.PROMPT: gr.Textbox,
    TabPart.SAMPLER: lambda **how: gr.Dropdown(SAMPLERS, value="Euler a", **how),
    TabPart.SCHEDULER: lambda **how: gr.Dropdown(["Automatic", "Karras"], value="Automatic", **how),
    TabPart.STEPS: lambda **how: gr.Slider(1, 150, value=20, step=1, **how),
    TabPart.WIDTH: lambda **how: gr.Slider(64, 2048, value=512, step=8, **how),
    TabPart.HEIGHT: lambda **how: gr.Slider(64, 2048, value=768, step=8, **how),
    TabPart.CFG: lambda **how: gr.Slider(1, 30, value=2, **how),
    TabPart.DENOISING: lambda **how: gr.Slider(0, 1, value=0.95, **how),
    TabPart.HIRES: gr.Checkbox,
    TabPart.HIRES_UPSCALER: lambda **how: gr.Dropdown(["Latent", "Lanczos"], value="Latent", **how),
    TabPart.HIRES_SCALE: lambda **how: gr.Slider(1, 4, value=2, **how),
    TabPart.HIRES_STEPS: lambda **how: gr.Slider(0, 150, value=10, step=1, **how),
    TabPart.HIRES_CFG: lambda **how: gr.Slider(1, 30, value=2, **how),
    TabPart.RESIZE_TO: gr.Tab,
    TabPart.RESIZE_BY: gr.Tab,
}
ONLY_TXT2IMG = [part for part in TabPart if part.name.startswith("HIRES")]
ONLY_IMG2IMG = [TabPart.RESIZE_TO, TabPart.RESIZE_BY]

PARTS = {
    Tab.TXT2IMG: [part for part in TabPart if part not in ONLY_IMG2IMG],
    Tab.IMG2IMG: [part for part in TabPart if part not in ONLY_TXT2IMG],
}


@dataclass(frozen=True)
class WebTab:
    """A page with one tab."""

    tab: Tab
    blocks: gr.Blocks
    panel: Panel
    parts: dict[TabPart, Any]

    def events(self, component: Any, name: str) -> list[Any]:
        """What happens at a component's event."""
        return [each for each in self.blocks.fns.values() if (component._id, name) in map(tuple, each.targets)]

    def block(self, name: str) -> Any:
        """The panel's element of that name."""
        elem_id = f"iclight_{self.tab.value}_{name}"
        (found,) = [each for each in self.blocks.blocks.values() if each.elem_id == elem_id]
        return found

    def happens(self, component: Any, event: str, output: Any, given: dict[Any, Any]) -> Any:
        """What an output is told at a component's event, beside values that components were set to before."""
        (function,) = [each for each in self.events(component, event) if output in each.outputs]
        answer = function.fn(*(given.get(each, each.value) for each in function.inputs))
        return answer if len(function.outputs) == 1 else answer[function.outputs.index(output)]


def build_tab(
    tab: Tab,
    folder: Path,
    webui: WebUI | None = None,
    *,
    before: Sequence[TabPart] | None = None,
    after: Sequence[TabPart] = (),
) -> WebTab:
    """Build a tab as a web UI does: parts, the panel, more parts, and the gallery.

    :param before: the parts that are made before the panel; None: all that the tab has.
    """
    watch = TabWatch()
    parts: dict[TabPart, Any] = {}

    def make(part: TabPart) -> None:
        parts[part] = MAKERS[part](elem_id=f"{tab.value}_{part.value}")
        watch.add(parts[part])

    with gr.Blocks() as blocks:
        for part in PARTS[tab] if before is None else before:
            make(part)
        panel = build_panel(tab, input_accordion, Canvas, Host(webui or WebUI(folder), None, None))
        watch.when_complete(panel.connect_to_tab)
        for part in after:
            make(part)
        watch.add(gr.Gallery(elem_id=f"{tab.value}_gallery"))
    return WebTab(tab, blocks, panel, parts)
