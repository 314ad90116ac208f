"""The ways of cutting a subject out."""

from __future__ import annotations

from enum import Enum


class Cutout(str, Enum):
    """How a subject without transparency of its own is cut out."""

    AUTO = "auto"
    """The best matting model that is there, or GrabCut."""

    BIREFNET_LITE = "birefnet-lite"
    BIREFNET_GENERAL = "birefnet-general"
    ISNET_GENERAL_USE = "isnet-general-use"
    ISNET_ANIME = "isnet-anime"
    U2NET_HUMAN_SEG = "u2net-human-seg"
    U2NETP = "u2netp"

    GRABCUT = "grabcut"
    """The fallback that needs no model."""

    NONE = "none"
