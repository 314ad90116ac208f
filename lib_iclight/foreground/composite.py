"""The subject on the grey that the model takes for "nothing here"."""

from __future__ import annotations

import numpy as np

GREY = 127
"""The grey that the condition's mapping to -1…1 takes to exactly zero."""


def composite_on_grey(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay the subject on grey 127 as the reference does: in float32, truncated (`run_rmbg` in its `gradio_demo.py`).

    :meth:`lib_iclight.pictures.Picture.composited_on` rounds, and is for all pictures that the reference doesn't
    composite.

    :param rgb: uint8 [H, W, 3].
    :param alpha: uint8 [H, W].
    :returns: uint8 [H, W, 3].
    """
    share = alpha[..., None].astype(np.float32) / 255.0
    mixed = GREY + (rgb.astype(np.float32) - GREY) * share
    return mixed.clip(0, 255).astype(np.uint8)
