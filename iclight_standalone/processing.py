"""One generation: the host's `p`, and the order in which everything happens."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from lib_iclight.errors import ICLightError

from .sampler import Sampler, State
from .stable_diffusion import StableDiffusion
from .tab_pictures import LANCZOS, Region, composite_on_white, find_crop_region, resize_image


class ScriptRunner:
    """Calls every script that has a hook, in their order, and prints what one raises: the generation goes on."""

    def __init__(self, alwayson_scripts: Sequence[Any]) -> None:
        """:param alwayson_scripts: objects with a `title()` and any of the host's hooks."""
        self.alwayson_scripts = list(alwayson_scripts)

    def run(self, hook: str, p: Processing, *values: Any, **named: Any) -> None:
        """Call a hook: with `p`, the hook's own values, then the script's arguments from `p.script_args`."""
        for script in self.alwayson_scripts:
            args = p.script_args.get(script.title().lower(), ())
            try:
                if hasattr(script, hook):
                    getattr(script, hook)(p, *values, *args, **named)
            except Exception:
                print(f"Error running {hook}: {script.title()}")
                traceback.print_exc()


@dataclass
class Processed:
    """What a generation led to."""

    images: list[Image.Image]
    extra_images: list[Image.Image] = field(default_factory=list)
    comments: str = ""


@dataclass
class PostprocessImageArgs:
    """A finished picture, which a script may exchange."""

    image: Image.Image


@dataclass
class Processing:
    """What both tabs share: the fields of Forge's API. Sizes are in pixels."""

    prompt: str = ""
    negative_prompt: str = ""
    seed: int = -1
    steps: int = 50
    cfg_scale: float = 7.0
    width: int = 512
    height: int = 512
    batch_size: int = 1
    n_iter: int = 1
    denoising_strength: float = 0.75

    def __post_init__(self) -> None:
        self.sd_model: Any = None
        """The checkpoint once it is loaded; before, as on Forge, something without `forge_objects`."""
        self.scripts = ScriptRunner([])
        self.script_args: dict[str, Sequence[Any]] = {}
        """Each script's arguments by its title in lower case."""
        self.state = State()
        self.sampler: Sampler | None = None
        self.extra_generation_params: dict[str, Any] = {}
        self.all_seeds: list[int] = []
        """One for each picture of all batches."""
        self.seeds: list[int] = []
        """Those of the batch at hand."""
        self.is_hr_pass = False
        self.iteration = 0
        """The number of the batch at hand."""
        self.batch_index = 0
        """The number of the picture in its batch."""
        self.mask: Tensor | None = None
        """True where the picture is kept, [H/8, W/8]."""

    def init(self) -> None:
        """Prepare what all batches share, after the scripts' `process`."""

    def sample(self) -> Tensor:
        """Sample one batch: [B, 4, H/8, W/8]."""
        raise NotImplementedError

    def paste_back(self, image: Image.Image, index: int) -> Image.Image:
        """Put the sampled part of a picture back into the whole.

        :param index: of the picture in its batch.
        """
        return image

    def setup_conds(self) -> None:
        """Encode the prompts, [B, 77 · n, width] each."""
        encoded = map(self.sd_model.forge_objects.clip, (self.prompt, self.negative_prompt))
        self.c, self.uc = (prompt.expand(self.batch_size, -1, -1) for prompt in encoded)

    def draw_noise(self, height: int, width: int) -> Tensor:
        """Draw noise [B, 4, height, width], each picture's from its own seed: the batch's size changes none of it."""
        generators = [torch.Generator().manual_seed(seed) for seed in self.seeds]
        return torch.stack([torch.randn((4, height, width), generator=generator) for generator in generators])

    def run_sampling_hook(self, x: Tensor, noise: Tensor) -> None:
        """Call the hook in which extensions patch the UNet."""
        self.scripts.run("process_before_every_sampling", self, x=x, noise=noise, c=self.c, uc=self.uc)


