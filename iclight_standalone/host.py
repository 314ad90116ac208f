"""The small host (`iclight_standalone`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from lib_iclight.errors import ICLightError
from lib_iclight.hosts.backend import BackendHost

from .sampler import State
from .tab_pictures import resize_image


class StandaloneHost(BackendHost):
    """See :class:`lib_iclight.hosts.Host`."""

    def __init__(self, models_folders: Sequence[Path], state: State) -> None:
        """:param models_folders: where IC-Light's files and matting models are looked for, the first one first.

        :param state: where it is said that the user has stopped.
        """
        self._models_folders = list(models_folders)
        self._state = state

    def models_folders(self) -> list[Path]:
        return self._models_folders

    def resize_image(self, mode: int, image: Image.Image, width: int, height: int) -> Image.Image:
        return resize_image(mode, image, width, height)

    def refiner_would_switch(self, p: Any) -> bool:
        return False

    def release_with_models(self, release: Callable[[], None]) -> None:
        """It never unloads any."""

    def refusal(self, error: ICLightError) -> Exception:
        """As it is: there is no server between the error and who reads it."""
        return error

    def interrupted(self) -> bool:
        return self._state.interrupted or self._state.skipped
