"""Stable Diffusion WebUI Forge, main branch (`backend.patcher`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from modules import images, paths, shared
from PIL import Image

from . import TabFit


class ForgeHost:
    """See :class:`lib_iclight.hosts.Host`. Holds nothing."""

    def models_folder(self) -> Path:
        return Path(paths.models_path) / "ic-light"

    def unet_shapes(self, unet: Any) -> Mapping[str, tuple[int, ...]]:
        # What an earlier relight merged stays merged until the next UNet is loaded; the originals are in the backup.
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
        # Tiled encoding ignores the regulation and draws from the global random state, which is not ours to move.
        with torch.random.fork_rng(devices=()):
            torch.default_generator.manual_seed(0)
            latent = vae.encode(pixels)
        return vae.first_stage_model.process_in(latent).float().cpu()

    def fit_like_tab(self, image: Image.Image, fit: TabFit) -> Image.Image:
        if fit.crop_region is not None:
            return images.resize_image(2, image.crop(fit.crop_region), fit.width, fit.height)
        # mode 3 resizes the latent; in pixels that is a plain resize
        return images.resize_image(fit.resize_mode % 3, image, fit.width, fit.height)

    def refiner_would_switch(self, p: Any) -> bool:
        checkpoint = p.refiner_checkpoint_info
        if checkpoint is None or checkpoint == shared.sd_model.sd_checkpoint_info:
            return False
        if p.refiner_switch_at is not None and p.refiner_switch_at >= 1:
            return False
        if not getattr(p, "enable_hr", False):
            return True
        skipped_pass = {"first pass": True, "second pass": False}.get(shared.opts.hires_fix_refiner_pass)
        return p.is_hr_pass is not skipped_pass

    def interrupted(self) -> bool:
        return shared.state.interrupted or shared.state.skipped or shared.state.stopping_generation

    def add_results(self, p: Any, processed: Any, images: list[Image.Image]) -> None:
        processed.extra_images.extend(images)

    def add_comment(self, p: Any, processed: Any, sentence: str) -> None:
        processed.comments += f"{sentence}\n"
