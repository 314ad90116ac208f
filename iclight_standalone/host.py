"""The small host, as the hooks see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from lib_iclight.errors import ICLightError
from lib_iclight.hosts import BatchPicture, ExtraResult, Host, TabFit, TabPictures, WebUI
from lib_iclight.hosts.first_stage import FirstStageVAE
from lib_iclight.hosts.patchers import NamedPatcher
from lib_iclight.hosts.sampler import keep_latent_in_mask

from .sampler import State
from .tab_pictures import composite_on_white, resize_image


def standalone_host(models_folders: Sequence[Path], state: State) -> Host:
    """The host as the hooks take it.

    :param models_folders: where IC-Light's files and matting models are looked for, the first one first.
    :param state: where it is said that the user has stopped.
    """
    return Host(StandaloneWebUI(models_folders, state), NamedPatcher(), FirstStageVAE(lambda: False))


class StandaloneWebUI(WebUI):
    """See :class:`lib_iclight.hosts.WebUI`. What a small host has none of is answered so."""

    def __init__(self, models_folders: Sequence[Path], state: State) -> None:
        """See :func:`standalone_host`."""
        self._models_folders = list(models_folders)
        self._state = state

    def models_folders(self) -> list[Path]:
        return self._models_folders

    def chosen_folders(self) -> list[Path]:
        return []

    def chosen_checkpoint(self, name: str = "") -> Path | None:
        return None

    def own_prompts_file(self) -> Path | None:
        return None

    def tab_pictures(self, p: Any) -> TabPictures | None:
        if not hasattr(p, "init_images"):
            return None
        fit = TabFit(p.resize_mode, p.width, p.height, p.crop_region)
        return TabPictures(list(p.init_images), fit, is_masked=p.image_mask is not None)

    def fit_like_tab(self, image: Image.Image, fit: TabFit) -> Image.Image:
        if fit.crop_region is not None:
            return resize_image(2, image.crop(fit.crop_region), fit.width, fit.height)
        return resize_image(fit.resize_mode, image, fit.width, fit.height)

    def flatten_like_tab(self, image: Image.Image) -> Image.Image:
        return composite_on_white(image)

    def outer_generations(self, p: Any) -> Iterator[Any]:
        return iter(())

    def batch_picture(self, p: Any) -> BatchPicture | None:
        return None

    def drop_batch(self, p: Any) -> None:
        """It works through no batches of files."""

    def refiner_will_switch(self, p: Any) -> bool:
        return False

    def hires_checkpoint(self, p: Any) -> Path | None:
        return None

    def masks_before_finish(self) -> bool:
        return False

    def keep_new_colours(self, p: Any) -> None:
        """It matches no colours."""

    def extra_noise(self) -> float:
        return 0.0

    def drop_extra_noise_infotext(self, p: Any) -> None:
        """It adds no extra noise."""

    def keep_latent_in_mask(self, p: Any, latent: torch.Tensor) -> AbstractContextManager[None]:
        return keep_latent_in_mask(p, latent)

    def interrupted(self) -> bool:
        return self._state.interrupted or self._state.skipped

    def refusal(self, error: ICLightError) -> Exception:
        """As it is: there is no server between the error and who reads it."""
        return error

    def release_with_models(self, release: Callable[[], None]) -> None:
        """It never unloads any model."""

    def add_results(self, processed: Any, extra: Sequence[ExtraResult]) -> None:
        processed.extra_images = [*processed.extra_images, *(each.image for each in extra)]

    def drop_results(self, processed: Any, with_infotexts: bool = False) -> None:
        processed.images = []

    def add_comment(self, processed: Any, sentence: str) -> None:
        processed.comments += f"{sentence}\n"
