"""A Forge extension for the benchmark only: what of a start is this extension's.

Link it as `aa-clock`, so that it is loaded before the extension under test, and ask for `/iclight-clock` once the web
UI has started. It changes nothing.
"""

from __future__ import annotations

import functools
import sys
import time
import timeit
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from modules import script_callbacks, script_loading, scripts

MEASURED = Path("sd-forge-iclight", "scripts", "ic_light.py").parts
"""How the path of the script under test ends."""

LOOKS = 15
"""How often the panels' parts are listed; the fastest counts, as what else happens only adds to it."""


class Clock:
    """Seconds by what they were spent on; of what happens inside of something else, the outer one's.

    They are those of the thread that builds the page: reForge loads its checkpoint beside it, and a thread that waits
    for another adds nothing.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.looks: list[set[int]] = []
        """The page's parts each time that gradio has listed them."""
        self.blocks: set[int] = set()
        """The panels' parts."""
        self._is_running = False

    @contextmanager
    def run(self, name: str) -> Iterator[None]:
        """Take the time of something."""
        if self._is_running:
            yield
            return
        self._is_running, before, begin = True, _built(), time.thread_time()
        try:
            yield
        finally:
            self.seconds[name] += time.thread_time() - begin
            self.blocks |= _built() - before
            self._is_running = False

    def watch(self, owner: Any, name: str, kind: str) -> None:
        """Take the time of a function whenever it is called."""
        watched = getattr(owner, name)

        @functools.wraps(watched)
        def call(*arguments: Any, **named: Any) -> Any:
            with self.run(kind):
                return watched(*arguments, **named)

        setattr(owner, name, call)


def _built() -> set[int]:
    page = gr.context.Context.root_block
    return set() if page is None else set(page.blocks)


def _is_measured(path: str) -> bool:
    return Path(path).parts[-len(MEASURED) :] == MEASURED


clock = Clock()


def wrap_loading(load: Callable[[str], Any]) -> Callable[[str], Any]:
    """Take the time of loading the script, and have its functions watched."""

    def load_module(path: str) -> Any:
        if not _is_measured(path):
            return load(path)
        with clock.run("import"):
            module = load(path)
        clock.watch(module.ICLightScript, "ui", "panels")
        clock.watch(sys.modules["lib_iclight.ui.tab_help"].TabHelp, "connect", "panels")
        clock.watch(sys.modules[module.ICLightScript.__module__], "add_routes", "API")
        return module

    return load_module


def wrap_building(build: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Take the time of what the web UI does with the panel, too."""

    def create_script_ui(runner: Any, script: Any) -> Any:
        if not _is_measured(script.filename):
            return build(runner, script)
        with clock.run("panels"):
            return build(runner, script)

    return create_script_ui


def wrap_listing(list_parts: Callable[..., Any]) -> Callable[..., Any]:
    """Note each time that gradio lists a page's parts."""

    @functools.wraps(list_parts)
    def get_config_file(page: Any, *arguments: Any, **named: Any) -> Any:
        clock.looks.append(set(page.blocks))
        return list_parts(page, *arguments, **named)

    return get_config_file


def measure_look(page: Any, list_parts: Callable[..., Any]) -> float:
    """Seconds that the panels' parts and events take of one listing of all of the page's."""
    parts, functions = page.blocks, page.fns if hasattr(page, "default_config") else {}
    own_parts = {number: part for number, part in parts.items() if number in clock.blocks}
    own_functions = {number: each for number, each in functions.items() if _is_of_panels(each)}
    seconds = []
    try:
        for listed in ((own_parts, own_functions), ({}, {})):
            _set_parts(page, *listed)
            listings = timeit.repeat(lambda: list_parts(page), timer=time.thread_time, repeat=LOOKS, number=1)
            seconds.append(min(listings))
    finally:
        _set_parts(page, parts, functions)
    return seconds[0] - seconds[1]


def _set_parts(page: Any, parts: Any, functions: Any) -> None:
    page.blocks = parts
    if hasattr(page, "default_config"):  # gradio 3 lists events at no cost
        page.default_config.fns = functions


def _is_of_panels(function: Any) -> bool:
    touched = {number for number, _ in function.targets} | {part._id for part in function.outputs}
    return bool(touched & clock.blocks)


def tell(page: Any, app: Any) -> None:
    """Have the web UI answer what was measured."""

    @app.get("/iclight-clock")
    def answer() -> dict[str, float]:
        looks, clock.looks = clock.looks, []
        times = sum(len(clock.blocks & look) for look in looks) / len(clock.blocks)
        return {**clock.seconds, "gradio's lists": times * measure_look(page, original_list)}


original_list = gr.Blocks.get_config_file
script_loading.load_module = wrap_loading(script_loading.load_module)
scripts.ScriptRunner.create_script_ui = wrap_building(scripts.ScriptRunner.create_script_ui)
gr.Blocks.get_config_file = wrap_listing(gr.Blocks.get_config_file)
script_callbacks.on_app_started(tell)
