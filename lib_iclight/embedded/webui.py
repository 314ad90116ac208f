"""The host's front door: requests as Forge's API takes them."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import ICLightError
from ..hosts.embedded import EmbeddedHost
from ..relight import RelightHooks
from .model import StableDiffusion
from .processing import Img2Img, Processing, Txt2Img, process_images
from .sampler import State
from .script import ICLightScript, ScriptRunner

_FIXED = {"scheduler": (None, "Automatic"), "hr_additional_modules": (None, ["Use same choices"])}
"""Fields that Forge's API knows, and the only values that this host can do."""

_PICTURES = ("firstpass_image", "mask")


class WebUI:
    """A checkpoint, IC-Light's files, and the scripts that run with every generation."""

    def __init__(self, checkpoint: Path, models_folder: Path, scripts: Sequence[Any] = ()) -> None:
        """:param checkpoint: an SD 1.5 checkpoint in one safetensors file; loaded at the first generation.

        :param models_folder: the folder that IC-Light's files are in.
        :param scripts: more always-on scripts, run after ours.
        """
        self.checkpoint = checkpoint
        self.state = State()
        self.sd_model: StableDiffusion | None = None
        hooks = RelightHooks(EmbeddedHost(models_folder, self.state))
        self.scripts = ScriptRunner([ICLightScript(hooks), *scripts])

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

    def _generate(
        self, kind: Callable[..., Processing], payload: Mapping[str, Any]
    ) -> tuple[list[Image.Image], dict[str, Any]]:
        fields = dict(payload)
        script_args = self._script_args(fields.pop("alwayson_scripts", {}))
        p = kind(**_checked(kind, fields))
        p.scripts, p.script_args, p.state = self.scripts, script_args, self.state
        self.state.interrupted = self.state.skipped = self.state.stopping_generation = False
        processed = process_images(p, self.load)
        info = {
            "prompt": p.prompt,
            "negative_prompt": p.negative_prompt,
            "seed": p.all_seeds[0],
            "all_seeds": p.all_seeds,
            "width": p.width,
            "height": p.height,
            "extra_generation_params": p.extra_generation_params,
            "infotexts": processed.infotexts,
            "comments": processed.comments,
        }
        return processed.images + processed.extra_images, info

    def _script_args(self, requested: Mapping[str, Any]) -> dict[str, tuple]:
        titles = {script.title().lower() for script in self.scripts.alwayson_scripts}
        for title in requested:
            if title.lower() not in titles:
                raise ICLightError(f"always on script {title} not found")
        return {title.lower(): tuple(values.get("args", ())) for title, values in requested.items()}


def _checked(kind: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as `kind` takes them: pictures decoded, names checked."""
    for name, possible in _FIXED.items():
        if fields.pop(name, None) not in possible:
            raise ICLightError(f"The embedded host can do {name} only as {possible[-1]!r}.")
    for name in _PICTURES:
        if fields.get(name) is not None:
            fields[name] = _picture(fields[name], name)
    if "init_images" in fields:
        fields["init_images"] = [_picture(value, "init_images") for value in fields["init_images"]]
    known = {field.name for field in dataclasses.fields(kind) if field.init} - {"image_mask"}
    known |= {"mask"} if kind is Img2Img else set()
    for name in fields.keys() - known:
        raise ICLightError(f"The embedded host knows no field {name!r}.")
    if "mask" in fields:
        fields["image_mask"] = fields.pop("mask")
    return fields


def _picture(value: Any, name: str) -> Image.Image:
    if isinstance(value, Image.Image):
        return value
    try:
        data = base64.b64decode(value.partition("base64,")[2] or value, validate=True)
        image = Image.open(io.BytesIO(data))
        image.load()
    except (binascii.Error, ValueError, OSError, AttributeError, TypeError) as error:
        raise ICLightError(f"{name} is no picture in base64.") from error
    return image
