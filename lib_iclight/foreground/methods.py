"""The ways of cutting a subject out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CutoutMethod:
    """One of them."""

    name: str
    label: str


METHODS = {
    name: CutoutMethod(name, label)
    for name, label in {
        "auto": "The best that is there",
        "birefnet-lite": "BiRefNet lite",
        "birefnet-general": "BiRefNet",
        "isnet-general-use": "IS-Net",
        "isnet-anime": "IS-Net for anime",
        "u2net-human-seg": "U²-Net for people",
        "u2netp": "U²-Net, small",
        "grabcut": "GrabCut (fallback, no model)",
        "none": "Nothing: take it as it is",
    }.items()
}
