"""Figures of the small models on held-out scenes: `python -m iclight_workshop.training.measure`.

Every picture goes the way of a user's: a request to the small host's front door.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import Enum
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from iclight_standalone.model_files import SMALL
from iclight_standalone.webui import WebUI
from lib_iclight.errors import ICLightError
from lib_iclight.foreground.composite import GREY
from lib_iclight.lights import NAMED_LIGHTS, Light, Window, draw_lights

from .captions import FROM
from .data import HELD_OUT
from .judge import OPPOSITE, OTHER_COLOUR, correlate_albedo, is_lit_from, measure_colour_shift
from .world import AMBIENT, LIGHT_COLOURS, SIDES, Lighting, Recipe, Scene

SIZE = 128
STEPS = 20
GUIDANCE = 2.0
"""CFG scale where there is a prompt; without one guidance would cost time and change nothing."""

LEAST_SHIFT = 0.1
"""Share of the way to the light's colour that a subject must go to count as tinted."""


class Ablation(str, Enum):
    """A part of the relight that is broken on purpose."""

    NONE = "none"
    ZEROED = "c_concat zeroed"
    OFF = "offsets and wrapper off"
    MIRRORED = "start light mirrored"
    SWAPPED = "foreground and background swapped"
    OTHER_COLOUR = "another colour in the prompt"


@dataclass(frozen=True)
class Bound:
    """A figure of many scenes, and from where on it is good."""

    name: str
    least: float


DIRECTION = Bound("direction", 0.95)
ALBEDO = Bound("albedo", 0.8)
COLOUR = Bound("colour", 0.9)
BACKGROUND_LIGHT = Bound("background's light", 0.8)
BACKGROUND_ALBEDO = Bound("albedo before a background", 0.8)

DESTROYS: dict[Ablation, frozenset[Bound]] = {
    Ablation.NONE: frozenset(),
    Ablation.ZEROED: frozenset({ALBEDO, BACKGROUND_ALBEDO, BACKGROUND_LIGHT}),
    Ablation.OFF: frozenset({ALBEDO, BACKGROUND_ALBEDO, BACKGROUND_LIGHT}),
    Ablation.MIRRORED: frozenset({DIRECTION}),
    Ablation.SWAPPED: frozenset({BACKGROUND_ALBEDO, BACKGROUND_LIGHT}),
    Ablation.OTHER_COLOUR: frozenset({COLOUR}),
}
"""Written before anything was measured: the figures that fall below their bound. All others stay above theirs.

Without the condition (or without IC-Light) a picture still begins in the light map and obeys the prompt's colour, so
something at the subject's place is lit from the right side in the right colour: only whose albedo it has is lost.
Starting from the mirrored light changes the side alone. Swapping is fbc's: fc has no background. A prompt with a colour
from across the circle is fc's: fbc is given none.
"""


