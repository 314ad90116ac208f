"""One way to ask every host for pictures, and to see what its UNet was given."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import skimage.data
import torch
from PIL import Image, ImageDraw

from .forge_server import ForgeServer

REPOSITORY = Path(__file__).parents[1]

WIDTH, HEIGHT = 128, 192

BASE = {
    "prompt": "a portrait, sunshine from a window",
    "negative_prompt": "dark",
    "steps": 2,
    "cfg_scale": 3,
    "width": WIDTH,
    "height": HEIGHT,
    "seed": 7,
    "sampler_name": "Euler",
    "scheduler": "Automatic",
}
"""A quick plain generation, by the fields of Forge's `txt2img`."""

HIRES = {"enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Lanczos", "denoising_strength": 0.5, "hr_cfg": 3}
"""What adds a second, larger pass to it."""


@dataclass(frozen=True)
class Outcome:
    """What one request led to."""

    status: int
    images: list[Image.Image] = field(default_factory=list)
    info: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""
    passes: list[dict[str, Any]] = field(default_factory=list)
    """What the probe recorded of each pass, in order."""


class Bench(Protocol):
    """A host with a checkpoint and IC-Light's files."""

    name: str
    checkpoint: Path
    offsets: Mapping[str, Path]
    """By what they are: fc, fbc."""

    enlarges_latents: bool
    """Whether a hires pass can start from an enlarged latent, and not only from an enlarged picture."""

    def round_size(self, width: int, height: int) -> tuple[int, int]:
        """The size that the host samples where this one is asked for."""

    def post(self, tab: str, payload: Mapping[str, Any]) -> Outcome:
        """Ask txt2img or img2img, with the fields of Forge's API."""

    def post_broken(self, tab: str, payload: Mapping[str, Any], what: str = "break") -> Outcome:
        """The same, but the second call of the UNet fails, or with `break-merge` the merge of the weights."""

    def post_interrupted(self, tab: str, payload: Mapping[str, Any], how: str = "interrupt") -> Outcome:
        """The same, but the user interrupts (or skips) it after the first step."""


class ProbedBench:
    """What every bench does with the folder that the probe writes to."""

    enlarges_latents = True

    def __init__(self, probe_folder: Path) -> None:
        self._probe_folder = probe_folder
        probe_folder.mkdir(exist_ok=True)

    def round_size(self, width: int, height: int) -> tuple[int, int]:
        """See :class:`Bench`."""
        return width, height

    def post(self, tab: str, payload: Mapping[str, Any]) -> Outcome:
        """See :class:`Bench`."""
        raise NotImplementedError

    def post_broken(self, tab: str, payload: Mapping[str, Any], what: str = "break") -> Outcome:
        """See :class:`Bench`."""
        switch = self._probe_folder / what
        switch.touch()
        try:
            return self.post(tab, payload)
        finally:
            switch.unlink()

    def clear_passes(self) -> None:
        """Forget what was recorded so far."""
        for path in self._probe_folder.glob("pass-*.pt"):
            path.unlink()

    def passes(self) -> list[dict[str, Any]]:
        """What was recorded since."""
        return [torch.load(path) for path in sorted(self._probe_folder.glob("pass-*.pt"))]


