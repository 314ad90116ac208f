"""The web UI that the whole family shares: Stable Diffusion WebUI Forge, Neo, reForge, Classic, ersatzForge."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from modules import images, img2img, paths, processing, sd_models, shared
from PIL import Image

from ..errors import ICLightError
from . import BatchPicture, ExtraResult, TabFit, TabPictures, WebUI, memory
from .refusal import RelightRefused
from .results import infotext_without
from .sampler import keep_latent_in_mask

FOLDER_SETTING = "iclight_models_folder"
"""Forge's setting for one more folder with models."""

OWN_PROMPTS = "iclight_prompts.txt"
"""The file with the user's own words for the prompt."""

_SAME_CHECKPOINT = "Use same checkpoint"
"""What Forge's hires pass calls no change."""

_AFTER_SAMPLING = ("apply_overlay", "postprocess_image")

_EXTRA_NOISE = "Extra noise"
"""What Forge calls it in infotext."""


class ForgeWebUI(WebUI):
    """See :class:`lib_iclight.hosts.WebUI`. Holds nothing."""

    # Folders and passwords

    def models_folders(self) -> list[Path]:
        models = Path(paths.models_path)
        return [models / "ic-light", models / "unet", models / "diffusion_models", *self.chosen_folders()]

    def chosen_folders(self) -> list[Path]:
        # people paste paths with the quotation marks that their file manager put around them
        chosen = str(getattr(shared.opts, FOLDER_SETTING, "")).strip().strip("\"'")
        return [Path(chosen)] if chosen else []

    def chosen_checkpoint(self, name: str = "") -> Path | None:
        name = name or getattr(shared.opts, "sd_model_checkpoint", None) or ""
        found = sd_models.get_closet_checkpoint_match(name) if name else None
        return None if found is None else Path(found.filename)

    def own_prompts_file(self) -> Path | None:
        # Beside the web UI's own settings and styles, where no update of the extension comes.
        folder = getattr(paths, "data_path", None)
        return None if folder is None else Path(folder) / OWN_PROMPTS

    def api_credentials(self) -> dict[str, str]:
        """Passwords by user name, as `--api-auth` has them; empty where the API asks for none."""
        pairs = (shared.cmd_opts.api_auth or "").split(",")
        return dict(pair.split(":", 1) for pair in pairs if ":" in pair)

    # The img2img tab

    def tab_pictures(self, p: Any) -> TabPictures | None:
        if not hasattr(p, "init_images"):
            return None
        fit = TabFit(p.resize_mode, p.width, p.height, _crop_region(p))
        return TabPictures(list(p.init_images), fit, is_masked=p.image_mask is not None)

    def fit_like_tab(self, image: Image.Image, fit: TabFit) -> Image.Image:
        if fit.crop_region is not None:
            return images.resize_image(2, image.crop(fit.crop_region), fit.width, fit.height)
        # mode 3 resizes the latent; in pixels that is a plain resize
        return images.resize_image(fit.resize_mode % 3, image, fit.width, fit.height)

    def flatten_like_tab(self, image: Image.Image) -> Image.Image:
        return images.flatten(image, shared.opts.img2img_background_color)

    def outer_generations(self, p: Any) -> Iterator[Any]:
        for frame in _frames_of(processing.process_images_inner):
            outer = frame.f_locals.get("p")
            if outer is not None and outer is not p:
                yield outer

    def batch_picture(self, p: Any) -> BatchPicture | None:
        # The page runs a batch as one function, and leaves no trace of it on p.
        for frame in _frames_of(img2img.process_batch):
            return BatchPicture(Path(frame.f_locals["image"]).name, frame.f_locals["batch_results"])
        return None

    def drop_batch(self, p: Any) -> None:
        p.prompts = []  # the host's own sign that there is nothing left to do

    # Sampling

    def refiner_will_switch(self, p: Any) -> bool:
        """The conditions of `apply_refiner` (`modules/sd_samplers_common.py`), but for the step and the pass."""
        checkpoint = p.refiner_checkpoint_info
        if checkpoint is None or checkpoint == shared.sd_model.sd_checkpoint_info:
            return False
        # "Switch at 1" is no exception: some samplers call the UNet more often than they have steps. Of two passes
        # one has the refiner whatever the setting is; the gallery's upscale button runs the second alone.
        is_second_alone = getattr(p, "firstpass_image", None) is not None
        passes = getattr(shared.opts, "hires_fix_refiner_pass", None)
        if passes is None:  # Neo has no such setting: there it never switches where there is a hires pass
            return not getattr(p, "enable_hr", False)
        return not (is_second_alone and passes == "first pass")

    def hires_checkpoint(self, p: Any) -> Path | None:
        name = getattr(p, "hr_checkpoint_name", None) if getattr(p, "enable_hr", False) else None
        found = None if name in (None, _SAME_CHECKPOINT) else sd_models.get_closet_checkpoint_match(name)
        return None if found is None else Path(found.filename)

    def masks_before_finish(self) -> bool:
        # Names of a function's code are in the order of their first use: only ersatzForge has the two this way round.
        used = [name for name in processing.process_images_inner.__code__.co_names if name in _AFTER_SAMPLING]
        return used == list(_AFTER_SAMPLING)

    def keep_new_colours(self, p: Any) -> None:
        p.color_corrections = None

    def extra_noise(self) -> float:
        return float(shared.opts.img2img_extra_noise)

    def drop_extra_noise_infotext(self, p: Any) -> None:
        p.extra_generation_params.pop(_EXTRA_NOISE, None)

    def keep_latent_in_mask(self, p: Any, latent: torch.Tensor) -> AbstractContextManager[None]:
        return keep_latent_in_mask(p, latent)

    def interrupted(self) -> bool:
        return shared.state.interrupted or shared.state.skipped

    def refusal(self, error: ICLightError) -> Exception:
        return RelightRefused(error)

    def release_with_models(self, release: Callable[[], None]) -> None:
        memory.release_with_models(release)

    # Results

    def add_results(self, processed: Any, extra: Sequence[ExtraResult]) -> None:
        # The gallery's Save and Zip look every picture's settings up in `infotexts`, other extensions' included.
        told = processed.infotexts
        first = processed.index_of_first_image
        shown = len(processed.images) + len(processed.extra_images)
        infotexts = [*told, *[processed.info] * (shown - len(told))]
        ours = []
        for each in extra:
            number = first + each.result
            text = infotext_without(told[number] if number < len(told) else processed.info, each.untold)
            if shared.opts.enable_pnginfo:
                each.image.info["parameters"] = text
            ours.append(text)
        # lists of their own: on Forge they are p's, and shared with every copy of that p
        added = [each.image for each in extra]
        if added and not _api_sends_extra_images():
            before = len(processed.images)
            processed.images = [*processed.images, *added]
            processed.infotexts = infotexts[:before] + ours + infotexts[before:]
        else:
            processed.extra_images = [*processed.extra_images, *added]
            processed.infotexts = infotexts + ours

    def drop_results(self, processed: Any, with_infotexts: bool = False) -> None:
        processed.images = []
        if with_infotexts:
            processed.infotexts = []

    def add_comment(self, processed: Any, sentence: str) -> None:
        processed.comments += f"{sentence}\n"


