"""Names of a UNet's tensors: diffusers' and ldm's."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping

_PREFIXES = ("model.diffusion_model.", "diffusion_model.", "unet.")
"""What some files put before every name."""

_TOP = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}

_BLOCK = re.compile(r"(down|up)_blocks\.(\d{1,3})\.(resnets|attentions|downsamplers|upsamplers)\.(\d{1,3})\.(.+)")
_MIDDLE = re.compile(r"mid_block\.(resnets|attentions)\.(\d{1,3})\.(.+)")


def without_prefix(name: str) -> str:
    """The name as the UNet itself has it."""
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


def ldm_names(names: Iterable[str]) -> Mapping[str, str]:
    """Map each name to its ldm name: diffusers names are converted, all others kept.

    How many residual blocks a level has is read from the names. Two layouts: diffusers'
    `UNet2DConditionModel`, and `UNetModel` in CompVis's `ldm/modules/diffusionmodules/openaimodel.py`,
    which counts a level's blocks and its change of size through in one list.
    """
    return _ldm_names(tuple(names))


@functools.lru_cache(maxsize=1)
def _ldm_names(names: tuple[str, ...]) -> Mapping[str, str]:
    """Takes 5 ms at the web UI's start, and all published models have the same names. Key: the names. Bound: one
    file's. Emptied by: other names, and the process's end."""
    bare = {name: without_prefix(name) for name in names}
    matches = [match for match in map(_BLOCK.fullmatch, bare.values()) if match]
    layers = 1 + max((int(m[4]) for m in matches if m[1] == "down" and m[3] == "resnets"), default=0)
    with_attention = {(m[1], m[2]) for m in matches if m[3] == "attentions"}
    return {name: _rename(bare[name], layers, with_attention) for name in names}


def _rename(name: str, layers: int, with_attention: set[tuple[str, str]]) -> str:
    stem, _, leaf = name.rpartition(".")
    if stem in _TOP:
        return f"{_TOP[stem]}.{leaf}"
    if match := _MIDDLE.fullmatch(name):
        part, index, rest = match.groups()
        place = 1 if part == "attentions" else 2 * int(index)
        return f"middle_block.{place}.{_rename_inside(part, rest)}"
    if not (match := _BLOCK.fullmatch(name)):
        return name
    side, level, part, index, rest = match.groups()
    blocks = "input_blocks" if side == "down" else "output_blocks"
    first = int(level) * (layers + 1) + (1 if side == "down" else 0)
    if part == "downsamplers":
        return f"{blocks}.{first + layers}.0.{rest.replace('conv', 'op', 1)}"
    if part == "upsamplers":
        place = 2 if (side, level) in with_attention else 1
        return f"{blocks}.{first + layers}.{place}.{rest}"
    return f"{blocks}.{first + int(index)}.{1 if part == 'attentions' else 0}.{_rename_inside(part, rest)}"


def _rename_inside(part: str, rest: str) -> str:
    """A residual block's own tensors are named differently; a transformer's are the same in both."""
    if part == "attentions":
        return rest
    layer, _, leaf = rest.partition(".")
    return f"{_RESNET.get(layer, layer)}.{leaf}"
