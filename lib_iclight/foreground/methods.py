"""The ways of cutting a subject out. Whatever lists them, lists :data:`METHODS`."""

from __future__ import annotations

from typing import NamedTuple

from ..weights.manifest import ManifestFile, manifest
from .families import BIREFNET, ISNET, ISNET_ANIME, U2NET, Family


class CutoutMethod(NamedTuple):
    """One way of cutting out."""

    name: str
    """What requests and infotext call it."""

    label: str
    """What people call it; no two are the same."""

    help: str
    """What it is for, in a few words."""

    file_name: str | None = None
    """The model's file in the manifest; None where no model is needed."""

    family: Family | None = None
    """How that model is run."""

    rank: int | None = None
    """`auto` tries the lowest first; None: only when it is chosen."""

    @property
    def file(self) -> ManifestFile | None:
        """The manifest's entry for the model's file."""
        return None if self.file_name is None else manifest()[self.file_name]

    @property
    def licence(self) -> str | None:
        """The model's, as an SPDX identifier."""
        return None if self.file is None else self.file.licence


AUTO = "auto"
GRABCUT = "grabcut"
NONE = "none"

METHODS = {
    method.name: method
    for method in (
        CutoutMethod(AUTO, "The best that is there", "the first of those below that is there and can be run"),
        CutoutMethod(
            "birefnet-lite",
            "BiRefNet lite",
            "anything, with fine edges",
            "BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx",
            BIREFNET,
            rank=1,
        ),
        CutoutMethod("isnet-general-use", "IS-Net", "anything", "isnet-general-use.onnx", ISNET, rank=2),
        CutoutMethod(
            "birefnet-general",
            "BiRefNet",
            "anything; many times slower",
            "BiRefNet-general-epoch_244.onnx",
            BIREFNET,
            rank=3,
        ),
        CutoutMethod("u2net", "U²-Net", "anything, quickly", "u2net.onnx", U2NET, rank=4),
        CutoutMethod("u2net-human-seg", "U²-Net for people", "people", "u2net_human_seg.onnx", U2NET, rank=5),
        CutoutMethod("u2netp", "U²-Net, small", "a quick try", "u2netp.onnx", U2NET, rank=6),
        CutoutMethod("isnet-anime", "IS-Net for anime", "drawings", "isnet-anime.onnx", ISNET_ANIME),
        CutoutMethod(GRABCUT, "GrabCut (fallback, no model)", "a subject of other colours than what is around", rank=7),
        CutoutMethod(NONE, "Nothing: take it as it is", "a picture that is cut out already, or is all subject"),
    )
}
"""By name, in the order in which they are listed. Ranks go by what a model is worth for its time on a CPU."""