@dataclass
class Txt2Img(Processing):
    """Pictures from noise, and a second, larger pass."""

    enable_hr: bool = False
    hr_scale: float = 2.0
    hr_upscaler: str = "Latent"
    hr_cfg: float = 1.0

    def sample(self) -> Tensor:
        self.sampler = Sampler()
        x = self.draw_noise(self.height // 8, self.width // 8)
        self.sd_model.reset_forge_objects()
        self.run_sampling_hook(x, x)
        samples = self.sampler.sample(self, x, self.c, self.uc)
        if self.enable_hr and not self.state.interrupted:
            samples = self._sample_hr_pass(samples)
        return samples

    def _sample_hr_pass(self, samples: Tensor) -> Tensor:
        self.is_hr_pass = True
        self.sampler = Sampler()
        samples = self._enlarge(samples)
        noise = self.draw_noise(*samples.shape[-2:])
        self.run_sampling_hook(samples, noise)  # Forge main calls it twice
        self.sd_model.reset_forge_objects()
        self.run_sampling_hook(samples, noise)
        samples = self.sampler.sample_img2img(self, samples, noise, self.c, self.uc, steps=self.steps)
        self.is_hr_pass = False
        return samples

    def _enlarge(self, samples: Tensor) -> Tensor:
        width, height = int(self.width * self.hr_scale), int(self.height * self.hr_scale)
        if self.hr_upscaler == "Latent":
            return torch.nn.functional.interpolate(samples, size=(height // 8, width // 8), mode="bilinear")
        images = self.sd_model.decode(samples)
        return self.sd_model.encode([image.resize((width, height), LANCZOS) for image in images])


@dataclass
class Img2Img(Processing):
    """Pictures from pictures."""

    init_images: list[Image.Image] = field(default_factory=list)
    resize_mode: int = 0
    image_mask: Image.Image | None = None
    mask_blur: int = 4
    inpaint_full_res: bool = True
    """Whether only the masked region is sampled ("only masked" in the web UI)."""
    inpaint_full_res_padding: int = 0
    crop_region: Region | None = None
    """What "only masked" cuts out, once `init` has found it."""

    def init(self) -> None:
        self.sampler = Sampler()
        if not 1 <= len(self.init_images) <= self.batch_size:
            raise ICLightError(
                f"init_images has {len(self.init_images)} pictures: send one, or up to batch_size ({self.batch_size})."
            )
        originals = [composite_on_white(image) for image in self.init_images]
        if len(originals) == 1:
            originals *= self.batch_size
        self.batch_size = len(originals)
        self.crop_region = None
        self._overlay: Image.Image | None = None
        """White where the result is seen, at the size of `_originals`."""
        if self.image_mask is not None:
            self._apply_mask(self.image_mask, originals)
        fitted = [self._fit(image) for image in originals]
        self._originals = fitted if self.crop_region is None else originals
        self._init_latent = self.sd_model.encode(fitted)

    def sample(self) -> Tensor:
        assert self.sampler is not None, "init() makes it"
        noise = self.draw_noise(self.height // 8, self.width // 8)
        self.sd_model.reset_forge_objects()
        self.run_sampling_hook(self._init_latent, noise)
        return self.sampler.sample_img2img(self, self._init_latent, noise, self.c, self.uc)

    def paste_back(self, image: Image.Image, index: int) -> Image.Image:
        """Put it back into its original, and where the mask keeps that, the original over it."""
        if self._overlay is None:
            return image
        original = self._originals[index]
        if self.crop_region is not None:
            left, top, right, bottom = self.crop_region
            result, image = image, original.copy()
            image.paste(resize_image(1, result, right - left, bottom - top), (left, top))
        return Image.composite(image, original, self._overlay)

    def _apply_mask(self, image_mask: Image.Image, originals: list[Image.Image]) -> None:
        """Find the region that is cut out, what is kept of the latent, and what of the pictures."""
        mask = image_mask.convert("L").filter(ImageFilter.GaussianBlur(self.mask_blur))
        if any(image.size != mask.size for image in originals):
            raise ICLightError(f"mask is {mask.width}×{mask.height}, which init_images are not: send one size.")
        if self.inpaint_full_res:
            self.crop_region = find_crop_region(mask, self.inpaint_full_res_padding, self.width, self.height)
            if self.crop_region is None:  # nothing is masked
                return
        fitted = self._fit(mask).convert("L")
        self.mask = torch.from_numpy(np.asarray(fitted.resize((self.width // 8, self.height // 8))) < 128)
        self._overlay = mask if self.crop_region is not None else fitted.point(lambda value: min(2 * value, 255))

    def _fit(self, image: Image.Image) -> Image.Image:
        """Bring a picture or mask to the size that is sampled."""
        if self.crop_region is not None:
            return resize_image(2, image.crop(self.crop_region), self.width, self.height)
        return resize_image(self.resize_mode, image, self.width, self.height)


@torch.inference_mode()
def process_images(p: Processing, load: Callable[[], StableDiffusion]) -> Processed:
    """Run a generation.

    :param load: loads the checkpoint, or returns it where it is loaded.
    :raises Exception: whatever is raised outside the scripts' hooks.
    """
    p.sd_model = object()
    p.scripts.run("before_process", p)
    p.sd_model = load()
    seed = random.randrange(2**32) if p.seed == -1 else p.seed
    torch.manual_seed(seed)  # posteriors are drawn from the global state
    p.all_seeds = [seed + number for number in range(p.batch_size * p.n_iter)]
    p.scripts.run("process", p)
    p.init()
    images: list[Image.Image] = []
    for number in range(p.n_iter):
        p.iteration = number
        p.state.skipped = False
        if p.state.interrupted:
            break
        p.seeds = p.all_seeds[p.iteration * p.batch_size : (p.iteration + 1) * p.batch_size]
        p.scripts.run("before_process_batch", p)
        p.setup_conds()
        batch = p.sd_model.decode(p.sample())
        for p.batch_index, image in enumerate(batch):
            args = PostprocessImageArgs(image)
            p.scripts.run("postprocess_image", p, args)
            images.append(p.paste_back(args.image, p.batch_index))
    processed = Processed(images)
    p.scripts.run("postprocess", p, processed)
    return processed
