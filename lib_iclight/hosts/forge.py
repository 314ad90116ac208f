"""Stable Diffusion WebUI Forge, main branch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modules import images, paths, shared
from PIL import Image

from .backend import BackendHost


class ForgeHost(BackendHost):
    """See :class:`lib_iclight.hosts.Host`. Holds nothing."""

    def models_folder(self) -> Path:
        return Path(paths.models_path) / "ic-light"

    def resize_image(self, mode: int, image: Image.Image, width: int, height: int) -> Image.Image:
        return images.resize_image(mode, image, width, height)

    def refiner_would_switch(self, p: Any) -> bool:
        """The conditions of Forge's `apply_refiner` (`modules/sd_samplers_common.py`), but for the step."""
        checkpoint = p.refiner_checkpoint_info
        if checkpoint is None or checkpoint == shared.sd_model.sd_checkpoint_info:
            return False
        # "Switch at 1" is no exception: some samplers call the UNet more often than they have steps
        if not getattr(p, "enable_hr", False):
            return True
        skipped_pass = {"first pass": True, "second pass": False}.get(shared.opts.hires_fix_refiner_pass)
        return p.is_hr_pass is not skipped_pass

    def interrupted(self) -> bool:
        return shared.state.interrupted or shared.state.skipped