class ForgeBench(ProbedBench):
    """A real Forge with full-size random files in its folders, over HTTP."""

    name = "forge"

    def __init__(self, server: ForgeServer, probe_folder: Path) -> None:
        super().__init__(probe_folder)
        self.server = server
        models = server.forge / "models"
        self.checkpoint = models / "Stable-diffusion" / "full-size-a.safetensors"
        self.offsets = {kind: models / "ic-light" / f"iclight_sd15_{kind}.safetensors" for kind in ("fc", "fbc")}
        self.enlarges_latents = server.get("/sdapi/v1/latent-upscale-modes")[1] != []

    def round_size(self, width: int, height: int) -> tuple[int, int]:
        if not self.server.is_neo:
            return width, height
        return (width + 32) // 64 * 64, (height + 32) // 64 * 64

    def post(self, tab: str, payload: Mapping[str, Any]) -> Outcome:
        self.clear_passes()
        if payload.get("enable_hr") and self.server.has_modules:  # without it the host's own API fails
            payload = {**payload, "hr_additional_modules": ["Use same choices"]}
        if payload.get("hr_upscaler") == "Lanczos" and self.server.is_neo:  # it enlarges so where no upscaler is named
            payload = {**payload, "hr_upscaler": "None"}
        status, answer = self.server.post(f"/sdapi/v1/{tab}", payload)
        if status != 200 or not isinstance(answer, dict):
            detail = (answer.get("detail") or str(answer)) if isinstance(answer, dict) else answer
            return Outcome(status, detail=detail, passes=self.passes())
        images = [decode(image) for image in answer["images"]]
        return Outcome(status, images, json.loads(answer["info"]), passes=self.passes())

    def post_interrupted(self, tab: str, payload: Mapping[str, Any], how: str = "interrupt") -> Outcome:
        with ThreadPoolExecutor(1) as threads:
            outcome = threads.submit(self.post, tab, payload)
            while not outcome.done():
                state = self.server.get("/sdapi/v1/progress?skip_current_image=true")[1]["state"]
                if state["sampling_step"] > 0:
                    self.server.post(f"/sdapi/v1/{how}", {})
                    break
            return outcome.result()


@contextmanager
def forge_bench(
    folder: Path,
    webui: bool = False,
    options: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
) -> Iterator[ForgeBench]:
    """The Forge that FORGE_DIR names, with this extension and the probe.

    :param options: Forge's settings, over the bench's own.
    :param environment: what Forge finds in its environment besides.
    :param flags: more of its command line.
    """
    folder.mkdir(exist_ok=True)
    probe_folder = folder / "passes"
    extensions = {"sd-forge-iclight": REPOSITORY, "zz-probe": REPOSITORY / "iclight_workshop" / "probe"}
    with ForgeServer.from_environment(
        folder / "forge.log",
        extensions=extensions,
        webui=webui,
        environment={"ICLIGHT_PROBE_DIR": str(probe_folder), **(environment or {})},
        options=options or {},
        flags=flags,
    ) as server:
        yield ForgeBench(server, probe_folder)


def encode(image: Image.Image) -> str:
    """A picture as the API takes it."""
    data = io.BytesIO()
    image.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def decode(text: str) -> Image.Image:
    """A picture as the API gives it."""
    return Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")


def relight(**values: Any) -> dict[str, Any]:
    """The part of a request that is ours; pictures may be given as they are."""
    pictures = {name: encode(value) if isinstance(value, Image.Image) else value for name, value in values.items()}
    return {"alwayson_scripts": {"IC Light": {"args": [pictures]}}}


def subject() -> Image.Image:
    """A portrait whose transparency is drawn, soft at the edge, at a size that nothing divides."""
    portrait = Image.fromarray(skimage.data.astronaut()).resize((333, 401), Image.Resampling.BICUBIC)
    y, x = np.mgrid[0:401, 0:333]
    distance = np.hypot((x - 160) / 150, (y - 200) / 190)
    alpha = ((1.1 - distance) / 0.2).clip(0, 1) * 255
    portrait.putalpha(Image.fromarray(alpha.astype(np.uint8)))
    return portrait


def background() -> Image.Image:
    """A background of another shape."""
    return Image.fromarray(skimage.data.coffee()).convert("RGB")


def tab_picture(width: int, height: int) -> Image.Image:
    """What the img2img tab holds, at the size that is sampled."""
    return Image.fromarray(skimage.data.chelsea()).convert("RGB").resize((width, height), Image.Resampling.BICUBIC)


def mask(width: int, height: int, box: tuple[int, int, int, int]) -> Image.Image:
    """White inside the box, both ends included: what is to be painted."""
    image = Image.new("L", (width, height), 0)
    ImageDraw.Draw(image).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=255)
    return image
