"""Whether an IC-Light model can be added to a checkpoint's UNet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import ICLightError
from ..text import shorten
from .keys import ldm_names
from .offsets import FIRST_CONVOLUTION, UNET_PREFIX, describe_shape, open_header

LATENT_CHANNELS = 4

_PROMPT_PROJECTION = "attn2.to_k.weight"
"""How the name of a layer ends that the text encoder's output goes into."""

_FAMILIES = {1024: "SD 2", 2048: "SDXL"}
"""By the width of the text encoder's output; SD 1.5's is 768."""

Shapes = Mapping[str, tuple[int, ...]]


def check_fit(name: str, offsets: Shapes, unet: Shapes) -> None:
    """Every difference needs its place in the UNet and every place its difference.

    :param name: the IC-Light file's name, for the sentence.
    :param offsets: shapes by ldm name.
    :param unet: the host's shapes of the unpatched UNet, by ldm name behind `diffusion_model.`.
    :raises ICLightError: the checkpoint or the file is not what it should be.
    """
    places = {key[len(UNET_PREFIX) :]: shape for key, shape in unet.items() if key.startswith(UNET_PREFIX)}
    first = offsets[FIRST_CONVOLUTION]
    wanted = {**offsets, FIRST_CONVOLUTION: (first[0], LATENT_CHANNELS, *first[2:])}
    if places == wanted:
        return
    _refuse_family(_find_family(places, _widths(wanted)), "The checkpoint")
    missing = sorted(places.keys() - wanted.keys())
    if missing:
        raise ICLightError(f"{name} lacks {len(missing)} of the UNet's {len(places)} tensors, the first {missing[0]}.")
    left_over = sorted(wanted.keys() - places.keys())
    if left_over:
        raise ICLightError(
            f"{name} has {len(left_over)} tensors that the checkpoint lacks, the first {shorten(left_over[0])}."
        )
    wrong = next(key for key in sorted(wanted) if wanted[key] != places[key])
    raise ICLightError(
        f"{name} doesn't fit the checkpoint: {wrong} is {describe_shape(offsets[wrong])} in the file "
        f"and {list(places[wrong])} in the UNet."
    )


def check_checkpoint_file(path: Path) -> None:
    """Refuse a checkpoint by its header, before the host has loaded it. Nothing is said of files that tell nothing.

    :param path: a file of any format; only a safetensors file tells.
    :raises ICLightError: it is of another family than SD 1.5.
    """
    if path.suffix.lower() != ".safetensors":
        return
    try:
        file = open_header(path)
    except ICLightError:  # the host says what is wrong with it when it loads it
        return
    with file:
        names = {ldm: name for name, ldm in ldm_names(file.keys()).items()}
        told = [key for key in names if key == FIRST_CONVOLUTION or key.endswith(_PROMPT_PROJECTION)]
        shapes = {key: tuple(file.get_slice(names[key]).get_shape()) for key in told}
    places: dict[str, tuple[int, ...]] = {**dict.fromkeys(names, ()), **shapes}
    by_width = next((_FAMILIES[width] for width in _widths(shapes).values() if width in _FAMILIES), None)
    _refuse_family(_find_family(places, {}) or by_width, f"The checkpoint {path.name}")


def _widths(shapes: Shapes) -> dict[str, int]:
    """How wide the text encoder's output is at the layers that it goes into."""
    return {key: shape[1] for key, shape in shapes.items() if key.endswith(_PROMPT_PROJECTION) and len(shape) == 2}


def _refuse_family(family: str | None, checkpoint: str) -> None:
    if family is not None:
        raise ICLightError(
            f"{checkpoint} is {family}. IC-Light's weights exist for SD 1.5 only: choose an SD 1.5 checkpoint."
        )


def _find_family(places: Shapes, wanted_widths: Mapping[str, int]) -> str | None:
    """What a UNet that isn't SD 1.5's is, told from its tensors' names and shapes alone; None if they tell nothing.

    :param wanted_widths: of the text encoder's output, by layer.
    """
    if any(key.startswith("double_blocks.") for key in places):
        return "Flux, which has no UNet"
    if any(key.startswith("label_emb.") for key in places):
        return "SDXL"
    if FIRST_CONVOLUTION not in places:
        return "of a family without an SD UNet"
    channels = dict(enumerate(places[FIRST_CONVOLUTION])).get(1)
    if channels == 9:
        return "an inpainting checkpoint, whose UNet has five input channels of its own"
    if channels != LATENT_CHANNELS:
        return f"one with {channels} input channels instead of {LATENT_CHANNELS}"
    for key, width in _widths(places).items():
        if width != wanted_widths.get(key, width):
            return _FAMILIES.get(width, f"made for a text encoder of width {width}")
    return None
