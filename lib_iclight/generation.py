"""One relight on its way along the corridor: request, subject, light, condition, patch, sampling, finish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image

from .condition import Illumination, Source, encode_condition, encode_picture, fit_picture
from .errors import ICLightError
from .fields import SETTINGS
from .finish import reinforce
from .finish.in_place import InPlace
from .foreground import (
    CutoutSettings,
    Placement,
    cut_out,
    holds_memory,
    release_models,
    resize_and_centre_crop,
)
from .guard import LightStart, Pass
from .hosts import ExtraResult, Host, TabFit, TabPictures
from .infotext import infotext_name, infotext_of
from .lights import (
    LIGHT_MAP,
    NAMED_BACKGROUNDS,
    NAMED_LIGHTS,
    WALL,
    Background,
    Levels,
    Light,
    LightKind,
    Window,
    add_lights,
    draw_lights,
    to_picture,
)
from .patch import check_checkpoint, patch_unet
from .pictures import Picture
from .request import RelightRequest, parse
from .result import check_finish, describe_sizes, finish_result, has_more, is_finished
from .setting_types import Place, Tab
from .srgb import to_linear
from .subject import Subject
from .weights import check_checkpoint_file, find_model, kind_of, load_offsets, read_catalogue
from .weights.kind import Kind

_First = TypeVar("_First")
_Second = TypeVar("_Second")

LATENT_SCALE = 8
"""Pixels a latent's element stands for, along each side."""

NO_LIGHT = 0
"""What lies under a light map's transparent parts."""

NOTHING_HERE = 127
"""What lies under a background's transparent parts: the grey that the model takes for nothing."""

_FINISH_NAMES = tuple(infotext_name(name) for name, setting in SETTINGS.items() if setting.place is Place.FINISH)


