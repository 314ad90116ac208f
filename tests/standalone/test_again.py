"""What a relight leaves to be used again by the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iclight_standalone.webui import WebUI
from tests.foreground.conftest import published
from tests.foreground.stand_ins import U2NET, StandIn

from .conftest import HookListener, portrait, relight, request

__all__ = ["published"]


@pytest.fixture
def encoded(webui: WebUI) -> Iterator[list[int]]:
    """Grows with every picture that the VAE encodes."""
    pictures: list[int] = []
    vae = webui.load().forge_objects.vae.first_stage_model
    hook = vae.encoder.register_forward_hook(lambda *_: pictures.append(1))
    yield pictures
    hook.remove()


@pytest.fixture
def foregrounds(listener: HookListener) -> list[Any]:
    """Every generation's subject, cut out."""
    seen: list[Any] = []

    def note(p: Any, *args: Any, **kwargs: Any) -> None:
        seen.append(p.iclight.subjects[0].foreground)

    listener.actions["process_before_every_sampling"] = note
    return seen


@pytest.mark.parametrize(("cutout", "width"), [("grabcut", 88), ("u2netp", 96)])
def test_the_same_photo_is_neither_cut_out_nor_encoded_again(
    webui: WebUI,
    encoded: list[int],
    foregrounds: list[Any],
    published: Callable[[str, StandIn], Path],
    cutout: str,
    width: int,
) -> None:
    """A model's file is gone before the second relight: whoever wants to run it then fails.

    No other test has this width: its lights were not encoded before.
    """
    models = webui.scripts.alwayson_scripts[0].host.webui.models_folders()[0]
    matting = models / "u2netp.onnx"
    matting.write_bytes((published("u2netp.onnx", U2NET) / "u2netp.onnx").read_bytes())
    photo = portrait(150, 161)
    asked = {"subject": photo, "cutout": cutout}

    webui.txt2img(request((width, 64)) | relight(**asked, light="left"))
    assert len(encoded) == 2, "the subject and the light"
    matting.unlink()

    webui.txt2img(request((width, 64)) | relight(**asked, light="left"))
    webui.txt2img(request((width, 64), prompt="by the sea") | relight(**asked, light="left", strength=0.5))
    assert len(encoded) == 2
    webui.txt2img(request((width, 64)) | relight(**asked, light="right"))
    assert len(encoded) == 3, "the new light"
    webui.txt2img(request((width, 72)) | relight(**asked))
    assert len(encoded) == 4, "the subject, at its new size"
    assert all(each is foregrounds[0] for each in foregrounds)
