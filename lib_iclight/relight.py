"""One relight, from what was asked to what is shown: the corridor that all rooms lie along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from . import conditioning
from .conditioning import Source
from .errors import ICLightError
from .finish import finish, reinforce
from .finish.area import DetailArea
from .foreground import CutoutSettings, Foreground, cut_out, holds_memory, release_models, resolve
from .hosts import Host, TabFit
from .light import Background, Light, light_map, plain_background
from .patching import check_checkpoint, patch_unet
from .pictures import Picture
from .request import INFOTEXT_PREFIX, RelightRequest, infotext, infotext_name, parse
from .sampling import LightStart, Pass, guard_sampler, report
from .weights import find_model, kind_of, load_offsets, read_catalogue
from .weights.kind import Kind

TITLE = "IC Light"

_STATE = "iclight"
"""The attribute of `p` that holds what one generation needs."""

LATENT_SCALE = 8
"""Pixels a latent's element stands for, along each side."""


@dataclass(frozen=True)
class Subject:
    """What is relit, and how it comes to the size that is sampled."""

    foreground: Foreground
    tab_fit: TabFit | None = None

    @property
    def source(self) -> Source:
        """As the model sees it."""
        return Source(self.foreground.on_grey, self.tab_fit)


@dataclass
class Generation:
    """A relight that was asked for. Lives on its `p`, from `before_process` to `postprocess`."""

    request: RelightRequest
    """With the way of cutting out that `auto` stands for."""

    model: Path
    kind: Kind

    crop_region: tuple[int, int, int, int] | None = None
    """Of the img2img tab's picture, where only the masked part is inpainted."""

    subjects: list[Subject] = field(default_factory=list)
    """One for the whole batch, or one for each of the tab's pictures."""

    size: tuple[int, int] = (0, 0)
    """Width and height in pixels of the pass that was sampled last."""

    originals: dict[tuple[Any, ...], np.ndarray] = field(default_factory=dict)
    """Subjects' pixels and alphas at the results' size, by the subject's number, what it is, and the size."""

    untouched: list[Image.Image] = field(default_factory=list)
    """The results before details and colours were given back, where they are to be shown."""

    complaints: list[str] = field(default_factory=list)
    """What could not be done to a result that is kept all the same."""


@dataclass
class Refused:
    """A relight that was asked for and can't be done: no pass of its generation may be sampled."""

    error: Exception


