"""What a cut-out holds may be released by the host, whatever became of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from iclight_standalone.host import StandaloneHost
from iclight_standalone.sampler import State
from lib_iclight.errors import ICLightError
from lib_iclight.foreground import matting, release_models
from lib_iclight.pictures import Picture
from lib_iclight.relight import Generation, RelightHooks
from lib_iclight.request import RelightRequest
from lib_iclight.weights.kind import Kind

from . import stand_ins
from .stand_ins import StandIn
from .test_cutting import given


class Unloading(StandaloneHost):
    """Unloads its models as soon as it may."""

    def __init__(self, folder: Path) -> None:
        super().__init__([folder], State())
        self.releases: list[Callable[[], None]] = []

    def release_with_models(self, release: Callable[[], None]) -> None:
        self.releases.append(release)


@pytest.mark.parametrize("opacity", [100, 255])
def test_a_host_may_release_whatever_is_held(tmp_path: Path, opacity: int) -> None:
    """Cut-outs too, if no model was run for them; an opaque picture that is taken as it is takes nothing."""
    hooks, picture = RelightHooks(), given(60, opacity) if opacity < 255 else Picture(given(60).rgb)
    hooks.host = Unloading(tmp_path)
    request = RelightRequest.from_api({"subject": picture, "cutout": "none"})
    hooks._subjects(None, Generation(request, tmp_path / "fc.safetensors", Kind.FOREGROUND))
    assert hooks.host.releases == ([release_models] if opacity < 255 else [])


def test_what_a_cut_out_that_failed_holds_may_be_released(published: Callable[[str, StandIn], Path]) -> None:
    hooks = RelightHooks()
    folder = published("u2netp.onnx", stand_ins.U2NET)
    hooks.host = Unloading(folder)
    request = RelightRequest.from_api({"subject": Picture(np.zeros((40, 40, 3), np.uint8)), "cutout": "u2netp"})
    with pytest.raises(ICLightError, match="finds no subject"):
        hooks._subjects(None, Generation(request, folder / "fc.safetensors", Kind.FOREGROUND))
    assert matting.holds_models() and hooks.host.releases == [release_models]
