"""One generation: the host's `p`, and the order in which everything happens."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from ..errors import ICLightError
from . import pictures
from .sampler import SAMPLERS, ImageRNG, Sampler, State
from .script import ScriptRunner

LATENT_UPSCALERS = {
    "Latent": ("bilinear", False),
    "Latent (antialiased)": ("bilinear", True),
    "Latent (bicubic)": ("bicubic", False),
    "Latent (bicubic antialiased)": ("bicubic", True),
    "Latent (nearest)": ("nearest", False),
    "Latent (nearest-exact)": ("nearest-exact", False),
}
"""Interpolation and antialiasing by the web UI's name."""


@dataclass
class Processed:
    """What a generation led to."""

    images: list[Image.Image]
    infotexts: list[str]
    extra_images: list[Image.Image] = field(default_factory=list)
    comments: str = ""


@dataclass
class Processing:
    """What both tabs share. Sizes are in pixels."""

    prompt: str = ""
    negative_prompt: str = ""
    seed: int = -1
    steps: int = 50
    cfg_scale: float = 7.0
    width: int = 512
    height: int = 512
    batch_size: int = 1
    n_iter: int = 1
    sampler_name: str = "Euler"
    denoising_strength: float = 0.75

    sd_model: Any = field(default=None, init=False)
    """The loaded checkpoint; before it is loaded, an object without `forge_objects`."""
    scripts: ScriptRunner = field(default=None, init=False)
    script_args: dict[str, tuple] = field(default_factory=dict, init=False)
    """Each script's arguments by its title in lower case."""
    state: State = field(default=None, init=False)
    sampler: Sampler | None = field(default=None, init=False)
    extra_generation_params: dict[str, Any] = field(default_factory=dict, init=False)
    is_hr_pass: bool = field(default=False, init=False)
    iteration: int = field(default=0, init=False)
    refiner_checkpoint_info: None = field(default=None, init=False)
    overlay_images: list[Image.Image] = field(default_factory=list, init=False)
    paste_to: pictures.Region | None = field(default=None, init=False)

    def init(self) -> None:
        """Prepare what all batches share, after the scripts' `process`."""

    def sample(self) -> torch.Tensor:
        """Sample one batch: [B, 4, H/8, W/8]."""
        raise NotImplementedError

    def setup_conds(self) -> None:
        """Encode the prompts of this batch."""
        self.c, self.uc = self._conditions(self.prompts, self.negative_prompts, self.cfg_scale)

    def create_sampler(self, name: str) -> Sampler:
        """A new sampler.

        :raises ICLightError: there is none of that name.
        """
        if name not in SAMPLERS:
            raise ICLightError(f"The embedded host has no sampler {name!r}: choose {' or '.join(SAMPLERS)}.")
        return Sampler(name, self.sd_model, self.state)

    def reset_forge_objects(self) -> None:
        """Take off whatever extensions put on the model before."""
        self.sd_model.forge_objects = self.sd_model.forge_objects_after_applying_lora.shallow_copy()

    def before_sampling(self, x: torch.Tensor, noise: torch.Tensor, c: torch.Tensor, uc: torch.Tensor | None) -> None:
        """Call the hook in which extensions patch the UNet."""
        self.scripts.run("process_before_every_sampling", self, x=x, noise=noise, c=c, uc=uc)

    def _conditions(
        self, prompts: list[str], negative: list[str], scale: float
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        encode = self.sd_model.get_learned_conditioning
        return encode(prompts), None if scale == 1 else encode(negative)


@dataclass
class Txt2Img(Processing):
    """Pictures from noise, and a second, larger pass."""

    enable_hr: bool = False
    hr_scale: float = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: int = 0
    hr_resize_x: int = 0
    hr_resize_y: int = 0
    hr_sampler_name: str | None = None
    hr_prompt: str = ""
    hr_negative_prompt: str = ""
    hr_cfg: float = 1.0
    firstpass_image: Image.Image | None = None
    """Stands in for the first pass's result: only the hires pass is sampled, as by the gallery's button."""
    txt2img_upscale: bool = field(default=False, init=False)
    latent_scale_mode: tuple[str, bool] | None = field(default=None, init=False)

    def init(self) -> None:
        self.txt2img_upscale = self.firstpass_image is not None
        if not self.enable_hr:
            return
        upscaler = self.hr_upscaler or "Latent"
        if upscaler != "Lanczos" and upscaler not in LATENT_UPSCALERS:
            names = ", ".join(["Lanczos", *LATENT_UPSCALERS])
            raise ICLightError(f"The embedded host has no upscaler {upscaler!r}: choose one of {names}.")
        self.latent_scale_mode = LATENT_UPSCALERS.get(upscaler)
        self.extra_generation_params |= {"Denoising strength": self.denoising_strength, "Hires upscaler": upscaler}
        self._calculate_target_resolution()

    def setup_conds(self) -> None:
        super().setup_conds()
        if self.enable_hr:
            count = len(self.prompts)
            self.hr_c, self.hr_uc = self._conditions(
                [self.hr_prompt or self.prompt] * count,
                [self.hr_negative_prompt or self.negative_prompt] * count,
                self.hr_cfg,
            )

    def sample(self) -> torch.Tensor:
        self.sampler = self.create_sampler(self.sampler_name)
        if self.enable_hr and self.firstpass_image is not None:
            pixels = pictures.to_tensor([self.firstpass_image.convert("RGB")])
            return self._sample_hr_pass(None if self.latent_scale_mode is None else self._encoded(pixels), pixels)
        x = self.rng.next()
        self.reset_forge_objects()
        self.before_sampling(x, x, self.c, self.uc)
        samples = self.sampler.sample(self, x, self.c, self.uc)
        if not self.enable_hr or self.state.interrupted:
            return samples
        pixels = self.sd_model.decode_first_stage(samples) if self.latent_scale_mode is None else None
        return self._sample_hr_pass(samples, pixels)

    def _sample_hr_pass(self, samples: torch.Tensor | None, pixels: torch.Tensor | None) -> torch.Tensor:
        self.is_hr_pass = True
        self.sampler = self.create_sampler(self.hr_sampler_name or self.sampler_name)
        width, height = self.hr_upscale_to_x, self.hr_upscale_to_y
        if self.latent_scale_mode is None:
            enlarged = [pictures.resize_image(0, image, width, height) for image in pictures.to_images(pixels)]
            samples = self._encoded(pictures.to_tensor(enlarged))
        else:
            mode, antialias = self.latent_scale_mode
            samples = torch.nn.functional.interpolate(
                samples, size=(height // 8, width // 8), mode=mode, antialias=antialias
            )
        cut_x, cut_y = self.truncate_x, self.truncate_y
        samples = samples[
            :, :, cut_y // 2 : samples.shape[2] - (cut_y + 1) // 2, cut_x // 2 : samples.shape[3] - (cut_x + 1) // 2
        ]
        self.rng = ImageRNG(samples.shape[1:], self.seeds[: len(samples)])
        noise = self.rng.next()
        self.scripts.run("before_hr", self)
        self.before_sampling(samples, noise, self.hr_c, self.hr_uc)  # Forge main calls it twice
        self.reset_forge_objects()
        self.before_sampling(samples, noise, self.hr_c, self.hr_uc)
        samples = self.sampler.sample_img2img(
            self, samples, noise, self.hr_c, self.hr_uc, steps=self.hr_second_pass_steps or self.steps
        )
        self.sampler = None
        self.is_hr_pass = False
        return samples

    def _encoded(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.sd_model.encode_first_stage(pixels)

    def _calculate_target_resolution(self) -> None:
        """The size to enlarge to, and how many latent rows and columns are cut off afterwards."""
        self.truncate_x = self.truncate_y = 0
        wide, high = self.hr_resize_x, self.hr_resize_y
        if wide == 0 and high == 0:
            self.hr_upscale_to_x, self.hr_upscale_to_y = (
                int(self.width * self.hr_scale),
                int(self.height * self.hr_scale),
            )
            return
        by_width = high == 0 or (wide != 0 and self.width / self.height < wide / high)
        self.hr_upscale_to_x = wide if by_width else high * self.width // self.height
        self.hr_upscale_to_y = wide * self.height // self.width if by_width else high
        if wide and high:
            self.truncate_x = (self.hr_upscale_to_x - wide) // 8
            self.truncate_y = (self.hr_upscale_to_y - high) // 8


@dataclass
class Img2Img(Processing):
    """Pictures from pictures."""

    init_images: list[Image.Image] = field(default_factory=list)
    resize_mode: int = 0
    image_mask: Image.Image | None = None
    mask_blur: int = 4
    inpainting_fill: int = 0
    """What is under the mask at first: 0 its surroundings, 1 the picture, 2 noise, 3 nothing."""
    inpaint_full_res: bool = True
    """Only masked."""
    inpaint_full_res_padding: int = 0
    inpainting_mask_invert: int = 0
    mask: torch.Tensor | None = field(default=None, init=False)
    """1 where the picture is kept, [4, H/8, W/8]."""
    nmask: torch.Tensor | None = field(default=None, init=False)

    def init(self) -> None:
        self.extra_generation_params["Denoising strength"] = self.denoising_strength
        self.sampler = self.create_sampler(self.sampler_name)
        if not 1 <= len(self.init_images) <= max(1, self.batch_size):
            raise ICLightError(
                f"init_images has {len(self.init_images)} pictures: send one, or up to batch_size ({self.batch_size})."
            )
        mask, region = self._prepared_mask()
        self.scripts.run("before_process_init_images", self, {"crop_region": region, "image_mask": mask})
        images = [self._prepared(image, mask, region) for image in self.init_images]
        if len(images) == 1:
            images, self.overlay_images = images * self.batch_size, self.overlay_images * self.batch_size
        else:
            self.batch_size = len(images)
        pixels = pictures.to_tensor(images)
        self.init_latent = self.sd_model.encode_first_stage(pixels)
        if self.resize_mode == 3:
            size = (self.height // 8, self.width // 8)
            self.init_latent = torch.nn.functional.interpolate(self.init_latent, size=size, mode="bilinear")
        if mask is not None:
            self._mask_latent(mask)

    def sample(self) -> torch.Tensor:
        noise = self.rng.next()
        self.reset_forge_objects()
        self.before_sampling(self.init_latent, noise, self.c, self.uc)
        samples = self.sampler.sample_img2img(self, self.init_latent, noise, self.c, self.uc)
        if self.mask is not None:
            samples = samples * self.nmask + self.init_latent * self.mask
        return samples

    def _prepared_mask(self) -> tuple[Image.Image | None, pictures.Region | None]:
        """The mask at the size that is sampled, and what is cut out for it."""
        if self.image_mask is None:
            return None, None
        mask = pictures.prepare_mask(self.image_mask, bool(self.inpainting_mask_invert), self.mask_blur)
        if not self.inpaint_full_res:
            mask = pictures.resize_image(self.resize_mode % 3, mask, self.width, self.height)
            self.mask_for_overlay = mask.convert("L").point(lambda value: min(2 * value, 255))
            return mask, None
        region = pictures.crop_region(mask, self.inpaint_full_res_padding, self.width, self.height)
        if region is None:
            return None, None
        self.mask_for_overlay = mask
        left, top, right, bottom = region
        self.paste_to = (left, top, right - left, bottom - top)
        return pictures.resize_image(2, mask.crop(region), self.width, self.height), region

    def _prepared(self, image: Image.Image, mask: Image.Image | None, region: pictures.Region | None) -> Image.Image:
        """A picture as it is encoded; what the mask keeps of it goes to `overlay_images`."""
        image = pictures.flatten(image)
        if region is None and self.resize_mode != 3:
            image = pictures.resize_image(self.resize_mode, image, self.width, self.height)
        if mask is None:
            return image
        if self.mask_for_overlay.size != image.size:
            self.mask_for_overlay = pictures.resize_image(self.resize_mode % 3, self.mask_for_overlay, *image.size)
        kept = Image.new("RGBa", image.size)
        kept.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(self.mask_for_overlay.convert("L")))
        self.overlay_images.append(kept.convert("RGBA"))
        if region is not None:
            image = pictures.resize_image(2, image.crop(region), self.width, self.height)
        return image if self.inpainting_fill == 1 else pictures.fill(image, mask)

    def _mask_latent(self, mask: Image.Image) -> None:
        height, width = self.init_latent.shape[-2:]
        painted = np.asarray(mask.convert("RGB").resize((width, height)))[..., 0].astype(np.float32) / 255
        self.nmask = torch.from_numpy(np.around(painted)).expand(self.init_latent.shape[1], -1, -1)
        self.mask = 1.0 - self.nmask
        if self.inpainting_fill in (2, 3):
            self.init_latent = self.init_latent * self.mask
        if self.inpainting_fill == 2:
            noise = ImageRNG(self.init_latent.shape[1:], self.all_seeds[: len(self.init_latent)]).next()
            self.init_latent = self.init_latent + noise * self.nmask


@torch.inference_mode()
def process_images(p: Processing, load: Any) -> Processed:
    """Run a generation.

    :param load: loads the checkpoint, or returns it where it is loaded.
    :raises Exception: whatever is raised outside the scripts' hooks.
    """
    p.sd_model = object()  # on Forge a placeholder without `forge_objects` until the checkpoint is loaded
    p.scripts.run("before_process", p)
    p.sd_model = load()
    seed = random.randrange(2**32) if p.seed == -1 else p.seed
    p.all_seeds = [seed + number for number in range(p.batch_size * p.n_iter)]
    p.scripts.run("process", p)
    p.init()
    images: list[Image.Image] = []
    infotexts: list[str] = []
    for number in range(p.n_iter):
        p.iteration = number
        p.state.skipped = False
        if p.state.interrupted or p.state.stopping_generation:
            break
        p.sd_model.forge_objects = p.sd_model.forge_objects_original.shallow_copy()
        p.seeds = p.all_seeds[number * p.batch_size : (number + 1) * p.batch_size]
        p.prompts, p.negative_prompts = [p.prompt] * len(p.seeds), [p.negative_prompt] * len(p.seeds)
        p.rng = ImageRNG((4, p.height // 8, p.width // 8), p.seeds)
        batch = {"batch_number": number, "prompts": p.prompts, "seeds": p.seeds, "subseeds": p.seeds}
        p.scripts.run("before_process_batch", p, **batch)
        p.reset_forge_objects()
        p.scripts.run("process_batch", p, **batch)
        p.setup_conds()
        decoded = p.sd_model.decode_first_stage(p.sample())
        p.scripts.run("postprocess_batch", p, images=decoded, batch_number=number)
        for index, image in enumerate(pictures.to_images(decoded)):
            images.append(_finished(p, image, index))
            infotexts.append(infotext(p, p.seeds[index]))
            images[-1].info["parameters"] = infotexts[-1]
    processed = Processed(images, infotexts)
    p.scripts.run("postprocess", p, processed)
    return processed


@dataclass
class PostprocessImageArgs:
    """What the hooks on single pictures may exchange."""

    image: Image.Image
    index: int


def _finished(p: Processing, image: Image.Image, index: int) -> Image.Image:
    """One picture on its way out: `postprocess_image`, paste-back, `postprocess_image_after_composite`."""
    args = PostprocessImageArgs(image, index + p.iteration * p.batch_size)
    p.scripts.run("postprocess_image", p, args)
    if index < len(p.overlay_images):
        args.image = pictures.apply_overlay(args.image, p.paste_to, p.overlay_images[index])
    p.scripts.run("postprocess_image_after_composite", p, args)
    return args.image


def infotext(p: Processing, seed: int) -> str:
    """A picture's settings in one text."""
    settings = {
        "Steps": p.steps,
        "Sampler": p.sampler_name,
        "CFG scale": p.cfg_scale,
        "Seed": seed,
        "Size": f"{p.width}x{p.height}",
        "Model": p.sd_model.filename.stem,
        **p.extra_generation_params,
    }
    negative = [f"Negative prompt: {p.negative_prompt}"] if p.negative_prompt else []
    return "\n".join([p.prompt, *negative, ", ".join(f"{name}: {value}" for name, value in settings.items())])
