"""Stable Diffusion WebUI Forge, main branch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from modules import images, paths, shared
from PIL import Image

from ..errors import ICLightError
from . import forge_memory
from .backend import BackendHost
from .refusal import RelightRefused

FOLDER_SETTING = "iclight_models_folder"
"""Forge's setting for one more folder with models; `lib_iclight.ui.settings` adds it to the page."""


class ForgeHost(BackendHost):
    """See :class:`lib_iclight.hosts.Host`. Holds nothing."""

    def models_folders(self) -> list[Path]:
        models = Path(paths.models_path)
        folders = [models / "ic-light", models / "unet", models / "diffusion_models"]
        # people paste paths with the quotation marks that their file manager put around them
        chosen = str(getattr(shared.opts, FOLDER_SETTING, "")).strip().strip("\"'")
        return [*folders, Path(chosen)] if chosen else folders

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

    def release_with_models(self, release: Callable[[], None]) -> None:
        forge_memory.release_with_models(release)

    def api_credentials(self) -> dict[str, str]:
        """Passwords by user name, as `--api-auth` has them; empty where the API asks for none."""
        pairs = (shared.cmd_opts.api_auth or "").split(",")
        return dict(pair.split(":", 1) for pair in pairs if ":" in pair)

    def refusal(self, error: ICLightError) -> Exception:
        return RelightRefused(error)

    def interrupted(self) -> bool:
        return shared.state.interrupted or shared.state.skipped
