"""The host's front door: requests as Forge's API takes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from lib_iclight.errors import ICLightError
from lib_iclight.hooks import RelightHooks
from lib_iclight.hosts import Host

from .host import standalone_host
from .processing import Img2Img, Processing, ScriptRunner, Txt2Img, process_images
from .sampler import State
from .stable_diffusion import StableDiffusion
from .tab_pictures import decode_picture

_CHOICES = {
    "sampler_name": ("Euler",),
    "scheduler": ("Automatic",),
    "hr_upscaler": ("Latent", "Lanczos"),
    "resize_mode": (0, 1, 2),
    "inpainting_fill": (1,),
}
"""Fields that Forge's API knows, and the only values that this host can do."""


class ICLightScript(RelightHooks):
    """What `scripts/ic_light.py` is for Forge."""

    def __init__(self, host: Host) -> None:
        self.host = host


class WebUI:
    """A checkpoint, IC-Light's files, and the scripts that run with every generation."""

    def __init__(self, checkpoint: Path, models_folders: Sequence[Path], scripts: Sequence[Any] = ()) -> None:
        """:param checkpoint: an SD 1.5 checkpoint in one safetensors file; loaded at the first generation.

        :param models_folders: where IC-Light's files and matting models are looked for, the first one first.
        :param scripts: more always-on scripts, run after ours.
        """
        self.checkpoint = checkpoint
        self.state = State()
        self.sd_model: StableDiffusion | None = None
        self.scripts = ScriptRunner([ICLightScript(standalone_host(models_folders, self.state)), *scripts])

    def txt2img(self, payload: Mapping[str, Any]) -> tuple[list[Image.Image], dict[str, Any]]:
        """Generate, from the JSON of Forge's `/sdapi/v1/txt2img`. Pictures are base64, or Pillow images.

        :returns: the pictures (those that scripts add last), and their `info`.
        :raises ICLightError: a field is unknown or can't be done here.
        :raises Exception: whatever stopped the generation.
        """
        return self._generate(Txt2Img, payload)

    def img2img(self, payload: Mapping[str, Any]) -> tuple[list[Image.Image], dict[str, Any]]:
        """Generate, from the JSON of Forge's `/sdapi/v1/img2img`; else as :meth:`txt2img`."""
        return self._generate(Img2Img, payload)

    def load(self) -> StableDiffusion:
        """The checkpoint, loaded once."""
        if self.sd_model is None:
            self.sd_model = StableDiffusion(self.checkpoint)
        return self.sd_model

    def _generate(self, kind: type[Processing], payload: Mapping[str, Any]) -> tuple[list[Image.Image], dict[str, Any]]:
        fields = {name: value for name, value in payload.items() if value is not None}
        script_args = self._collect_script_args(fields.pop("alwayson_scripts", {}))
        p = kind(**_check_fields(kind, fields))
        p.scripts, p.script_args, p.state = self.scripts, script_args, self.state
        self.state.interrupted = self.state.skipped = False
        processed = process_images(p, self.load)
        infotext = ", ".join(f"{name}: {value}" for name, value in p.extra_generation_params.items())
        info = {"all_seeds": p.all_seeds, "infotexts": [infotext], "comments": processed.comments}
        return processed.images + processed.extra_images, info

    def _collect_script_args(self, requested: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
        titles = {script.title().lower() for script in self.scripts.alwayson_scripts}
        for title in requested:
            if title.lower() not in titles:
                raise ICLightError(f"always on script {title} not found")
        return {title.lower(): values.get("args", ()) for title, values in requested.items()}


def _check_fields(kind: type[Processing], fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as `kind` takes them: names and choices checked, pictures decoded."""
    if "mask" in fields:
        fields = {"inpainting_fill": 0, **fields, "image_mask": decode_picture(fields["mask"], "mask")}
        del fields["mask"]
    if "init_images" in fields:
        fields["init_images"] = [decode_picture(value, "init_images") for value in fields["init_images"]]
    known = {field.name for field in dataclasses.fields(kind)}
    for name, value in fields.items():
        if name not in known and name not in _CHOICES:
            raise ICLightError(f"The small host knows no field {name!r}.")
        if value not in _CHOICES.get(name, (value,)):
            choices = " or ".join(map(str, _CHOICES[name]))
            raise ICLightError(f"The small host can do {name} {choices} only, not {value}.")
    return {name: value for name, value in fields.items() if name in known}