def _api_sends_extra_images() -> bool:
    """Whether the API's answers hold more than the results; reForge's don't."""
    from modules.api.api import Api  # no web UI needs it where nobody generates

    return "extra_images" in Api.text2imgapi.__code__.co_names


def _crop_region(p: Any) -> tuple[int, int, int, int] | None:
    """What "only masked" has cut out: `init` says where its result will be pasted to. A blank mask cuts out nothing,
    and there the host takes its mask away, while `paste_to` may be another picture's."""
    if p.paste_to is None or p.mask_for_overlay is None or not p.inpaint_full_res:
        return None
    left, top, width, height = p.paste_to
    return left, top, left + width, top + height


def _frames_of(function: Callable[..., Any]) -> Iterator[FrameType]:
    """Where a function of Forge's is running right now, on this call stack, the innermost first."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code is function.__code__:
            yield frame
        frame = frame.f_back


def register_settings() -> None:
    """Add IC-Light's section to Forge's settings, before Forge builds its page."""
    folder = shared.OptionInfo(
        "", "One more folder with IC-Light and matting models", section=("iclight", "IC Light"), restrict_api=True
    )
    folder.info("besides models/ic-light, models/unet and models/diffusion_models; press 🔄 in the panel afterwards")
    shared.opts.add_option(FOLDER_SETTING, folder)
