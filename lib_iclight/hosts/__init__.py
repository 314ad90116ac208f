"""What differs between hosts, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image

from ..errors import ICLightError


@dataclass(frozen=True)
class TabFit:
    """How the img2img tab brings its picture to the size that it encodes."""

    resize_mode: int
    """The web UI's: 0 just resize, 1 crop and resize, 2 resize and fill, 3 just resize, in the latent."""

    width: int
    height: int

    crop_region: tuple[int, int, int, int] | None = None
    """Left, top, right, bottom in the picture's pixels, where only the masked part is inpainted."""


class Host(Protocol):
    """What the relight needs of the program that it runs in."""

    def models_folders(self) -> list[Path]:
        """The folders that models are looked for in, the one that fetched files go to first. They may be missing."""

    def unet_shapes(self, unet: Any) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the UNet's tensors as the checkpoint has them, whatever is merged right now."""

    def add_patches(self, unet: Any, name: str, patches: Mapping[str, Any], strength: float) -> set[str]:
        """Put differences on a clone; returns the keys that were taken."""

    def carries_patches(self, unet: Any, name: str) -> bool:
        """Whether differences of that name are on this patcher."""

    def forget_merge(self, unet: Any) -> None:
        """Have the weights restored before the UNet is used again, whatever the host takes for merged."""

    def encode(self, sd_model: Any, pixels: torch.Tensor) -> torch.Tensor:
        """Encode [B, H, W, 3] in 0…1 to the scaled mode of the posterior, float32 [B, 4, H/8, W/8] on the CPU."""

    def fit_like_tab(self, image: Image.Image, fit: TabFit) -> Image.Image:
        """Bring a picture to size as the img2img tab does with its own."""

    def refiner_would_switch(self, p: Any) -> bool:
        """Whether another checkpoint would take over in the middle of this pass."""

    def release_with_models(self, release: Callable[[], None]) -> None:
        """Have a function called when the host unloads its models. Said again after each use of what it releases."""

    def refusal(self, error: ICLightError) -> Exception:
        """The error as the sampler has to raise it, for its sentence to reach the page and the API."""

    def interrupted(self) -> bool:
        """Whether the user has stopped or skipped this generation."""

    def add_results(self, processed: Any, images: list[Image.Image]) -> None:
        """Show more pictures among a finished generation's results."""

    def add_comment(self, processed: Any, sentence: str) -> None:
        """Say something beside a finished generation's results."""
