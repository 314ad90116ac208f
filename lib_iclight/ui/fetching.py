"""The offer to fetch a chosen model that is not there, with its progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ..errors import ICLightError
from ..weights.jobs import FetchJob, JobState, job, start
from ..weights.manifest import ManifestFile
from .choices import Folders, size_text
from .parts import QUIET, UNNAMED

_SECONDS_BETWEEN = 0.5


@dataclass(frozen=True)
class FetchOffer:
    """What is shown below a choice of models. Hidden as long as the chosen model is there."""

    box: gr.Group
    text: gr.Markdown
    fetch: gr.Button
    cancel: gr.Button

    @property
    def parts(self) -> list[Any]:
        """The components, in the order in which events update them."""
        return [self.box, self.text, self.fetch, self.cancel]


def build_offer(name: str, file: ManifestFile | None, folders: Folders) -> FetchOffer:
    """Build it; :func:`connect_offer` makes it work.

    :param name: what the elements' ids begin with.
    :param file: what is missing when the page opens.
    """
    with gr.Group(visible=file is not None, elem_id=f"{name}_offer") as box:
        text = gr.Markdown(_offered(file, folders()[0]) if file else "", elem_id=f"{name}_offer_text")
        fetch = gr.Button("Fetch it", variant="primary", elem_id=f"{name}_fetch")
        cancel = gr.Button("Cancel", visible=False, elem_id=f"{name}_cancel")
    return FetchOffer(box, text, fetch, cancel)


def connect_offer(
    offer: FetchOffer,
    choice: gr.Dropdown,
    missing: Callable[[str | None], ManifestFile | None],
    folders: Folders,
    relisted: Callable[[], Any],
    damage: Callable[[str | None], str | None] = lambda value: None,
) -> None:
    """Show the offer when a model is chosen that isn't there, and fetch it when the user says so.

    :param missing: the file that a choice needs and that isn't there.
    :param relisted: the choice's list, once a file has come.
    :param damage: what is wrong with a choice's file that is there, as a sentence.
    """

    def on_choice(value: str | None) -> tuple[Any, ...]:
        file, wrong = missing(value), damage(value)
        if file is None:
            return _shown(wrong or "", visible=bool(wrong))
        running = _running(file)
        return _progress(running) if running else _shown(wrong or _offered(file, folders()[0]), fetch=True)

    def on_fetch(value: str | None) -> Iterator[tuple[Any, ...]]:
        file = missing(value)
        if file is None:
            yield (*_shown(visible=False), relisted())
            return
        try:
            running = start(file, folders()[0])
        except ICLightError as error:
            yield (*_shown(str(error), fetch=True), gr.update())
            return
        while not running.wait(_SECONDS_BETWEEN):
            yield (*_progress(running), gr.update())
        if running.state is JobState.DONE:
            yield (*_shown(visible=False), relisted())
        else:
            yield (*_shown(running.sentence, fetch=True), gr.update())

    def on_cancel(value: str | None) -> None:
        file = missing(value)
        running = file and _running(file)
        if running:
            running.cancel()

    fetching = offer.fetch.click(
        on_fetch, choice, [*offer.parts, choice], show_progress="hidden", concurrency_limit=None, **UNNAMED
    )
    # the fetch itself goes on, but no longer has this offer to itself
    choice.change(on_choice, choice, offer.parts, cancels=[fetching], **QUIET)
    offer.cancel.click(on_cancel, choice, None, **QUIET)


def _running(file: ManifestFile) -> FetchJob | None:
    running = job(file.name)
    return running if running and running.state is JobState.RUNNING else None


def _offered(file: ManifestFile, folder: Path) -> str:
    return (
        f"**{file.name}** is not there yet: {size_text(file.size)}, {file.licence}, by {file.author}. "
        f"It goes to `{folder}`. [Where it comes from]({file.url})"
    )


def _progress(running: FetchJob) -> tuple[Any, ...]:
    return _shown(f"**{running.file.name}**: {running.progress}", cancel=True)


def _shown(text: str = "", fetch: bool = False, cancel: bool = False, visible: bool = True) -> tuple[Any, ...]:
    updates = (gr.update(visible=visible), gr.update(value=text))
    return (*updates, gr.update(visible=fetch), gr.update(visible=cancel))
