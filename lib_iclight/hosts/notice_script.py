"""What stands in for the extension where an older one's package took the name: it says so, and refuses.

Loaded by its path, because `lib_iclight` is the other extension's then: it imports nothing of this package.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import gradio as gr
from modules import extensions, scripts
from starlette.exceptions import HTTPException

import lib_iclight
from iclight_neighbours import find_notice, misdirected

_FOLDERS = [Path(lib_iclight.__path__[0]).parent, *(Path(extension.path) for extension in extensions.active())]


class ICLightNotice(scripts.Script):
    """Says what to do, and refuses what is asked for over the API."""

    notice = find_notice(Path(__file__).parents[2], _FOLDERS) or ""

    def title(self) -> str:
        return "IC Light"

    def show(self, is_img2img: bool) -> object:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        gr.HTML(html.escape(self.notice))
        return [gr.Checkbox(False, visible=False)]  # the place of an API request

    def process_before_every_sampling(self, p: Any, asked: Any, **kwargs: Any) -> None:
        if asked or misdirected(p, self):
            # what a hook raises is printed and forgotten; what the sampler raises stops the generation
            p.sampler.sample = p.sampler.sample_img2img = self._refuse

    def _refuse(self, *args: Any, **kwargs: Any) -> None:
        raise HTTPException(422, self.notice)
