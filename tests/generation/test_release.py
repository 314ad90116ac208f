"""What a cut-out holds may be released by the host, whatever became of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from iclight_standalone.host import StandaloneWebUI
from iclight_standalone.sampler import State
from lib_iclight.errors import ICLightError
from lib_iclight.foreground import matting, release_models
from lib_iclight.generation import Generation
from lib_iclight.hosts import Host
from lib_iclight.pictures import Picture
from lib_iclight.request import RelightRequest
from lib_iclight.weights.kind import Kind
from tests.foreground import stand_ins
from tests.foreground.conftest import published
from tests.foreground.stand_ins import StandIn
from tests.foreground.test_cutting import given

__all__ = ["published"]


class Unloading(StandaloneWebUI):
    """Unloads its models as soon as it may."""

    def __init__(self, folder: Path) -> None:
        super().__init__([folder], State())
        self.releases: list[Callable[[], None]] = []

    def release_with_models(self, release: Callable[[], None]) -> None:
        self.releases.append(release)


def cut_out(webui: Unloading, folder: Path, picture: Picture, method: str) -> None:
    request = RelightRequest.from_api({"subject": picture, "cutout": method})
    Generation(Host(webui, None, None), request, folder / "fc.safetensors", Kind.FOREGROUND).cut_out_subjects()


@pytest.mark.parametrize("opacity", [100, 255])
def test_a_host_may_release_whatever_is_held(tmp_path: Path, opacity: int) -> None:
    """Cut-outs too, if no model was run for them; an opaque picture that is taken as it is takes nothing."""
    webui, picture = Unloading(tmp_path), given(60, opacity) if opacity < 255 else Picture(given(60).rgb)
    cut_out(webui, tmp_path, picture, "none")
    assert webui.releases == ([release_models] if opacity < 255 else [])


def test_what_a_cut_out_that_failed_holds_may_be_released(published: Callable[[str, StandIn], Path]) -> None:
    folder = published("u2netp.onnx", stand_ins.U2NET)
    webui = Unloading(folder)
    with pytest.raises(ICLightError, match="finds no subject"):
        cut_out(webui, folder, Picture(np.zeros((40, 40, 3), np.uint8)), "u2netp")
    assert matting.holds_models() and webui.releases == [release_models]
