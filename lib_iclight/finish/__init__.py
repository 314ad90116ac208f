"""The relit picture's finish: the subject's own details and colours, and what a pass may start from.

Everything here works on arrays, uint8 [H, W, 3], of one size. The caller brings the original to the result's size,
fitted as the condition was (`foreground/resize.py`).
"""

from .colour import keep_colour
from .detail import scale_radius, transfer_detail
from .finishing import finish
from .full_size import enlarge_light
from .in_place import lay_over
from .reinforce import reinforce

__all__ = ["enlarge_light", "finish", "keep_colour", "lay_over", "reinforce", "scale_radius", "transfer_detail"]
