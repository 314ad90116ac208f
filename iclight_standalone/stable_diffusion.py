"""A loaded SD 1.5 checkpoint: what the host calls `sd_model`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lib_iclight.errors import ICLightError

from .networks import SCALING, FirstStage, Tensors, TextEncoder, Unet
from .patcher import ModelPatcher

PARTS = {"unet": "model.diffusion_model.", "vae": "first_stage_model.", "clip": "cond_stage_model.transformer."}
"""What each part's names begin with in a single-file checkpoint."""


class KModel(nn.Module):
    """The UNet as samplers see it, a noisy latent in and a clean one out, with SD 1's 1,000 levels of noise."""

    def __init__(self, unet: Unet) -> None:
        super().__init__()
        self.diffusion_model = unet
        self.log_sigmas = compute_sigmas().log()

    def schedule(self, steps: int) -> Tensor:
        """Sigmas from the most noise to none, [steps + 1]: evenly over the levels, between two in the logarithm."""
        levels = torch.linspace(len(self.log_sigmas) - 1, 0, steps)
        low, high = self.log_sigmas[levels.floor().long()], self.log_sigmas[levels.ceil().long()]
        return torch.cat([torch.lerp(low, high, levels.frac()).exp(), torch.zeros(1)])

    def apply_model(
        self, x: Tensor, t: Tensor, c_concat: Tensor | None = None, c_crossattn: Tensor | None = None, **options: Any
    ) -> Tensor:
        """Denoise.

        :param x: [B, 4, H/8, W/8], as noisy as `t` says; it is scaled here.
        :param t: sigma, [B].
        :param c_concat: appended to the channels as it is.
        :param c_crossattn: the prompt, [B, 77 · n, width].
        :returns: the denoised latent, [B, 4, H/8, W/8].
        """
        sigma = t[:, None, None, None]
        scaled = x / (sigma**2 + 1) ** 0.5
        if c_concat is not None:
            scaled = torch.cat([scaled, c_concat], dim=1)
        level = (t.log() - self.log_sigmas[:, None]).abs().argmin(dim=0)
        return x - self.diffusion_model(scaled, level, c_crossattn) * sigma


def compute_sigmas() -> Tensor:
    """SD 1's 1,000 levels of noise, rising, [1000]: by the scaled linear schedule of its training."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, dim=0)
    return ((1 - kept) / kept).sqrt().float()


class VAE:
    """What `forge_objects.vae` is."""

    def __init__(self, first_stage_model: FirstStage) -> None:
        self.first_stage_model = first_stage_model

    def encode(self, pixels: Tensor) -> Tensor:
        """[B, H, W, 3] in 0…1, not clamped, to unscaled latents [B, 4, H/8, W/8], one picture after the other."""
        pictures = (2.0 * pixels.movedim(-1, 1) - 1.0).split(1)
        return torch.cat([self.first_stage_model.encode(picture) for picture in pictures])


@dataclass
class ForgeObjects:
    """The parts of a checkpoint that extensions exchange."""

    unet: ModelPatcher
    clip: TextEncoder
    vae: VAE


class StableDiffusion:
    """One loaded checkpoint."""

    def __init__(self, checkpoint: Path) -> None:
        """:raises ICLightError: the file is no SD 1 checkpoint in one safetensors file."""
        parts = _read(checkpoint)
        unet, clip = KModel(Unet(parts["unet"])), TextEncoder(parts["clip"])
        first_stage = FirstStage.from_tensors(parts["vae"])
        for network in (unet, clip, first_stage):
            network.requires_grad_(False).eval()
        self._original = ForgeObjects(ModelPatcher(unet), clip, VAE(first_stage))
        self.reset_forge_objects()

    def reset_forge_objects(self) -> None:
        """Take off whatever extensions put on the model before."""
        self.forge_objects = replace(self._original)

    def encode(self, images: Sequence[Image.Image]) -> Tensor:
        """RGB pictures of one size to scaled latents [B, 4, H/8, W/8]; the posterior is sampled."""
        vae = self.forge_objects.vae
        pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images])).float() / 255
        return vae.first_stage_model.process_in(vae.encode(pixels))

    def decode(self, latents: Tensor) -> list[Image.Image]:
        """Scaled latents [B, 4, H/8, W/8] to pictures; fractions are cut off, as the host does."""
        first_stage = self.forge_objects.vae.first_stage_model
        pixels = torch.cat([first_stage.decode(latent / SCALING).sample for latent in latents.split(1)])
        pictures = (255 * ((pixels + 1) / 2).clamp(0, 1)).to(torch.uint8).movedim(1, -1)
        return [Image.fromarray(picture.numpy()) for picture in pictures]


def _read(checkpoint: Path) -> dict[str, Tensors]:
    """Each part's tensors by name, without the part's prefix, in fp32."""
    try:
        tensors = load_file(checkpoint)
    except (SafetensorError, OSError) as error:
        raise ICLightError(f"{checkpoint.name} can't be read as a safetensors file: {error}.") from error
    parts: dict[str, Tensors] = {}
    for part, prefix in PARTS.items():
        parts[part] = {name[len(prefix) :]: tensors[name].float() for name in tensors if name.startswith(prefix)}
        if not parts[part]:
            raise ICLightError(f"{checkpoint.name} is no SD 1.5 checkpoint: it has no tensors under {prefix}")
    return parts
