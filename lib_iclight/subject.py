"""A subject in the frame: what is relit, and where it stands."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .condition import Source, fit_picture
from .errors import ICLightError
from .foreground import CENTRED, GREY, Foreground, Placement
from .hosts import Host, TabFit
from .pictures import Picture

_in_frame: weakref.WeakKeyDictionary[Foreground, set[tuple[Placement, TabFit | None, tuple[int, int]]]]
_in_frame = weakref.WeakKeyDictionary()
"""Key: the cut-out, and where it was found to be seen: to look again would be much of a later relight's hook. Bound:
one place for each pass. Emptied by: the cut-out's end."""


@dataclass(frozen=True)
class Subject:
    """What is relit, and how it comes to the size that is sampled: all of its layers alike."""

    foreground: Foreground

    placement: Placement = CENTRED

    tab_fit: TabFit | None = None
    """As the img2img tab fits its own picture, where it belongs to that."""

    _at_size: dict[tuple[str, tuple[int, int]], np.ndarray] = field(default_factory=dict, init=False, compare=False)
    """Key: which of its layers, and the size. Bound: the sizes of one generation's passes."""

    @property
    def source(self) -> Source:
        """As the model sees it."""
        return Source(self.foreground.on_grey, self.tab_fit, self.placement)

    def colour_at(self, host: Host, size: tuple[int, int], *, with_background: bool = False) -> np.ndarray:
        """Its own colours at a result's size, uint8 [H, W, 3].

        :param size: width and height in pixels.
        :param with_background: its whole picture's instead.
        """
        if with_background:
            return self._layer_at(host, "whole", size, lambda: self.foreground.whole)
        return self._layer_at(host, "colour", size, lambda: self.foreground.colour)

    def alpha_at(self, host: Host, size: tuple[int, int]) -> np.ndarray | None:
        """Its alpha at a result's size, uint8 [H, W]; None where it is opaque all over the frame."""
        alpha = self.foreground.alpha
        if alpha is None:
            return self.picture_at(host, size)
        return self._layer_at(host, "alpha", size, lambda: np.repeat(alpha[..., None], 3, axis=2), beyond=0)[..., 0]

    def picture_at(self, host: Host, size: tuple[int, int]) -> np.ndarray | None:
        """Where its picture lies in the frame, uint8 [H, W], 0 or 255; None where that fills it."""
        if self.placement in (CENTRED, Placement(mirrored=True)):
            return None
        return self._layer_at(host, "picture", size, lambda: np.full_like(self.foreground.whole, 255), beyond=0)[..., 0]

    def surroundings(self) -> Source:
        """Its picture with itself filled in from around. The room stays in its place wherever the subject goes.

        :raises ICLightError: it fills its picture, or its surroundings were cut away before.
        """
        return Source(self.foreground.surroundings, self.tab_fit)

    def surroundings_at(self, host: Host, size: tuple[int, int]) -> np.ndarray:
        """What is around it in its own picture, at a result's size, uint8 [H, W, 3].

        Where it stands in its old place, every pixel that it doesn't touch is the picture's.
        """
        filled = fit_picture(host, self.surroundings(), *size)
        alpha = self.alpha_at(host, size)
        if self.placement != CENTRED or alpha is None:
            return filled
        return np.where((alpha == 0)[..., None], self.colour_at(host, size, with_background=True), filled)

    def check_in_frame(self, host: Host, size: tuple[int, int]) -> None:
        """Refuse a place at which nothing of it can be seen.

        :raises ICLightError: it lies wholly outside of the frame.
        """
        places = _in_frame.setdefault(self.foreground, set())
        place = self.placement, self.tab_fit, size
        if place in places:
            return
        alpha = self.alpha_at(host, size)
        if alpha is not None and not alpha.any():
            raise ICLightError(
                "Nothing of the subject is in the frame: take subject_x and subject_y nearer to 0.5, or change "
                "subject_scale."
            )
        places.add(place)

    def _layer_at(
        self, host: Host, layer: str, size: tuple[int, int], make: Callable[[], np.ndarray], beyond: int = GREY
    ) -> np.ndarray:
        if (layer, size) not in self._at_size:
            source = Source(Picture(make()), self.tab_fit, self.placement, beyond)
            self._at_size[layer, size] = fit_picture(host, source, *size)
        return self._at_size[layer, size]
