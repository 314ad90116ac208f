"""What is trained on: pictures of the little world, and their latents."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from iclight_standalone.networks import FirstStage
from lib_iclight.foreground.composite import GREY

from .world import AMBIENT, Lighting, Recipe, draw_lighting

HELD_OUT = 1_000_000
"""Recipes from this number on are for measuring: none is trained on."""

LIGHTS = 3
"""Number of lights that each scene is rendered in."""


@dataclass(frozen=True)
class Part:
    """Scenes at one size."""

    size: int
    """Side of a picture, in pixels."""

    scenes: int
    first: int
    """Its first recipe."""

    encoded: int
    """How many of the scenes the UNet is trained on; the autoencoder sees them all."""


KINDS = {"picture": slice(0, 2), "subject": slice(2, 4), "background": slice(0, 2)}
"""The kinds of pictures of a scene, and the lights that each is encoded in: the first two; the subject in the third
and in one without a side."""


def render(part: Part, folder: Path) -> None:
    """Write each kind's pictures, uint8 [scenes, lights, size, size, 3], and `scenes.json` last."""
    if (folder / "scenes.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    shape = (part.scenes, LIGHTS, part.size, part.size, 3)
    # a subject is also rendered in a light without a side
    shapes = {"picture": shape, "subject": (part.scenes, LIGHTS + 1, *shape[2:]), "background": shape}
    stores = {kind: np.lib.format.open_memmap(folder / f"{kind}.npy", "w+", np.uint8, shapes[kind]) for kind in KINDS}
    scenes = []
    for number in range(part.scenes):
        random = np.random.default_rng([part.first + number, 1])
        scene = Recipe(part.first + number).at(part.size)
        lights = [draw_lighting(random) for _ in range(LIGHTS)]
        for index, light in enumerate(lights):
            stores["picture"][number, index] = scene.draw_picture(light)
            stores["background"][number, index] = scene.draw_background(light)
        for index, light in enumerate([*(draw_lighting(random, is_white=True) for _ in range(LIGHTS)), AMBIENT]):
            stores["subject"][number, index] = scene.composite(scene.draw_subject(light), GREY)
        scenes.append(
            {"words": [scene.pattern, scene.colour, scene.thing], "lights": [asdict(each) for each in lights]}
        )
    for store in stores.values():
        store.flush()
    write_whole(folder / "scenes.json", json.dumps(scenes).encode())


@torch.inference_mode()
def encode(part: Part, folder: Path, vae: FirstStage, device: torch.device) -> None:
    """Write each kind's latents, scaled, fp16 [scenes, 2, 4, size / 8, size / 8].

    Pictures are mapped as Stable Diffusion was trained, subjects and backgrounds as IC-Light encodes its conditions.
    """
    for kind, seen in KINDS.items():
        if (folder / f"{kind}-latents.npy").exists():
            continue
        pictures = np.load(folder / f"{kind}.npy", mmap_mode="r")
        middle = 127.5 if kind == "picture" else GREY
        latents = []
        for scene in pictures[: part.encoded, seen]:
            pixels = torch.from_numpy(np.array(scene)).to(device).movedim(-1, 1).float().contiguous() / middle - 1
            latents.append(vae.process_in(vae.encode_mode(pixels)).half().cpu().numpy())
        content = io.BytesIO()
        np.save(content, np.stack(latents))
        write_whole(folder / f"{kind}-latents.npy", content.getvalue())


class Latents:
    """One part's latents and what is said about them."""

    def __init__(self, folder: Path) -> None:
        self._kinds = {kind: np.load(folder / f"{kind}-latents.npy") for kind in KINDS}
        scenes = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))[: len(self)]
        self.words = [(pattern, colour, thing) for pattern, colour, thing in (each["words"] for each in scenes)]
        self.lights = [[Lighting(**light) for light in scene["lights"]] for scene in scenes]

    def __len__(self) -> int:
        return len(self._kinds["picture"])

    def __getitem__(self, index: tuple[str, np.ndarray, np.ndarray]) -> torch.Tensor:
        """Latents of a kind, [B, 4, size / 8, size / 8], by scenes and lights."""
        kind, scenes, lights = index
        return torch.from_numpy(self._kinds[kind][scenes, lights]).float()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is either whole or not there."""
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
