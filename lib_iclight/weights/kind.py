"""What an IC-Light model looks at."""

from __future__ import annotations

from enum import Enum


class Kind(str, Enum):
    """What an IC-Light model looks at besides the noisy latent."""

    FOREGROUND = "foreground"
    """fc and fcon: the subject."""

    BACKGROUND = "foreground and background"
    """fbc: the subject and the background that it is to stand in."""