class RelightHooks:
    """The hooks of the host's Script, in the order in which the host calls them. Holds nothing of any generation."""

    host: Host

    def title(self) -> str:
        """The panel's title, by which the API finds the Script."""
        return TITLE

    def before_process(self, p: Any, *args: Any) -> None:
        """Drop what an earlier run of this `p` left, and check what is asked for.

        :param args: the panel's values in its order, or one dict from the API.
        """
        _drop(p)
        try:
            generation = self._requested(p, args)
        except Exception as error:  # the script runner would print it and generate on
            report(error)
            setattr(p, _STATE, Refused(error))
            return
        if generation is not None:
            setattr(p, _STATE, generation)

    def process(self, p: Any, *args: Any) -> None:
        """Write the settings into the infotext, before the host saves it."""
        generation = getattr(p, _STATE, None)
        if isinstance(generation, Generation):
            starts_from_light = not _is_img2img(p) and generation.request.light is not Light.NONE
            p.extra_generation_params.update(
                infotext(generation.request, generation.kind, generation.model.name, starts_from_light)
            )

    def before_process_init_images(self, p: Any, params: dict[str, Any], *args: Any) -> None:
        """Remember which part of its picture the img2img tab cuts out.

        :param params: has `crop_region`: left, top, right, bottom, or None.
        """
        generation, crop_region = getattr(p, _STATE, None), params["crop_region"]
        if isinstance(generation, Generation):
            generation.crop_region = None if crop_region is None else tuple(crop_region)

    def process_before_every_sampling(self, p: Any, *args: Any, x: torch.Tensor, **kwargs: Any) -> None:
        """Patch the UNet for the pass that is about to be sampled, and guard its sampler.

        :param x: what the pass starts from, [B, 4, H/8, W/8]: its size is the one that is sampled.
        """
        state = getattr(p, _STATE, None)
        if state is None:
            return
        try:
            this_pass = Pass(error=state.error) if isinstance(state, Refused) else self._prepared(p, state, x)
        except Exception as error:  # as in before_process
            report(error)
            this_pass = Pass(error=error)
        guard_sampler(self.host, p, this_pass)

    def postprocess_image(self, p: Any, args: Any, *script_args: Any) -> None:
        """Give a result the original's details and colours back. It is kept as it is where that fails.

        :param args: `image` is the result, at the size that was sampled; it is exchanged.
        """
        generation = getattr(p, _STATE, None)
        if not isinstance(generation, Generation) or not generation.subjects:
            return
        if not (generation.request.detail_transfer or generation.request.colour_keep):
            return
        untouched = args.image
        try:
            args.image = self._finished(generation, p.batch_index % len(generation.subjects), untouched)
        except Exception as error:
            report(error)
            generation.complaints.append(f"IC-Light could not give details and colours back: {error}")
            return
        if generation.request.show_untouched:
            generation.untouched.append(untouched)

    def postprocess(self, p: Any, processed: Any, *args: Any) -> None:
        """Show what else was asked for. The relit pictures are kept whatever happens here."""
        generation = getattr(p, _STATE, None)
        if generation is None:
            return
        if isinstance(generation, Refused) or generation.size == (0, 0):
            self._withhold(p, processed)
            return
        self.host.add_results(processed, generation.untouched)
        try:
            if generation.request.show_subject:
                self.host.add_results(processed, self._shown_subjects(generation))
        except Exception as error:  # a finishing touch: say so, on the page and over the API, and keep the pictures
            report(error)
            generation.complaints.append(f"IC-Light could not show the subject: {error}")
        if generation.complaints:
            self._say(p, processed, " ".join(dict.fromkeys(generation.complaints)))
        delattr(p, _STATE)

    def _withhold(self, p: Any, processed: Any) -> None:
        """No pass came by us (another script samples in its own way): what there is was not relit."""
        if processed.images:
            processed.images.clear()
            self._say(
                p, processed, "The picture was not relit and is not shown: another script samples without the hooks."
            )

    def _say(self, p: Any, processed: Any, sentence: str) -> None:
        """Beside the pictures on the page, and in `info` over the API."""
        self.host.add_comment(processed, sentence)
        p.extra_generation_params[infotext_name("warning")] = sentence

    def _requested(self, p: Any, args: Sequence[Any]) -> Generation | None:
        folders = self.host.models_folders()
        catalogue = read_catalogue(folders)
        request = parse(args, lambda name: kind_of(find_model(catalogue, name)))
        if request is None:
            return None
        model = find_model(catalogue, request.model)
        kind = kind_of(model)
        request.check_kind(kind, model.name)
        _check_pictures(request, _is_img2img(p))
        request = request.copy(update={"cutout": resolve(request.cutout, folders)})
        return Generation(request, model, kind)

    def _prepared(self, p: Any, generation: Generation, x: torch.Tensor) -> Pass:
        if self.host.refiner_would_switch(p):
            raise ICLightError(
                "The refiner would exchange the checkpoint in the middle of the pass, and the rest would not be relit: "
                "switch the refiner off."
            )
        request = generation.request
        offsets = load_offsets(generation.model)
        check_checkpoint(self.host, p.sd_model, offsets)
        width, height = generation.size = (x.shape[-1] * LATENT_SCALE, x.shape[-2] * LATENT_SCALE)
        if not generation.subjects:
            generation.subjects = self._subjects(p, generation)
        sources = [subject.source for subject in generation.subjects]
        condition = conditioning.c_concat(self.host, p.sd_model, sources, _background(p, generation), width, height)
        start = self._start(p, generation)
        patch = patch_unet(self.host, p.sd_model.forge_objects, offsets, request.strength, condition)
        return Pass(patch, start)

    def _start(self, p: Any, generation: Generation) -> LightStart | None:
        """The light that the pass starts from; none in a hires pass, which starts from the picture it enlarges."""
        request = generation.request
        if generation.kind is not Kind.FOREGROUND or request.light is Light.NONE or getattr(p, "is_hr_pass", False):
            return None
        lights = _lights(p, generation)
        if request.reinforce_foreground:
            lights = self._reinforced(generation, lights)
        latents = [conditioning.latent(self.host, p.sd_model, light, *generation.size) for light in lights]
        return LightStart(torch.cat(latents), None if _is_img2img(p) else request.light_denoise)

    def _reinforced(self, generation: Generation, lights: list[Source]) -> list[Source]:
        """Every subject laid over its light."""
        strength, size = generation.request.reinforce_foreground, generation.size
        maps = [conditioning.fitted(self.host, light, *size) for light in lights]
        reinforced = []
        for number in range(max(len(lights), len(generation.subjects))):
            rgb, alpha = self._at_size(generation, number % len(generation.subjects), size)
            reinforced.append(Source(Picture(reinforce(maps[number % len(maps)], rgb, alpha, strength))))
        return reinforced

    def _finished(self, generation: Generation, number: int, image: Image.Image) -> Image.Image:
        """A result with the details and colours of the subject of that number."""
        request = generation.request
        everywhere = request.detail_area is DetailArea.EVERYTHING
        rgb, alpha = self._at_size(generation, number, image.size, with_background=everywhere)
        return Image.fromarray(
            finish(
                np.asarray(image.convert("RGB")),
                rgb,
                alpha,
                detail_transfer=request.detail_transfer,
                detail_radius=request.detail_radius,
                detail_everywhere=everywhere,
                colour_keep=request.colour_keep,
            )
        )

    def _subjects(self, p: Any, generation: Generation) -> list[Subject]:
        request = generation.request
        settings = CutoutSettings(request.cutout, request.edge_shift, request.edge_feather, request.mask)
        folders = self.host.models_folders()
        given = _tab_pictures(p, generation) if request.subject is None else [Source(request.subject)]
        try:
            return [Subject(cut_out(source.picture, settings, folders), source.tab_fit) for source in given]
        finally:
            if holds_memory():
                self.host.release_with_models(release_models)

    def _at_size(
        self, generation: Generation, number: int, size: tuple[int, int], with_background: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """A subject's own colours and its alpha at a result's size, fitted as the model saw it: both lie on it.

        :param with_background: its picture as it was given, instead of the subject's own colours.
        """
        subject = generation.subjects[number]
        foreground, alpha = subject.foreground, subject.foreground.alpha
        pixels = {"colour": foreground.original.rgb if with_background else foreground.colour}
        if alpha is not None:
            pixels["alpha"] = np.repeat(alpha[..., None], 3, axis=2)
        for name, rgb in pixels.items():
            key = (number, name, with_background, size)
            if key not in generation.originals:
                fitted = conditioning.fitted(self.host, Source(Picture(rgb), subject.tab_fit), *size)
                generation.originals[key] = fitted
            pixels[name] = generation.originals[key]
        return pixels["colour"], None if alpha is None else pixels["alpha"][..., 0]

    def _shown_subjects(self, generation: Generation) -> list[Image.Image]:
        return [
            Image.fromarray(conditioning.fitted(self.host, subject.source, *generation.size))
            for subject in generation.subjects
        ]


def _drop(p: Any) -> None:
    """Take off everything of ours: a `p` can be processed again, or be a copy of one that was."""
    if hasattr(p, _STATE):
        delattr(p, _STATE)
    for name in [name for name in p.extra_generation_params if name.startswith(INFOTEXT_PREFIX)]:
        del p.extra_generation_params[name]


def _is_img2img(p: Any) -> bool:
    return hasattr(p, "init_images")


def _check_pictures(request: RelightRequest, is_img2img: bool) -> None:
    if request.subject is None and not is_img2img:
        raise ICLightError("There is no subject: give IC Light a picture as its subject.")
    if request.light is Light.CUSTOM and request.light_map is None and not (is_img2img and request.subject is not None):
        raise ICLightError(
            "light custom needs a picture in light_map; in img2img the tab's picture can be the light map, "
            "with the subject in IC Light's panel."
        )


def _tab_pictures(p: Any, generation: Generation) -> list[Source]:
    """The img2img tab's pictures, to be fitted as the tab fits them."""
    fit = TabFit(p.resize_mode, p.width, p.height, generation.crop_region)
    return [Source(Picture.from_image(image, "the img2img tab"), fit) for image in p.init_images]


def _background(p: Any, generation: Generation) -> Source | None:
    request = generation.request
    if generation.kind is not Kind.BACKGROUND:
        return None
    if request.background not in (Background.IMAGE, Background.MIRRORED):
        return Source(plain_background(request.background, *generation.size))
    picture = request.background_image
    belongs_to_tab = (
        request.subject is None
        and generation.crop_region is not None
        and (picture.width, picture.height) == p.init_images[0].size
    )
    if request.background is Background.MIRRORED:
        picture = picture.mirrored()
    return Source(picture, generation.subjects[0].tab_fit if belongs_to_tab else None)


def _lights(p: Any, generation: Generation) -> list[Source]:
    request = generation.request
    if request.light is not Light.CUSTOM:
        return [Source(light_map(request.light, *generation.size))]
    if request.light_map is not None:
        return [Source(request.light_map)]
    return _tab_pictures(p, generation)
