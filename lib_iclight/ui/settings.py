"""IC-Light's section in Forge's Settings."""

from __future__ import annotations

from modules import shared

from ..hosts.forge import FOLDER_SETTING


def register_settings() -> None:
    """Add the section, before Forge builds its page."""
    folder = shared.OptionInfo(
        "", "One more folder with IC-Light and matting models", section=("iclight", "IC Light"), restrict_api=True
    )
    folder.info("besides models/ic-light, models/unet and models/diffusion_models; press 🔄 in the panel afterwards")
    shared.opts.add_option(FOLDER_SETTING, folder)
