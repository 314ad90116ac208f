"""The hooks of a host's Script: each hands a host's event on to the generation that lives on its `p`."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from PIL import Image

from .errors import ICLightError, report
from .fields import SETTINGS
from .generation import LATENT_SCALE, Generation
from .guard import Pass, guard_sampler
from .hosts import Host
from .hosts.results import tensor_of, to_image
from .infotext import PREFIX, WARNING

_STATE = "iclight"
"""The attribute of `p` that holds what one generation needs, from `before_process` to `postprocess`."""


class Refused(NamedTuple):
    """A relight that was asked for and can't be done: no pass of its generation may be sampled."""

    error: Exception


class LeftOut(NamedTuple):
    """A picture of a batch of files that can't be relit: the batch goes on without it."""

    sentence: str


class RelightHooks:
    """In the order in which the host calls them. Holds nothing of any generation."""

    host: Host

    def title(self) -> str:
        """The panel's title, by which the API finds the Script."""
        return SETTINGS["enabled"].label

    def relight_args(self, p: Any, args: tuple[Any, ...]) -> Any:
        """The request's values among a Script's arguments."""
        return args

    def before_process(self, p: Any, *args: Any) -> None:
        """Drop what an earlier run of this `p` left, and check what is asked for.

        :param args: the panel's values in its order, or one dict from the API.
        """
        _drop_state(p)
        try:
            if any(_generation(outer) for outer in self.host.webui.outer_generations(p)):
                # A face detailer repaints parts of our results with our arguments: they are relit already.
                return
            generation = Generation.from_args(self.host, self.relight_args(p, args), self.host.webui.tab_pictures(p))
        except Exception as error:  # the script runner would print it and generate on
            _refuse(p, error)
            return
        if generation is not None:
            setattr(p, _STATE, generation)

    def process(self, p: Any, *args: Any) -> None:
        """Cut the subject out, and write the settings into the infotext before the host saves it."""
        generation = _generation(p)
        if generation is None:
            return
        try:
            generation.check_hires_checkpoint(self.host.webui.hires_checkpoint(p))
            self._check_refiner(p)
            generation.tab_pictures = self.host.webui.tab_pictures(p)  # other scripts may have changed them by now
            generation.cut_out_subjects()
        except Exception as error:
            place = self.host.webui.batch_picture(p) if isinstance(error, ICLightError) else None
            if place is None:
                _refuse(p, error)
            else:
                setattr(p, _STATE, LeftOut(f"{place.name} was left out: {error}"))
            return
        p.extra_generation_params.update(generation.infotext())

    def before_process_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """Make nothing of a batch's picture that can't be relit."""
        if isinstance(getattr(p, _STATE, None), LeftOut):
            self.host.webui.drop_batch(p)

    def process_before_every_sampling(self, p: Any, *args: Any, x: torch.Tensor, **kwargs: Any) -> None:
        """Patch the UNet for the pass that is about to be sampled, and guard its sampler.

        :param x: what the pass starts from, [B, 4, H/8, W/8]: its size is the one that is sampled.
        """
        state = getattr(p, _STATE, None)
        if isinstance(state, Refused):
            guard_sampler(self.host, p, Pass(error=state.error))
        if not isinstance(state, Generation):
            return
        size = (x.shape[-1] * LATENT_SCALE, x.shape[-2] * LATENT_SCALE)
        try:
            tab_pictures = self.host.webui.tab_pictures(p)
            if tab_pictures is not None:
                state.place_subjects(tab_pictures.fit)
            this_pass = state.prepare_pass(p.sd_model, size, getattr(p, "is_hr_pass", False))
            self.host.webui.keep_new_colours(p)
        except Exception as error:  # as in before_process
            report(error)
            this_pass = Pass(error=error)
        guard_sampler(self.host, p, this_pass)

    def postprocess_batch_list(self, p: Any, batch: Any, *args: Any, **kwargs: Any) -> None:
        """Finish a batch here where :meth:`postprocess_image` comes too late for it.

        :param batch: `images` are its results, each float [3, H, W] in 0…1; they are exchanged.
        """
        generation = _sampled_generation(p)
        if generation is not None and self.host.webui.masks_before_finish():
            for number, result in enumerate(batch.images):
                batch.images[number] = tensor_of(self._finish(p, generation, to_image(result), number))

    def postprocess_image(self, p: Any, args: Any, *script_args: Any) -> None:
        """Give a result the original's details and colours back.

        :param args: `image` is the result, at the size that was sampled; it is exchanged.
        """
        generation = _sampled_generation(p)
        if generation is not None and not self.host.webui.masks_before_finish():
            args.image = self._finish(p, generation, args.image, p.batch_index)

    def postprocess(self, p: Any, processed: Any, *args: Any) -> None:
        """Show what else was asked for. The relit pictures are kept whatever happens here."""
        state = getattr(p, _STATE, None)
        if state is None:
            return
        delattr(p, _STATE)
        if isinstance(state, LeftOut):
            self._leave_out(p, processed, state)
        elif isinstance(state, Refused) or not _was_sampled(state):
            self._withhold(p, processed)
        else:
            self._show_extra(p, processed, state)

    def _finish(self, p: Any, generation: Generation, image: Image.Image, number: int) -> Image.Image:
        """:param number: the result's in its batch. Its number among all is not said by every host."""
        try:
            return generation.finish_result(image, p.iteration * p.batch_size + number, number)
        except Exception as error:  # the relit picture is kept as it is
            report(error)
            generation.notes.append(f"IC-Light could not finish the picture: {error}")
            return image

    def _check_refiner(self, p: Any) -> None:
        if self.host.webui.refiner_will_switch(p):
            raise ICLightError(
                "The refiner would exchange the checkpoint in the middle of the pass, and the rest would not be relit: "
                "switch the refiner off."
            )

    def _show_extra(self, p: Any, processed: Any, generation: Generation) -> None:
        try:
            self.host.webui.add_results(processed, generation.extra_results())
        except Exception as error:  # a finishing touch: say so, on the page and over the API, and keep the pictures
            report(error)
            generation.notes.append(f"IC-Light could not show the subject: {error}")
        if generation.notes:
            self._say(p, processed, " ".join(dict.fromkeys(generation.notes)))

    def _leave_out(self, p: Any, processed: Any, state: LeftOut) -> None:
        """Name a batch's picture beside the batch's results, of which the page shows the first picture's comments."""
        place = self.host.webui.batch_picture(p)
        self.host.webui.drop_results(processed, with_infotexts=True)
        self._say(p, (place and place.results) or processed, state.sentence)

    def _withhold(self, p: Any, processed: Any) -> None:
        """No pass came by us (another script samples in its own way): what there is was not relit."""
        if processed.images:
            self.host.webui.drop_results(processed)
            self._say(
                p, processed, "The picture was not relit and is not shown: another script samples without the hooks."
            )

    def _say(self, p: Any, processed: Any, sentence: str) -> None:
        """Beside the pictures on the page, and in `info` over the API."""
        self.host.webui.add_comment(processed, sentence)
        p.extra_generation_params[WARNING] = sentence


def _generation(p: Any) -> Generation | None:
    """The relight that lives on a generation, if one does."""
    state = getattr(p, _STATE, None)
    return state if isinstance(state, Generation) else None


def _sampled_generation(p: Any) -> Generation | None:
    """The same, if its sampling came by us."""
    generation = _generation(p)
    return generation if generation is not None and _was_sampled(generation) else None


def _was_sampled(generation: Generation) -> bool:
    return generation.size != (0, 0)


def _refuse(p: Any, error: Exception) -> None:
    report(error)
    setattr(p, _STATE, Refused(error))


def _drop_state(p: Any) -> None:
    """Take off everything of ours: a `p` can be processed again, or be a copy of one that was."""
    if hasattr(p, _STATE):
        delattr(p, _STATE)
    for name in [name for name in p.extra_generation_params if name.startswith(PREFIX)]:
        del p.extra_generation_params[name]
