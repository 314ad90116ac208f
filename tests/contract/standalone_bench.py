"""The small host with tiny random models, asked as Forge is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from iclight_standalone.webui import WebUI
from iclight_workshop.host_bench import Outcome, ProbedBench
from iclight_workshop.probe import iclight_recording as recording
from lib_iclight.errors import ICLightError, ICLightFault
from tests.tiny import write_models


class Probe:
    """The Forge extension of that name, for the small host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def title(self) -> str:
        return "Probe"

    def process_before_every_sampling(self, p: Any, *args: Any, x: torch.Tensor, noise: torch.Tensor, **_: Any) -> None:
        recording.begin(p, self._folder, 2, x, noise)


class StandaloneBench(ProbedBench):
    """See :class:`iclight_workshop.host_bench.Bench`."""

    name = "standalone"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "passes")
        models = write_models(folder)
        self.checkpoint = models.checkpoint
        self.offsets = {"fc": models.foreground, "fbc": models.background}
        self._webui = WebUI(models.checkpoint, [models.foreground.parent], [Probe(self._probe_folder)])

    def post(self, tab: str, payload: Mapping[str, Any]) -> Outcome:
        self.clear_passes()
        try:
            images, info = getattr(self._webui, tab)(payload)
        except ICLightError as error:
            return Outcome(500 if isinstance(error, ICLightFault) else 422, detail=str(error), passes=self.passes())
        except Exception as error:
            return Outcome(500, detail=str(error), passes=self.passes())
        return Outcome(200, images, info, passes=self.passes())

    def post_interrupted(self, tab: str, payload: Mapping[str, Any], how: str = "interrupt") -> Outcome:
        state = self._webui.state

        def stop() -> None:
            setattr(state, {"interrupt": "interrupted", "skip": "skipped"}[how], True)

        state.on_step = stop
        try:
            return self.post(tab, payload)
        finally:
            state.on_step = None
