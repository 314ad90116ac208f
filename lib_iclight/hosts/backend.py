"""What Forge's main branch (`backend.patcher`) and the small host, which is built after it, have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image

from . import Host, TabFit


class BackendHost(Host):
    """See :class:`lib_iclight.hosts.Host`."""

    def unet_shapes(self, unet: Any) -> Mapping[str, tuple[int, ...]]:
        # What an earlier relight merged stays merged until the next UNet is loaded; the originals are in the backup.
        originals = unet.model.lora_loader.backup
        return {name: _shape(originals.get(name, weight)) for name, weight in unet.model.named_parameters()}

    def add_patches(self, unet: Any, name: str, patches: Mapping[str, Any], strength: float) -> set[str]:
        return unet.add_patches(filename=name, patches=patches, strength_patch=strength)

    def carries_patches(self, unet: Any, name: str) -> bool:
        return any(identifier[0] == name and patches for identifier, patches in unet.lora_patches.items())

    def forget_merge(self, unet: Any) -> None:
        # A merge that broke off has exchanged some weights, and the loader still believes that none were.
        unet.model.lora_loader.loaded_hash = None

    @torch.inference_mode()
    def encode(self, sd_model: Any, pixels: torch.Tensor) -> torch.Tensor:
        vae = sd_model.forge_objects.vae.clone()
        vae.patcher.set_model_vae_regulation(lambda posterior: posterior.mode())
        # Tiled encoding ignores the regulation and draws from the global random state, which is not ours to move.
        with torch.random.fork_rng(devices=()):
            torch.default_generator.manual_seed(0)
            latent = vae.encode(pixels)
        return vae.first_stage_model.process_in(latent).float().cpu()

    def fit_like_tab(self, image: Image.Image, fit: TabFit) -> Image.Image:
        if fit.crop_region is not None:
            return self.resize_image(2, image.crop(fit.crop_region), fit.width, fit.height)
        # mode 3 resizes the latent; in pixels that is a plain resize
        return self.resize_image(fit.resize_mode % 3, image, fit.width, fit.height)

    @abstractmethod
    def resize_image(self, mode: int, image: Image.Image, width: int, height: int) -> Image.Image:
        """The web UI's own way to bring a picture to size."""

    def add_results(self, processed: Any, images: list[Image.Image]) -> None:
        # a list of its own: on Forge it is p's, and shared with every copy of that p
        processed.extra_images = [*processed.extra_images, *images]

    def add_comment(self, processed: Any, sentence: str) -> None:
        processed.comments += f"{sentence}\n"


def _shape(weight: Any) -> tuple[int, ...]:
    """A weight's shape; that of one packed by bitsandbytes is in its quantisation state."""
    return tuple((getattr(weight, "quant_state", None) or weight).shape)
