"""What stands in for the extension where it can't be used: it says why, and refuses.

Loaded by its path, because `lib_iclight` may be another extension's: all that is asked of that is where it lies.
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


class NotRelit(HTTPException):
    """APIs answer with its status and `detail`; pages show `str(error)`, which starlette leaves empty."""

    def __str__(self) -> str:
        return self.detail


class ICLightNotice(scripts.Script):
    """Says what to do, and refuses what is asked for over the API."""

    notice = ""
    """Why there is no panel; set by whoever loads this file."""

    def title(self) -> str:
        return "IC Light"

    def show(self, is_img2img: bool) -> object:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        gr.HTML(html.escape(self.notice))
        return [gr.Checkbox(False, visible=False)]  # the place of an API request

    def process(self, p: Any, asked: Any, *args: Any) -> None:
        if asked or misdirected(p, self):
            # what a hook raises is printed and forgotten; what the sampling raises stops the generation
            p.sample = self._refuse

    def _refuse(self, *args: Any, **kwargs: Any) -> None:
        raise NotRelit(422, self.notice)


def find_other_package() -> str:
    """What to say where another extension's package was loaded in the place of this one."""
    folders = [Path(lib_iclight.__path__[0]).parent, *(Path(extension.path) for extension in extensions.active())]
    return find_notice(Path(__file__).parents[2], folders) or ""
