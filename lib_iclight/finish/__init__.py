"""The relit picture's finish: the subject's own details and colours, and what a pass may start from.

Everything here is arrays, uint8 [H, W, 3] of one size; bringing the original to the result's size is the caller's
part (`foreground/resize.py`, as the condition was fitted).
"""

from .colour import keep_colour
from .detail import radius_in_pixels, transfer_detail
from .finishing import finish
from .reinforce import reinforce

__all__ = ["finish", "keep_colour", "radius_in_pixels", "reinforce", "transfer_detail"]
