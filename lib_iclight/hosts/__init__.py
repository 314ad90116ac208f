"""What differs between hosts, and nothing else: a web UI, a patcher and a VAE, each chosen by what the host can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from PIL import Image

from ..errors import ICLightError


class TabFit(NamedTuple):
    """How the img2img tab brings its picture to the size that it encodes."""

    resize_mode: int
    """The web UI's: 0 just resize, 1 crop and resize, 2 resize and fill, 3 just resize, in the latent."""

    width: int
    height: int

    crop_region: tuple[int, int, int, int] | None = None
    """Left, top, right, bottom in the picture's pixels, where only the masked part is inpainted."""


class TabPictures(NamedTuple):
    """What the img2img tab was given."""

    pictures: Sequence[Image.Image]
    """One for the whole batch, or one for each of its pictures."""

    fit: TabFit

    is_masked: bool = False
    """Whether a mask keeps a part of them: the web UI lays that over the results, at their own size."""


class BatchPicture(NamedTuple):
    """One picture of a batch of files."""

    name: str
    """The file's name."""

    results: Any
    """What the batch has led to so far, as the page will show it; None before its first picture is finished."""


class Encoded(NamedTuple):
    """A latent, and how it came about."""

    latent: torch.Tensor
    """The scaled mode of the posterior, float32 [B, 4, H/8, W/8] on the CPU."""

    in_tiles: bool
    """Put together from tiles, which differs a little from encoding the whole picture."""


class ExtraResult(NamedTuple):
    """A picture that is shown behind a generation's results."""

    image: Image.Image

    result: int
    """The number of the result whose settings it shares, without grids."""

    untold: tuple[str, ...] = ()
    """Names in infotext of settings that this picture was made without."""


class Patcher(Protocol):
    """The UNet of a loaded checkpoint, and patches on it. `sd_model` is the host's own object, handed through."""

    def unet(self, sd_model: Any) -> Any:
        """The UNet's patcher that the next pass will sample with."""

    def exchange_unet(self, sd_model: Any, unet: Any) -> None:
        """Have the next pass sample with another patcher of the same UNet."""

    def shapes(self, unet: Any) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the UNet's tensors as the checkpoint has them, whatever is merged right now."""

    def has_other_condition(self, unet: Any) -> bool:
        """Whether another extension appends channels to the UNet's input."""

    def clone_patched(self, unet: Any, name: str, patches: Mapping[str, Any], strength: float) -> tuple[Any, set[str]]:
        """A clone with differences on it, and the keys that were taken.

        What is merged already is not merged again: under one name there are always the same differences.

        :param unet: differences of ours that an earlier call has put on it are not kept.
        """

    def carries_patches(self, unet: Any, name: str) -> bool:
        """Whether differences of that name are on this patcher."""

    def forget_merge(self, unet: Any) -> None:
        """Have the weights restored before the UNet is used again, whatever the host takes for merged."""


class VAE(Protocol):
    """The VAE of a loaded checkpoint."""

    def network(self, sd_model: Any) -> Any:
        """The network that encodes: latents are kept as long as it lives."""

    def encodes_in_tiles(self) -> bool:
        """Whether the host is set to encode every picture tile by tile."""

    def encode(self, sd_model: Any, pixels: torch.Tensor) -> Encoded:
        """Encode [B, H, W, 3] in 0…1, taking the posterior's mode and leaving the random state alone."""


class WebUI(Protocol):
    """The program around the model: folders, tabs, sampling, results. `p` is its generation, handed through."""

    def models_folders(self) -> list[Path]:
        """The folders that models are looked for in, the one that fetched files go to first. They may be missing."""

    def chosen_folders(self) -> list[Path]:
        """Those of them that the user has set."""

    def chosen_checkpoint(self, name: str = "") -> Path | None:
        """The file of the checkpoint that is chosen in the page; None where there is none.

        :param name: what the page shows, where that may be newer than what the web UI knows of yet; empty otherwise.
        """

    def own_prompts_file(self) -> Path | None:
        """Where a user may list words of their own for the prompt; there need be no such file. None: nowhere."""

    def tab_pictures(self, p: Any) -> TabPictures | None:
        """What the img2img tab was given; None in txt2img. What "only masked" cuts out is known when it is sampled."""

    def fit_like_tab(self, image: Image.Image, fit: TabFit) -> Image.Image:
        """Bring a picture to size as the img2img tab does with its own."""

    def flatten_like_tab(self, image: Image.Image) -> Image.Image:
        """Lay a picture with transparency on the colour that the img2img tab lays its own on."""

    def outer_generations(self, p: Any) -> Iterator[Any]:
        """The generations that this one runs inside of: a face detailer, say, generates while results come out."""

    def batch_picture(self, p: Any) -> BatchPicture | None:
        """Where a batch of files is that this generation is a part of; None where there is no such batch."""

    def drop_batch(self, p: Any) -> None:
        """Have the batch that is about to begin make no picture. Said in `before_process_batch`."""

    def refiner_will_switch(self, p: Any) -> bool:
        """Whether another checkpoint takes over in the middle of any pass of this generation."""

    def hires_checkpoint(self, p: Any) -> Path | None:
        """The checkpoint's file that the hires pass changes to, if it does."""

    def masks_before_finish(self) -> bool:
        """Whether what a mask keeps is laid over a result before `postprocess_image`, in which it would be finished."""

    def keep_new_colours(self, p: Any) -> None:
        """Have the results' colours not matched to the img2img tab's picture, as that would take the new light out."""

    def extra_noise(self) -> float:
        """The strength of the noise that the host adds to every pass that starts from a latent; 0 for none."""

    def drop_extra_noise_infotext(self, p: Any) -> None:
        """Have infotext not tell of extra noise that a pass was not given."""

    def keep_latent_in_mask(self, p: Any, latent: torch.Tensor) -> AbstractContextManager[None]:
        """While it is open: what a mask keeps is this latent, whatever the pass starts from."""

    def interrupted(self) -> bool:
        """Whether the user has stopped or skipped this generation."""

    def refusal(self, error: ICLightError) -> Exception:
        """The error as the sampler has to raise it, for its sentence to reach the page and the API."""

    def release_with_models(self, release: Callable[[], None]) -> None:
        """Have a function called when the host unloads its models. Said again after each use of what it releases."""

    def add_results(self, processed: Any, extra: Sequence[ExtraResult]) -> None:
        """Show more pictures behind a finished generation's results; each can be saved with its settings."""

    def drop_results(self, processed: Any, with_infotexts: bool = False) -> None:
        """Show no picture of a finished generation.

        :param with_infotexts: and tell of none, as a part of a batch whose pictures and infotexts are counted together.
        """

    def add_comment(self, processed: Any, sentence: str) -> None:
        """Say something beside a finished generation's results."""


class Host(NamedTuple):
    """The program that the relight runs in."""

    webui: WebUI
    patcher: Patcher
    vae: VAE
