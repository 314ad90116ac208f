"""What the web UI has for painting on a picture: Forge's canvas, or with gradio 3 its sketch pad."""

from __future__ import annotations

import inspect
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from ..ui.canvas import Canvas
from ..ui.parts import IS_GRADIO_3, on_open

# Forge's canvas forgets a stroke that ends outside the picture: as long as the pointer is captured it never leaves.
# reForge dev2's begins by moving the picture about, until its button is pressed.
_MAKE_READY = """() => {{
    const drawn = document.querySelector("#{0} .forge-drawing-canvas");
    drawn?.addEventListener("pointerdown", (event) => {{
        if (event.button === 0) drawn.setPointerCapture(event.pointerId);
    }});
    document.querySelector('#{0} button[title="Pan Mode"]')?.click();
}}"""

_DARKEST, _BRIGHTEST = 8, 247
"""What a picture that is painted on goes from and to, so that strokes in black and white can be told from it."""

_TOLERANCE = 3
"""How far from black and white the pixels of a stroke may be."""


class LayeredCanvas(Canvas):
    """Forge's own canvas, whose strokes are a picture of their own."""

    def __init__(self, elem_id: str) -> None:
        from modules_forge.forge_canvas.canvas import ForgeCanvas

        # Half the brush that the web UI begins with: what a width of 1 is differs between Forges.
        width = inspect.signature(ForgeCanvas).parameters["scribble_width"].default / 2
        canvas = ForgeCanvas(
            no_upload=True, scribble_color="#ffffff", scribble_width=width, height=560, elem_id=elem_id
        )
        on_open(None, js=_MAKE_READY.format(elem_id))
        self.picture, self.painted = canvas.background, canvas.foreground

    def shown(self, picture: Image.Image) -> Image.Image:
        return picture

    @staticmethod
    def strokes(painted: Image.Image | None) -> Image.Image | None:
        return painted

    def without_strokes(self, painted: Image.Image | None) -> Any:
        return painted and Image.new("RGBA", painted.size)


class SketchPad(Canvas):
    """gradio 3's sketch pad, which gives the picture with the strokes on it."""

    def __init__(self, elem_id: str) -> None:
        self.picture = self.painted = gr.Image(
            label="The cut-out",
            source="upload",
            tool="color-sketch",
            type="pil",
            image_mode="RGB",
            brush_color="#ffffff",
            height=400,
            elem_id=elem_id,
        )

    def shown(self, picture: Image.Image) -> Image.Image:
        levels = np.linspace(_DARKEST, _BRIGHTEST, 256).round().astype(np.uint8)
        return Image.fromarray(levels[np.asarray(picture.convert("RGB"))])

    @staticmethod
    def strokes(painted: Image.Image | None) -> Image.Image | None:
        if painted is None:
            return None
        pixels = np.asarray(painted.convert("RGB"))
        white = (pixels >= 255 - _TOLERANCE).all(axis=2)
        black = (pixels <= _TOLERANCE).all(axis=2)
        layer = np.zeros((*white.shape, 4), np.uint8)
        layer[white] = 255
        layer[black, 3] = 255
        return Image.fromarray(layer)

    def without_strokes(self, painted: Image.Image | None) -> Any:
        return gr.update()  # the cut-out that is shown next replaces both


CANVAS: type[Canvas] = SketchPad if IS_GRADIO_3 else LayeredCanvas
"""The web UI's canvas, to paint a cut-out's mask on in white and black. Made for an element id."""
