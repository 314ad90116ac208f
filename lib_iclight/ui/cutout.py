"""The cut-out in the panel: seen before anything is generated, and mended with a brush."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import gradio as gr
import numpy as np
from PIL import Image

from ..errors import ICLightError
from ..foreground import GREY, CutoutSettings, Foreground, cut_out, holds_memory, release_models
from ..hosts import Host
from ..pictures import Picture
from ..request import RelightRequest
from .parts import QUIET, UNNAMED, picture, slider

SHOWN_SIZE = 1024
"""Longer side of what is shown and painted on, in pixels. The cut-out itself has its picture's size."""

_CHECKS = (96, 144)
"""The two greys of the board that shows through where the picture is cut away."""

_FAINT = 0.25
"""How much is still seen of what is cut away, so that it can be painted back."""

Named = Callable[[str], dict[str, str]]


class Canvas(Protocol):
    """What the web UI has for painting on a picture: two components, whose values are Pillow images or None."""

    background: Any
    foreground: Any
    """The strokes alone, transparent where there are none."""


def build_edge_and_mask(parts: dict[str, Any], named: Named, host: Host, canvas: Callable[[str], Canvas]) -> Any:
    """The cut-out's edge, what to see it by, and what to mend it with: `edge_shift`, `edge_feather` and `mask`.

    :param parts: has `subject` and `cutout`.
    :param named: a field's element id, as gradio's components take it.
    :param canvas: builds the web UI's own canvas, given an element id. (gradio's editor redraws itself all the time,
        seen or not, on the graphics card that is to generate.)
    :returns: the component with the strokes that are not in the mask yet, for :func:`with_strokes`.
    """
    with gr.Accordion("See the cut-out and mend it", open=False, **named("cutout_tools")):
        with gr.Row(variant="compact"):
            parts["edge_shift"] = slider("edge_shift", 0.1, label="Grow (or shrink) the edge, %", **named("edge_shift"))
            parts["edge_feather"] = slider("edge_feather", 0.1, label="Feather the edge, %", **named("edge_feather"))
        show = gr.Button("Show the cut-out", **named("show_cutout"))
        gr.Markdown("Paint on it, in white to add and in black to take away; press the button again to see it.")
        with gr.Row():
            with gr.Column(scale=2):
                painting = canvas(named("cutout_canvas")["elem_id"])
            parts["mask"] = picture("Mask (painted, or a file)", **named("mask"))

    def on_show(*values: Any) -> Image.Image:
        try:
            return shown(*values, host.models_folders())
        except ICLightError as error:
            raise gr.Error(str(error)) from error
        finally:
            if holds_memory():
                host.release_with_models(release_models)

    strokes = [parts["mask"], painting.foreground]
    seen_by = [parts[field] for field in ("subject", "cutout", "edge_shift", "edge_feather", "mask")]
    # first the strokes, at once: what is painted while the subject is cut out stays
    taking = show.click(taken, strokes, strokes, **QUIET)
    showing = taking.then(on_show, seen_by, painting.background, **UNNAMED)
    # strokes belong to the picture that they were painted on, and so does a cut-out that is still being made
    shows = [*strokes, painting.background]
    parts["subject"].input(lambda: (None, None, None), None, shows, cancels=[showing], **QUIET)
    return painting.foreground


def with_strokes(values: Sequence[Any]) -> list[Any]:
    """The request's values, with what is painted on the canvas taken into the mask.

    :param values: the panel's in the fields' order, and behind them the strokes. Others, as the API's, stay as they
        are: whoever reads them says what is wrong with them.
    """
    names = list(RelightRequest.__fields__)
    if len(values) != len(names) + 1 or not isinstance(values[-1], (Image.Image, type(None))):
        return list(values)
    *fields, strokes = values
    if fields[0] is False:  # nothing is asked for, and a broken mask is nobody's business
        return fields
    mask = names.index("mask")
    fields[mask] = _painted_over(fields[mask], strokes)
    return fields


def taken(mask: Image.Image | None, strokes: Image.Image | None) -> tuple[Image.Image | None, Image.Image | None]:
    """Take what was painted into the mask.

    :returns: the mask, and no strokes: a transparent picture.
    """
    try:
        return _painted_over(mask, strokes), strokes and Image.new("RGBA", strokes.size)
    except ICLightError as error:
        raise gr.Error(str(error)) from error


def shown(
    subject: Image.Image | None,
    cutout: str,
    edge_shift: float,
    edge_feather: float,
    mask: Image.Image | None,
    folders: Sequence[Path],
) -> Image.Image:
    """Cut out.

    :returns: the cut-out, what is cut away being faint.
    :raises ICLightError: there is no subject, or it can't be cut out.
    """
    if subject is None:
        raise ICLightError("There is no picture in Subject. (The img2img tab's own picture can't be shown here.)")
    request = RelightRequest.from_api(
        {"subject": subject, "cutout": cutout, "edge_shift": edge_shift, "edge_feather": edge_feather, "mask": mask}
    )
    settings = CutoutSettings(request.cutout, request.edge_shift, request.edge_feather, request.mask)
    return _on_board(cut_out(request.subject, settings, folders))


def _painted_over(mask: Image.Image | None, strokes: Image.Image | None) -> Image.Image | None:
    """The mask with strokes on it, transparent where neither is; a mask keeps its proportions, right or wrong."""
    if strokes is None:
        return mask
    strokes = strokes.convert("RGBA")
    if not strokes.getextrema()[3][1]:  # nothing but transparency
        return mask
    if mask is None:
        return strokes
    below = _as_rgba(mask)
    scale = max(1.0, max(strokes.size) / max(below.size))  # neither loses detail
    width, height = (round(side * scale) for side in below.size)
    return Image.alpha_composite(below.resize((width, height)), strokes.resize((width, height)))


def _as_rgba(mask: Image.Image) -> Image.Image:
    """A mask of any mode, 16-bit ones too."""
    given = Picture.from_image(mask, "mask")
    alpha = np.full(given.rgb.shape[:2], 255, np.uint8) if given.alpha is None else given.alpha
    return Image.fromarray(np.dstack([given.rgb, alpha]))


def _on_board(foreground: Foreground) -> Image.Image:
    """The cut-out on a checkerboard, at most 1024 pixels wide and high."""
    original = _small(foreground.original.composited_on(GREY).rgb)
    if foreground.alpha is None:
        return original
    behind = Image.blend(_checkerboard(*original.size), original, _FAINT)
    return Image.composite(_small(foreground.colour), behind, _small(foreground.alpha))


def _small(pixels: np.ndarray) -> Image.Image:
    image = Image.fromarray(pixels)
    scale = min(1.0, SHOWN_SIZE / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX)


def _checkerboard(width: int, height: int) -> Image.Image:
    rows, columns = np.ogrid[:height, :width]
    return Image.fromarray(np.array(_CHECKS, np.uint8)[(rows // 16 + columns // 16) % 2]).convert("RGB")
