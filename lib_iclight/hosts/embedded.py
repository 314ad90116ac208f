"""The embedded host (`lib_iclight.embedded`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from ..embedded.pictures import resize_image
from ..embedded.sampler import State
from . import TabFit


class EmbeddedHost:
    """See :class:`lib_iclight.hosts.Host`."""

    def __init__(self, models_folder: Path, state: State) -> None:
        """:param models_folder: the folder that IC-Light's files are in.

        :param state: where it is said that the user has stopped.
        """
        self._models_folder = models_folder
        self._state = state

    def models_folder(self) -> Path:
        return self._models_folder

    def unet_shapes(self, unet: Any) -> Mapping[str, tuple[int, ...]]:
        originals = unet.model.lora_loader.backup
        return {name: tuple(originals.get(name, weight).shape) for name, weight in unet.model.named_parameters()}

    def add_patches(self, unet: Any, name: str, patches: Mapping[str, Any], strength: float) -> set[str]:
        return unet.add_patches(filename=name, patches=patches, strength_patch=strength)

    def carries_patches(self, unet: Any, name: str) -> bool:
        return any(identifier[0] == name and patches for identifier, patches in unet.lora_patches.items())

    @torch.inference_mode()
    def encode(self, sd_model: Any, pixels: torch.Tensor) -> torch.Tensor:
        vae = sd_model.forge_objects.vae.clone()
        vae.patcher.set_model_vae_regulation(lambda posterior: posterior.mode())
        return vae.first_stage_model.process_in(vae.encode(pixels))

    def fit_like_tab(self, image: Image.Image, fit: TabFit) -> Image.Image:
        if fit.crop_region is not None:
            return resize_image(2, image.crop(fit.crop_region), fit.width, fit.height)
        return resize_image(fit.resize_mode % 3, image, fit.width, fit.height)

    def refiner_would_switch(self, p: Any) -> bool:
        return False

    def interrupted(self) -> bool:
        return self._state.interrupted or self._state.skipped or self._state.stopping_generation

    def add_results(self, p: Any, processed: Any, images: list[Image.Image]) -> None:
        processed.extra_images.extend(images)

    def add_comment(self, p: Any, processed: Any, sentence: str) -> None:
        processed.comments += f"{sentence}\n"
