"""Does an IC-Light model fit the checkpoint that is loaded?"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ICLightError
from .offsets import FIRST_CONVOLUTION, UNET_PREFIX

LATENT_CHANNELS = 4

Shapes = Mapping[str, tuple[int, ...]]


def check_fit(name: str, offsets: Shapes, unet: Shapes) -> None:
    """Every difference needs its place in the UNet and every place its difference.

    :param name: the IC-Light file's name, for the sentence.
    :param offsets: shapes by ldm name.
    :param unet: the host's shapes of the unpatched UNet, by ldm name behind `diffusion_model.`.
    :raises ICLightError: the checkpoint or the file is not what it should be.
    """
    places = {key[len(UNET_PREFIX) :]: shape for key, shape in unet.items() if key.startswith(UNET_PREFIX)}
    wanted = {**offsets, FIRST_CONVOLUTION: _unwidened(offsets[FIRST_CONVOLUTION])}
    if places == wanted:
        return
    _refuse_other_family(name, places, wanted)
    missing = sorted(places.keys() - wanted.keys())
    if missing:
        raise ICLightError(f"{name} lacks {len(missing)} of the UNet's {len(places)} tensors, the first {missing[0]}.")
    left_over = sorted(wanted.keys() - places.keys())
    if left_over:
        raise ICLightError(f"{name} has {len(left_over)} tensors that the checkpoint lacks, the first {left_over[0]}.")
    wrong = next(key for key in sorted(wanted) if wanted[key] != places[key])
    raise ICLightError(
        f"{name} doesn't fit the checkpoint: {wrong} is {list(offsets[wrong])} in the file "
        f"and {list(places[wrong])} in the UNet."
    )


def _unwidened(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], LATENT_CHANNELS, *shape[2:])


def _refuse_other_family(name: str, places: Shapes, wanted: Shapes) -> None:
    family = _family(places, wanted)
    if family:
        raise ICLightError(
            f"The checkpoint is {family}. IC-Light's weights exist for SD 1.5 only: choose an SD 1.5 checkpoint."
        )


def _family(places: Shapes, wanted: Shapes) -> str | None:
    """What a UNet that isn't SD 1.5's is, told from its shapes alone."""
    if any(key.startswith("double_blocks.") for key in places):
        return "Flux, which has no UNet"
    if any(key.startswith("label_emb.") for key in places):
        return "SDXL"
    if FIRST_CONVOLUTION not in places:
        return "of a family without an SD UNet"
    channels = places[FIRST_CONVOLUTION][1]
    if channels == 9:
        return "an inpainting checkpoint, whose UNet has five input channels of its own"
    if channels != LATENT_CHANNELS:
        return f"one with {channels} input channels instead of {LATENT_CHANNELS}"
    for key in places.keys() & wanted.keys():
        if key.endswith("attn2.to_k.weight") and places[key][1] != wanted[key][1]:
            wide = places[key][1]
            return "SD 2" if wide == 1024 else f"made for a text encoder of width {wide}"
    return None
