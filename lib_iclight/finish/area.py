"""Where details are given back."""

from __future__ import annotations

from enum import Enum


class DetailArea(str, Enum):
    """Where the original's details are given back."""

    SUBJECT = "subject"
    EVERYTHING = "everything"


AREA_LABELS = {"subject": "The subject", "everything": "Everything"}
"""By the value of each :class:`DetailArea`."""
