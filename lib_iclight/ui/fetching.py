"""What is said below a choice of models, the offer to fetch the chosen one, and how its fetch stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ..weights.jobs import FetchJob, JobState, last_fetch, running_fetches, start_fetch
from ..weights.manifest import ManifestFile
from .choices import Description
from .markup import as_markdown_text
from .parts import LASTING, QUIET, listen

Folders = Callable[[], Sequence[Path]]
"""Tells where models may be; fetched ones go to the first."""

_SECONDS_BETWEEN = 0.5

_REFRESH_ALL_PANELS = """() => {
    for (const button of document.querySelectorAll('[id^="iclight_"][id$="_refresh"]')) button.click();
}"""


class FetchOffer(NamedTuple):
    """What stands below a choice of models: what is said of the chosen one, and the fetches that are running."""

    text: gr.Markdown
    fetch: gr.Button
    progress: gr.Markdown
    cancel: gr.Button

    describe: Callable[[str | None], Description]
    """What is said of a choice, as things are on disk."""

    is_for: Callable[[ManifestFile], bool]
    """Whether a file is one of those that can be chosen here."""

    folders: Folders

    @property
    def parts(self) -> list[Any]:
        """The components, in the order in which :meth:`show` updates them."""
        return [self.text, self.fetch, *self.progress_parts]

    @property
    def progress_parts(self) -> list[Any]:
        """The components that :meth:`follow` updates."""
        return [self.progress, self.cancel]

    def state(self, choice: str | None) -> tuple[Any, ...]:
        """Updates of the parts for a choice, as things are now."""
        return self.show(self.describe(choice))

    def show(self, description: Description) -> tuple[Any, ...]:
        """Updates of the parts for what is said of the choice, with how fetches stand now."""
        file, text = description.to_fetch, description.text
        fetch = None if file is None else last_fetch(file.name)
        if fetch is not None and fetch.state in (JobState.FAILED, JobState.CANCELLED):
            text = f"{as_markdown_text(fetch.sentence)}\n\n{text}"
        can_fetch = file is not None and (fetch is None or fetch.state is not JobState.RUNNING)
        return (gr.update(value=text, visible=bool(text)), gr.update(visible=can_fetch), *self._progress())

    def start(self, choice: str | None) -> tuple[Any, ...]:
        """Begin to fetch the file that the choice needs; what :meth:`state` says then."""
        file = self.describe(choice).to_fetch
        if file is not None:
            start_fetch(file, self.folders()[0])
        return self.state(choice)

    def follow(self, choice: str | None) -> Iterator[tuple[Any, ...]]:
        """Updates of the progress, as long as the choice's file is being fetched; if it isn't, as long as any is."""
        file, running = self.describe(choice).to_fetch, self._find_running()
        followed = [fetch for fetch in running if fetch.file == file] or running
        for fetch in followed:
            while not fetch.wait(_SECONDS_BETWEEN):
                yield self._progress()
        yield self._progress()

    def stop(self) -> None:
        """Cancel the fetches that are running."""
        for fetch in self._find_running():
            fetch.cancel()

    def _find_running(self) -> list[FetchJob]:
        return [fetch for fetch in running_fetches() if self.is_for(fetch.file)]

    def _progress(self) -> tuple[Any, Any]:
        lines = [f"**{as_markdown_text(fetch.file.name)}**: {fetch.progress}" for fetch in self._find_running()]
        return gr.update(value="\n\n".join(lines), visible=bool(lines)), gr.update(visible=bool(lines))


def build_offer(
    name: str,
    first: Description,
    describe: Callable[[str | None], Description],
    is_for: Callable[[ManifestFile], bool],
    folders: Folders,
) -> FetchOffer:
    """Build it; :func:`connect_offer` makes it work.

    :param name: what the elements' ids begin with.
    :param first: what is said when the page opens.
    :param describe: what is said of a choice, as things are on disk when it is called.
    :param is_for: whether a file is one of those that can be chosen here.
    """
    can_fetch = first.to_fetch is not None
    text = gr.Markdown(first.text, visible=bool(first.text), latex_delimiters=[], elem_id=f"{name}_offer")
    fetch = gr.Button("Fetch it", variant="primary", visible=can_fetch, elem_id=f"{name}_fetch")
    progress = gr.Markdown(visible=False, latex_delimiters=[], elem_id=f"{name}_progress")
    cancel = gr.Button("Cancel", visible=False, elem_id=f"{name}_cancel")
    return FetchOffer(text, fetch, progress, cancel, describe, is_for, folders)


def connect_offer(offer: FetchOffer, choice: gr.Dropdown) -> None:
    """Fetch the chosen model when the user says so. (Whoever built the offer shows it for another choice.)

    A fetch that has ended presses the refresh button of every panel on the page, whose elements' ids begin with
    `iclight_` and end with `_refresh`: each shows what is on disk then. (No event cancels another: gradio ends all
    that a page waits for with it.)
    """
    started = listen(offer.fetch.click, offer.start, choice, offer.parts, **QUIET)
    followed = listen(started.then, offer.follow, choice, offer.progress_parts, **LASTING)
    listen(followed.then, None, js=_REFRESH_ALL_PANELS)
    listen(offer.cancel.click, offer.stop, **QUIET)