@dataclass
class Generation:
    """One relight, from what was asked to what is shown. Its methods stand in the order in which they are called."""

    host: Host
    request: RelightRequest
    model: Path
    kind: Kind

    tab_pictures: TabPictures | None = None
    """What the img2img tab was given; None in txt2img."""

    subjects: list[Subject] = field(default_factory=list)
    """One for the whole batch, or one for each of the tab's pictures."""

    size: tuple[int, int] = (0, 0)
    """Width and height in pixels of the pass that was sampled last; 0 before the first."""

    notes: list[str] = field(default_factory=list)
    """What the user should know beside the results: what was done in another way than asked, and what failed."""

    _untouched: list[ExtraResult] = field(default_factory=list)

    # The request

    @classmethod
    def from_args(cls, host: Host, args: Sequence[Any], tab_pictures: TabPictures | None) -> Generation | None:
        """Check what is asked for.

        :param args: the panel's values in its order, or one dict from the API.
        :returns: None where no relight is asked for.
        :raises ICLightError: it is wrong, can't take effect, or the model can't be used.
        """
        if not args or args[0] is False:
            return None
        catalogue = read_catalogue(host.webui.models_folders())
        tab = Tab.TXT2IMG if tab_pictures is None else Tab.IMG2IMG
        request = parse(args, lambda name: kind_of(find_model(catalogue, name)), tab)
        if request is None:
            return None
        model = find_model(catalogue, request.model)
        kind = kind_of(model)
        request.check_effect(kind, model.name, tab)
        request.check_complete(kind, model.name, tab)
        return cls(host, request, model, kind, tab_pictures)

    @property
    def tab(self) -> Tab:
        """The tab that generates."""
        return Tab.TXT2IMG if self.tab_pictures is None else Tab.IMG2IMG

    # The subject

    def cut_out_subjects(self) -> None:
        """Cut out the subject, or each of the tab's pictures, which are fitted as the tab fits them.

        :raises ICLightError: there is no subject in a picture, or the way of cutting out can't be used.
        """
        request = self.request
        settings = CutoutSettings(request.cutout, request.edge_shift, request.edge_feather, request.mask)
        catalogue = read_catalogue(self.host.webui.models_folders())
        if request.subject is not None:
            pictures = [request.subject]
        else:
            pictures = [Picture.from_image(image, "the img2img tab") for image in self._tab().pictures]
        try:
            foregrounds = [cut_out(picture, settings, catalogue) for picture in pictures]
        finally:
            if holds_memory():
                self.host.webui.release_with_models(release_models)
        fit = None if self.tab_pictures is None or request.subject is not None else self.tab_pictures.fit
        placement = Placement(request.subject_x, request.subject_y, request.subject_scale, request.subject_mirrored)
        self.subjects = [Subject(foreground, placement, fit) for foreground in foregrounds]
        self.notes += [note for foreground in foregrounds for note in foreground.notes]
        self.request = replace(request, model=self.model.name, cutout=foregrounds[0].method)

    def infotext(self) -> dict[str, Any]:
        """The settings in effect, with what was found in the place of what was left open."""
        return infotext_of(self.request, self.kind, self.tab)

    def place_subjects(self, fit: TabFit) -> None:
        """Fit the subjects as the img2img tab fits its own picture, where they belong to it.

        :raises ICLightError: "only masked" cuts out a part, and it can't be told which part of the subject that is.
        """
        self.tab_pictures = self._tab()._replace(fit=fit)
        belongs_to_tab = self.request.subject is None
        if self.request.subject is not None and fit.crop_region is not None:
            _check_one_size(self.request.subject, self._tab().pictures[0])
            belongs_to_tab = True
        fit_of_subjects = fit if belongs_to_tab else None
        if self.subjects[0].tab_fit != fit_of_subjects:  # all have one; else they keep what they were fitted to
            self.subjects = [replace(subject, tab_fit=fit_of_subjects) for subject in self.subjects]

    # The light, the condition, the patch

    def check_hires_checkpoint(self, checkpoint: Path | None) -> None:
        """Refuse a checkpoint of the hires pass that can't be relit, before the first pass.

        :param checkpoint: its file; None where the hires pass keeps the first one's.
        :raises ICLightError: its header tells that it is of another family.
        """
        if checkpoint is not None:
            check_checkpoint_file(checkpoint)

    def prepare_pass(self, sd_model: Any, size: tuple[int, int], is_hires: bool) -> Pass:
        """Patch the UNet for the pass that is about to be sampled.

        :param sd_model: the host's loaded checkpoint.
        :param size: width and height in pixels.
        :param is_hires: the pass starts from the picture that it enlarges.
        :raises ICLightError: the checkpoint doesn't fit, or a picture can't be used.
        """
        offsets = load_offsets(self.model)
        check_checkpoint(self.host, sd_model, offsets)
        self.size = size
        for subject in self.subjects:
            subject.check_in_frame(self.host, size)
            is_masked = self.tab_pictures is not None and self.tab_pictures.is_masked
            check_finish(self.host, self.request, subject, size, is_hires=is_hires, is_masked=is_masked)
        sources = [subject.source for subject in self.subjects]
        condition = encode_condition(self.host, sd_model, sources, self._backgrounds(), *size)
        start = None if is_hires else self._light_start(sd_model)
        return Pass(patch_unet(self.host, sd_model, offsets, self.request.strength, condition), start)

    def _backgrounds(self) -> list[Source]:
        """What a model that looks at a background is shown as one: for the whole batch, or for each subject."""
        request = self.request
        if self.kind is not Kind.BACKGROUND:
            return []
        backgrounds = self._unlit_backgrounds()
        if not request.lights or request.background is Background.LIGHTS:
            return backgrounds
        lights, window = request.lights, self._window()
        return [
            background._replace(illumination=Illumination(lights, window, outline))
            for background, outline in _pair(backgrounds, self._outlines())
        ]

    def _unlit_backgrounds(self) -> list[Source]:
        """A wall as it was drawn, a picture as it was given, or the surroundings of each subject."""
        request = self.request
        if request.background in NAMED_BACKGROUNDS:
            return [Source(draw_lights(NAMED_BACKGROUNDS[request.background], Window.whole(*self.size), WALL))]
        if request.background is Background.LIGHTS:
            return self._draw_lights(WALL)
        if request.background is Background.OWN:
            return [subject.surroundings() for subject in self.subjects]
        if request.background_image is None:
            raise ValueError("a request without it is refused")
        picture = request.background_image.composited_on(NOTHING_HERE)
        if request.background is Background.MIRRORED:
            picture = picture.mirrored()
        return [self._fill_frame(picture)]

    def _light_start(self, sd_model: Any) -> LightStart | None:
        """What the pass starts from where a light was chosen."""
        request = self.request
        if self.kind is not Kind.FOREGROUND or not (request.lights or request.light is not Light.NONE):
            return None
        lights = self._light_maps()
        if request.reinforce_foreground:
            lights = self._reinforced(lights)
        latents = [encode_picture(self.host, sd_model, light, *self.size) for light in lights]
        return LightStart(torch.cat(latents), request.light_denoise)

    def _light_maps(self) -> list[Source]:
        """One light map for the whole batch, or one for each of the tab's pictures or of the subjects."""
        request = self.request
        if request.light in NAMED_LIGHTS:
            return [Source(draw_lights(NAMED_LIGHTS[request.light], Window.whole(*self.size)))]
        own = self._own_light_maps() if request.light is Light.CUSTOM else []
        if not request.lights:
            return own
        if not own:
            return self._draw_lights(LIGHT_MAP)
        window = self._window()
        lights = [add_lights(request.lights, window, outline) for outline in self._outlines()]
        fitted = [to_linear(fit_picture(self.host, each, *self.size)) for each in own]
        return [Source(Picture(to_picture(light + each))) for light, each in _pair(lights, fitted)]

    def draw_light_map(self, width: int, height: int) -> Image.Image:
        """What a pass of that size would start from, before the subject is laid over it; nothing is generated.

        :raises ICLightError: no light was chosen, or a front light's subject can't be cut out.
        """
        request = self.request
        if not request.lights and request.light is Light.NONE:
            raise ICLightError("There is no light to draw: give lights, or a light by name.")
        if request.light is Light.CUSTOM and request.light_map is None:
            raise ICLightError("light custom needs a picture in light_map.")
        self.size = (width, height)
        if request.subject is not None and any(light.kind is LightKind.FRONT for light in request.lights):
            self.cut_out_subjects()
        (light_map, *_) = self._light_maps()
        return Image.fromarray(fit_picture(self.host, light_map, width, height))

    def draw_backdrop(self, size: tuple[int, int]) -> np.ndarray | None:
        """What the request's lights are added to or fall on; nothing is generated.

        :param size: width and height in pixels.
        :returns: uint8 [H, W, 3]; None where there is nothing but the lights, or what is behind them isn't there yet.
        :raises ICLightError: the surroundings of the subject can't be filled in.
        """
        self.size = size
        request, sources = self.request, list[Source]()
        if self.kind is Kind.FOREGROUND:
            if request.light is Light.CUSTOM and request.light_map is not None:
                sources = self._own_light_maps()
        elif request.background is Background.OWN or (
            request.background in (Background.IMAGE, Background.MIRRORED) and request.background_image is not None
        ):
            sources = self._unlit_backgrounds()
        return fit_picture(self.host, sources[0], *size) if sources else None

    def _own_light_maps(self) -> list[Source]:
        """The light map that was given, or each of the tab's pictures."""
        light_map = self.request.light_map
        if light_map is not None:
            return [self._fill_frame(light_map.composited_on(NO_LIGHT))]
        tab = self._tab()
        flat = map(self.host.webui.flatten_like_tab, tab.pictures)
        return [Source(Picture.from_image(image, "the img2img tab"), tab.fit) for image in flat]

    def _draw_lights(self, levels: Levels) -> list[Source]:
        """The request's lights as pictures: one for the whole batch, or one for each subject."""
        window = self._window()
        return [Source(draw_lights(self.request.lights, window, levels, outline)) for outline in self._outlines()]

    def _outlines(self) -> list[Picture | None]:
        """The subjects' alphas in the frame, for front lights; where there are no such lights, one None."""
        if not self.subjects or all(light.kind is not LightKind.FRONT for light in self.request.lights):
            return [None]
        alphas = [subject.alpha_at(self.host, self.size) for subject in self.subjects]
        return [None if alpha is None else Picture(np.repeat(alpha[..., None], 3, axis=2)) for alpha in alphas]

    def _window(self) -> Window:
        """The part of the lights' frame that is sampled: all of it, or what "only masked" cuts out."""
        if self.tab_pictures is None or self.tab_pictures.fit.crop_region is None:
            return Window.whole(*self.size)
        return Window.of_region(self.tab_pictures.fit.crop_region, self.tab_pictures.pictures[0].size, *self.size)

    def _reinforced(self, lights: list[Source]) -> list[Source]:
        """Every subject laid over its light."""
        strength = self.request.reinforce_foreground
        maps = [fit_picture(self.host, light, *self.size) for light in lights]
        layers = [
            (subject.colour_at(self.host, self.size), subject.alpha_at(self.host, self.size))
            for subject in self.subjects
        ]
        return [Source(Picture(reinforce(light, *layer, strength))) for light, layer in _pair(maps, layers)]

    # The finish

    def finish_result(self, image: Image.Image, result: int, number: int) -> Image.Image:
        """Give a result the original's details and colours back. It is kept as it is where that fails.

        :param image: at the size that was sampled.
        :param result: its number among all of the generation's.
        :param number: its number in its batch.
        """
        request = self.request
        if not is_finished(request):
            return image
        backdrop = None if request.in_place is InPlace.OFF else self._backdrop
        subject = self.subjects[number % len(self.subjects)]
        finished = finish_result(self.host, request, subject, image, backdrop)
        if request.full_size and not has_more(subject, image.size):
            self.notes.append(f"full_size enlarged nothing, as {describe_sizes(subject, image.size)}.")
        if request.show_untouched:
            self._untouched.append(ExtraResult(image, result, _FINISH_NAMES))
        return finished

    def _backdrop(self, subject: Subject, size: tuple[int, int]) -> np.ndarray:
        """What a subject is laid over, at a size in pixels: uint8 [H, W, 3]."""
        if self.request.in_place is InPlace.OWN or self.request.background is Background.OWN:
            return subject.surroundings_at(self.host, size)
        backgrounds = self._unlit_backgrounds()
        number = [each.foreground for each in self.subjects].index(subject.foreground)
        return fit_picture(self.host, backgrounds[number % len(backgrounds)], *size)

    def extra_results(self) -> list[ExtraResult]:
        """What else was asked to be shown."""
        extra = list(self._untouched)
        if self.request.show_subject:
            for number, subject in enumerate(self.subjects):
                image = Image.fromarray(fit_picture(self.host, subject.source, *self.size))
                extra.append(ExtraResult(image, number))
        return extra

    # What several of them need

    def _tab(self) -> TabPictures:
        if self.tab_pictures is None:
            raise ValueError("txt2img has no pictures of its own.")
        return self.tab_pictures

    def _fill_frame(self, picture: Picture) -> Source:
        """A light map or background: it fills the picture that is sampled, or, where "only masked" samples a part of
        the tab's picture, the whole of that."""
        if self.tab_pictures is None or self.tab_pictures.fit.crop_region is None:
            return Source(picture)
        covering = resize_and_centre_crop(picture.to_image(), *self.tab_pictures.pictures[0].size)
        return Source(Picture(np.array(covering)), self.tab_pictures.fit)


def _pair(first: Sequence[_First], second: Sequence[_Second]) -> list[tuple[_First, _Second]]:
    """Each of a batch with its own: what there is one of goes with all of the other."""
    count = max(len(first), len(second))
    return [(first[number % len(first)], second[number % len(second)]) for number in range(count)]


def _check_one_size(subject: Picture, tab_picture: Image.Image) -> None:
    if (subject.width, subject.height) != tab_picture.size:
        raise ICLightError(
            f"subject is {subject.width}×{subject.height} pixels and the img2img tab's picture "
            f'{tab_picture.width}×{tab_picture.height}: with "only masked" they need one size, so that the same part '
            'is cut out of both. Give pictures of one size, or inpaint the "whole picture".'
        )
