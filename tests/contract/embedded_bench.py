"""The embedded host with tiny random models, asked as Forge is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lib_iclight.embedded.tiny import write_models
from lib_iclight.embedded.webui import WebUI
from lib_iclight.errors import ICLightError
from tests.forge.probe import iclight_recording as recording

from .bench import Outcome, recorded_passes

torch.set_num_threads(1)  # with models this small, threads mostly wait for each other


class Probe:
    """The Forge extension of that name, for the embedded host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def title(self) -> str:
        return "Probe"

    def process_before_every_sampling(self, p: Any, *args: Any, x: torch.Tensor, noise: torch.Tensor, **_: Any) -> None:
        recording.begin(p, self._folder, 2, x, noise)


class EmbeddedBench:
    """See :class:`tests.contract.bench.Bench`."""

    name = "embedded"

    def __init__(self, folder: Path) -> None:
        models = write_models(folder)
        self.checkpoint = models.checkpoint
        self.offsets = {"fc": models.foreground, "fbc": models.background}
        self._probe_folder = folder / "passes"
        self._probe_folder.mkdir()
        self._webui = WebUI(models.checkpoint, models.foreground.parent, [Probe(self._probe_folder)])

    def post(self, tab: str, payload: Mapping[str, Any]) -> Outcome:
        for path in self._probe_folder.glob("pass-*.pt"):
            path.unlink()
        try:
            images, info = getattr(self._webui, tab)(payload)
        except ICLightError as error:
            return Outcome(error.status_code, detail=error.detail, passes=recorded_passes(self._probe_folder))
        except Exception as error:
            return Outcome(500, detail=str(error), passes=recorded_passes(self._probe_folder))
        return Outcome(200, images, info, passes=recorded_passes(self._probe_folder))

    def post_broken(self, tab: str, payload: Mapping[str, Any], what: str = "break") -> Outcome:
        switch = self._probe_folder / what
        switch.touch()
        try:
            return self.post(tab, payload)
        finally:
            switch.unlink()

    def post_interrupted(self, tab: str, payload: Mapping[str, Any], how: str = "interrupt") -> Outcome:
        state = self._webui.state

        def stop() -> None:
            setattr(state, {"interrupt": "interrupted", "skip": "skipped"}[how], True)

        state.on_step = stop
        try:
            return self.post(tab, payload)
        finally:
            state.on_step = None