class ZeroedCondition:
    """An always-on script, run after ours, that zeroes the `c_concat` which our wrapper appends."""

    is_on = False

    def title(self) -> str:
        """Its name among the scripts."""
        return "Zeroed condition"

    def process_before_every_sampling(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """Wrap our wrapper."""
        unet = p.sd_model.forge_objects.unet
        ours = unet.model_options.get("model_function_wrapper")
        if not self.is_on or ours is None:
            return

        def zeroed(apply_model: Callable, args: dict[str, Any]) -> Any:
            def with_zeros(*given: Any, c_concat: Any, **c: Any) -> Any:
                return apply_model(*given, c_concat=0 * c_concat, **c)

            return ours(with_zeros, args)

        unet.set_model_unet_function_wrapper(zeroed)


class SceneRelighter:
    """The small models on the small host, relighting scenes."""

    def __init__(self, folder: Path = SMALL, size: int = SIZE, steps: int = STEPS) -> None:
        self.size, self.steps = size, steps
        self._zeroed = ZeroedCondition()
        self._webui = WebUI(folder / "small_sd15.safetensors", [folder / "ic-light"], [self._zeroed])

    def relight(
        self, scene: Scene, side: str, prompt: str, ablation: Ablation = Ablation.NONE, **values: Any
    ) -> np.ndarray:
        """By fc: uint8 [size, size, 3].

        :param values: further fields of the request, or of the tab's; `start` is the light that the pass starts from.
        """
        start = values.pop("start", OPPOSITE[side] if ablation is Ablation.MIRRORED else side)
        if ablation is Ablation.OFF:
            start_picture = draw_lights(NAMED_LIGHTS[Light(start)], Window.whole(self.size, self.size)).to_image()
            return self._generate(self._webui.img2img, prompt, init_images=[start_picture], denoising_strength=0.9)
        request = {"model": "iclight_sd15_fc.safetensors", "subject": draw_cutout(scene), "light": start}
        return self._relight_ablated(ablation, prompt, request, values)

    def relight_before(
        self, scene: Scene, background: np.ndarray, prompt: str, ablation: Ablation = Ablation.NONE, **values: Any
    ) -> np.ndarray:
        """By fbc, before a background uint8 [size, size, 3]; else as :meth:`relight`."""
        subject, behind = draw_cutout(scene), Image.fromarray(background)
        if ablation is Ablation.OFF:
            return self._generate(self._webui.txt2img, prompt)
        if ablation is Ablation.SWAPPED:
            subject, behind = behind, Image.fromarray(scene.composite(scene.draw_subject(AMBIENT), GREY))
        request = {"model": "iclight_sd15_fbc.safetensors", "subject": subject, "background_image": behind}
        return self._relight_ablated(ablation, prompt, request, values)

    def encode_and_decode(self, picture: np.ndarray) -> np.ndarray:
        """What the autoencoder alone leaves of a picture uint8 [size, size, 3]."""
        model = self._webui.load()
        pixels = torch.from_numpy(picture).movedim(-1, 0)[None].float() / 127.5 - 1
        vae = model.forge_objects.vae.first_stage_model
        with torch.inference_mode():
            return np.asarray(model.decode(vae.process_in(vae.encode_mode(pixels)))[0])

    def _relight_ablated(self, ablation: Ablation, prompt: str, request: dict, values: dict) -> np.ndarray:
        tab = {name: values.pop(name) for name in list(values) if name.startswith(("hr_", "enable_hr", "denoising"))}
        self._zeroed.is_on = ablation is Ablation.ZEROED
        script = {"IC Light": {"args": [{"cutout": "none", **request, **values}]}}
        return self._generate(self._webui.txt2img, prompt, alwayson_scripts=script, **tab)

    def _generate(self, generate: Callable, prompt: str, **values: Any) -> np.ndarray:
        fixed = {"width": self.size, "height": self.size, "steps": self.steps, "seed": 1}
        fields = {"prompt": prompt, "cfg_scale": GUIDANCE if prompt else 1.0, **fixed, **values}
        return np.asarray(generate(fields)[0][0])


def draw_cutout(scene: Scene) -> Image.Image:
    """The subject in a light without a side, its surroundings transparent."""
    alpha = np.rint(255 * scene.alpha).astype(np.uint8)
    return Image.fromarray(np.dstack([scene.draw_subject(AMBIENT), alpha]))


def measure(
    bench: SceneRelighter, scenes: int, ablation: Ablation = Ablation.NONE, first: int = HELD_OUT
) -> dict[Bound, float]:
    """Each figure over that many held-out scenes: shares of the scenes, and the albedo's correlation.

    Albedo is judged in white light: in coloured light it can't be told even from pictures that are rendered
    (:func:`measure_limits`).
    """
    marks: dict[Bound, list[float]] = {}
    pictures: dict[Bound, list[np.ndarray]] = {}
    seen = [Recipe(number).at(bench.size) for number in range(first, first + scenes)]
    for number, scene in enumerate(seen, first):
        random = np.random.default_rng([number, 2])
        side, colour = str(random.choice(list(SIDES))), str(random.choice(list(LIGHT_COLOURS)[1:]))
        if ablation is not Ablation.SWAPPED:
            # the prompt tells neither the side, which is the start's to tell, nor the subject, which is the condition's
            asked = OTHER_COLOUR[colour] if ablation is Ablation.OTHER_COLOUR else colour
            white, coloured = (bench.relight(scene, side, f"{each} light", ablation) for each in ("white", asked))
            marks.setdefault(DIRECTION, []).append(is_lit_from(white, scene, side))
            marks.setdefault(COLOUR, []).append(measure_colour_shift(coloured, white, scene, colour) > LEAST_SHIFT)
            pictures.setdefault(ALBEDO, []).append(white)
        if ablation not in (Ablation.MIRRORED, Ablation.OTHER_COLOUR):
            wall = Recipe(number + 500_000).at(bench.size)
            white, coloured = (
                bench.relight_before(scene, wall.draw_background(Lighting(side, each)), "", ablation)
                for each in ("white", colour)
            )
            follows = measure_colour_shift(coloured, scene.draw_subject(AMBIENT), scene, colour) > LEAST_SHIFT
            marks.setdefault(BACKGROUND_LIGHT, []).append(follows and is_lit_from(coloured, scene, side))
            pictures.setdefault(BACKGROUND_ALBEDO, []).append(white)
    shares = {bound: float(np.mean(values)) for bound, values in marks.items()}
    return shares | {bound: correlate_albedo(results, seen) for bound, results in pictures.items()}


def measure_limits(bench: SceneRelighter, scenes: int, first: int = HELD_OUT) -> dict[str, float]:
    """What bounds the figures from above, by name: pictures that are rendered, and the prompt without a start light."""
    seen = [Recipe(number).at(bench.size) for number in range(first, first + scenes)]
    sides = [list(SIDES)[number % len(SIDES)] for number in range(scenes)]
    colours = [list(LIGHT_COLOURS)[1:][number % (len(LIGHT_COLOURS) - 1)] for number in range(scenes)]
    white = [scene.draw_picture(Lighting(side, "white")) for scene, side in zip(seen, sides, strict=True)]
    coloured = [
        scene.draw_picture(Lighting(side, colour)) for scene, side, colour in zip(seen, sides, colours, strict=True)
    ]
    decoded = [bench.encode_and_decode(picture) for picture in white]
    by_prompt = [
        is_lit_from(bench.relight(scene, side, f"white light {FROM[side]}", start="none"), scene, side)
        for scene, side in zip(seen, sides, strict=True)
    ]
    return {
        "albedo of the scenes as rendered, white light": correlate_albedo(white, seen),
        "the same, encoded and decoded": correlate_albedo(decoded, seen),
        "albedo of the scenes as rendered, coloured light": correlate_albedo(coloured, seen),
        "lit from the prompt's side, no start light": float(np.mean(by_prompt)),
    }


def _measure_in_process(figures: Callable[..., dict], options: argparse.Namespace, *values: Any) -> dict:
    """Run a measurement in a process of its own, on one thread: networks this small gain little by more."""
    torch.set_num_threads(1)
    return figures(SceneRelighter(options.folder, options.size, options.steps), *values)


def main() -> int:
    """Print the figures of the whole model and of all ablations, and what limits them.

    :returns: the exit status: 1 where a figure is on the wrong side of its bound, 2 where nothing can be measured.
    """
    parser = argparse.ArgumentParser(prog="python -m iclight_workshop.training.measure", description=__doc__)
    parser.add_argument("--folder", type=Path, default=SMALL, help="where the models are")
    parser.add_argument("--scenes", type=int, default=200, help="held-out scenes for the whole model")
    parser.add_argument("--ablation-scenes", type=int, default=100, help="for each ablation; 0: none is made")
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    if options.scenes < 1:
        parser.error("--scenes must be 1 or more.")
    try:
        return _print_table(options)
    except ICLightError as error:
        parser.error(str(error))


def _print_table(options: argparse.Namespace) -> int:
    disagreements = 0
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        scenes = dict.fromkeys(Ablation, options.ablation_scenes) | {Ablation.NONE: options.scenes}
        measured = {
            each: pool.submit(_measure_in_process, measure, options, n, each) for each, n in scenes.items() if n
        }
        limiting = pool.submit(_measure_in_process, measure_limits, options, options.scenes)
        for ablation, figures in measured.items():
            for bound, value in figures.result().items():
                expected = bound not in DESTROYS[ablation]
                agrees = (value >= bound.least) == expected
                disagreements += not agrees
                row = f"{ablation.value:34} {bound.name:28} {value:6.3f}  {'≥' if expected else '<'} {bound.least:.2f}"
                print(f"{row}  {'as foreseen' if agrees else 'NOT as foreseen'}", flush=True)
        for name, value in limiting.result().items():
            print(f"{name:63} {value:6.3f}", flush=True)
    return 1 if disagreements else 0


if __name__ == "__main__":
    raise SystemExit(main())
