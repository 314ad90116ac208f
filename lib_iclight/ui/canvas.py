"""What the panel asks of a canvas that is painted on."""

from __future__ import annotations

from typing import Any, Protocol

from PIL import Image


class Canvas(Protocol):
    """Made inside of the panel's blocks."""

    picture: Any
    """The component with the picture that is painted on."""

    painted: Any
    """The component whose value the strokes are read from; it may be the same."""

    def shown(self, picture: Image.Image) -> Image.Image:
        """A picture as it is put into :attr:`picture`."""

    @staticmethod
    def strokes(painted: Image.Image | None) -> Image.Image | None:
        """The strokes in :attr:`painted`'s value: RGBA, transparent where there are none; None without a picture."""

    def without_strokes(self, painted: Image.Image | None) -> Any:
        """An update of :attr:`painted` that takes its strokes away."""
