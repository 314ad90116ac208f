"""Train the small models: `python -m iclight_workshop.training`. It takes up where it was stopped."""

from __future__ import annotations

import argparse
import functools
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from iclight_standalone.networks import FirstStage, TextEncoder, Unet
from iclight_standalone.stable_diffusion import PARTS, compute_sigmas

from .captions import vary_caption
from .data import Latents, Part, encode, render, write_whole
from .stages import Plan, train
from .trainable import (
    Tensors,
    TrainableVAE,
    encode_texts,
    enlarge_epsilon,
    make_text_encoder,
    make_unet,
    scale_to_real_epsilon,
    to_diffusers_names,
    widen,
)


@dataclass(frozen=True)
class Schedule:
    """How much is trained, and on what."""

    parts: tuple[Part, Part]
    """Small pictures, and large ones."""

    vae: Plan
    base: Plan
    fc: tuple[Plan, Plan]
    """From the base, and then for finer detail."""

    fbc: tuple[Plan, Plan]
    """From the first half of fc's, and then for finer detail."""


FULL = Schedule(
    (Part(128, 1800, 0, 1000), Part(256, 400, 10_000, 90)),
    vae=Plan("vae", 600, 1.5e-3),
    base=Plan("base", 800, 1.2e-3),
    fc=(Plan("fc", 1900, 1e-3), Plan("fc-fine", 1800, 6e-4, detail=20)),
    fbc=(Plan("fbc", 800, 7e-4), Plan("fbc-fine", 400, 6e-4, detail=20)),
)

BATCHES = (16, 4)
"""Pictures in a step that sees small ones, and in one that sees large ones."""

SHARE_OF_LARGE = {4: 0.04, 8: 0.12, 12: 0.12}
"""Share of the steps that see large pictures, by the UNet's input channels: 8 with a subject, 12 with both."""

CROP, CROPS = 64, 8

LATENT_RANGE = 4.0
"""What the autoencoder's channels of average colour run to while it is trained, for colours of -1…1."""


def main() -> None:
    """Run all stages."""
    parser = argparse.ArgumentParser(prog="python -m iclight_workshop.training", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("outputs/training"), help="where everything goes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        run(options.folder, options.seed)
    except ValueError as error:
        parser.error(str(error))


def run(folder: Path, seed: int = 0, schedule: Schedule = FULL) -> None:
    """All stages in their order; what is done already is not done again.

    Leaves `small_sd15.safetensors` and `ic-light/iclight_sd15_fc.safetensors` and `…_fbc.safetensors`.

    :raises ValueError: the folder holds a training with another seed or schedule.
    """
    _keep_to_one_training(folder, seed, schedule)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    places = [folder / str(part.size) for part in schedule.parts]
    for part, place in zip(schedule.parts, places, strict=True):
        render(part, place)
    torch.manual_seed(seed)
    vae = train_vae(schedule.vae, folder, places, seed, device)
    first_stage = FirstStage.from_tensors(scale_to_real_epsilon(vae.cpu())).to(device).eval()
    for part, place in zip(schedule.parts, places, strict=True):
        encode(part, place, first_stage, device)
    torch.manual_seed(seed)
    texts, unet = make_text_encoder().to(device), make_unet().to(device)
    trainer = Denoising([Latents(place) for place in places], texts, device)
    both = nn.ModuleDict({"unet": unet, "texts": texts})
    train(schedule.base, both, functools.partial(trainer.loss, schedule.base, unet, 4), folder, seed)
    trained, base = unet.cpu().state_dict(), scale_to_real_epsilon(unet)
    texts.requires_grad_(False)
    save_checkpoint(folder / "small_sd15.safetensors", base, vae, texts)
    for kind, plans, channels in (("fc", schedule.fc, 8), ("fbc", schedule.fbc, 12)):
        network = enlarge_epsilon(Unet(widen(trained, channels))).to(device)
        for plan in plans:
            train(plan, network, functools.partial(trainer.loss, plan, network, channels), folder, seed)
            if plan is plans[0]:
                trained = {name: tensor.cpu().clone() for name, tensor in network.state_dict().items()}
        save_offsets(
            folder / "ic-light" / f"iclight_sd15_{kind}.safetensors", scale_to_real_epsilon(network.cpu()), base
        )


def _keep_to_one_training(folder: Path, seed: int, schedule: Schedule) -> None:
    settings, file = json.dumps({"seed": seed, **asdict(schedule)}, indent=1).encode(), folder / "settings.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, settings)
    elif file.read_bytes() != settings:
        raise ValueError(f"{folder} holds a training with another seed or schedule ({file}): give another --folder.")


def train_vae(plan: Plan, folder: Path, places: list[Path], seed: int, device: torch.device) -> TrainableVAE:
    """An autoencoder of parts of the pictures, its latents brought to unit variance."""
    kinds = [np.load(place / f"{kind}.npy", mmap_mode="r") for place in places for kind in ("picture", "subject")]
    kinds.append(np.load(places[0] / "background.npy", mmap_mode="r"))
    vae = TrainableVAE().to(device)

    def crops(random: np.random.Generator) -> Tensor:
        pixels = np.empty((CROPS, CROP, CROP, 3), np.uint8)
        for crop in pixels:
            pictures = kinds[random.choice(len(kinds), p=[0.35, 0.25, 0.15, 0.15, 0.1])]
            top, left = random.integers(0, pictures.shape[2] - CROP + 1, 2)
            scene, light = random.integers(len(pictures)), random.integers(pictures.shape[1])
            crop[:] = pictures[scene, light, top : top + CROP, left : left + CROP]
        return torch.from_numpy(pixels).to(device).movedim(-1, 1).float() / 127.5 - 1

    def loss_of(random: np.random.Generator) -> Tensor:
        pixels = crops(random)
        decoded, mean, log_variance = vae(pixels, torch.randn(CROPS, 4, CROP // 8, CROP // 8).to(device))
        difference = decoded - pixels
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        # Three channels are led to the average colours of their 8×8 pixels. Left alone, colours come one by one, and
        # after as many steps green and purple are still grey.
        led = (mean[:, :3] / LATENT_RANGE - nn.functional.avg_pool2d(pixels, 8)).abs().mean()
        return difference.abs().mean() + 2 * difference.square().mean() + led + 2e-4 * divergence

    train(plan, vae, loss_of, folder, seed)
    random = np.random.default_rng([seed, 99])
    with torch.inference_mode():
        means = torch.cat([vae.quant_conv(vae.encoder(crops(random)))[:, :4] for _ in range(40)])
    vae.normalise(means.mean(dim=(0, 2, 3)), means.std(dim=(0, 2, 3)))
    return vae


class Denoising:
    """The loss of Stable Diffusion's training, for text alone or with conditions appended."""

    def __init__(self, latents: list[Latents], texts: TextEncoder, device: torch.device) -> None:
        self._latents, self._texts, self._device = latents, texts, device
        self._sigmas = compute_sigmas()

    def loss(self, plan: Plan, unet: Unet, channels: int, random: np.random.Generator) -> Tensor:
        """Squared error of the predicted noise, weighted by how much of the picture depends on it at that level."""
        part = int(random.random() < SHARE_OF_LARGE[channels])
        latents, batch = self._latents[part], BATCHES[part]
        scenes, lights, seen_in = random.integers(len(latents), size=batch), *random.integers(2, size=(2, batch))
        clean = latents["picture", scenes, lights].to(self._device)
        captions = [
            vary_caption(latents.words[scene], latents.lights[scene][light], random)
            for scene, light in zip(scenes.tolist(), lights.tolist(), strict=True)
        ]
        levels = torch.from_numpy(random.integers(1000, size=batch))
        sigma = self._sigmas[levels].to(self._device)[:, None, None, None]
        noise = torch.randn(clean.shape).to(self._device)
        given = (clean + noise * sigma) / (sigma**2 + 1).sqrt()
        if channels > 4:
            given = torch.cat([given, latents["subject", scenes, seen_in].to(given)], 1)
        if channels > 8:
            given = torch.cat([given, latents["background", scenes, lights].to(given)], 1)
        predicted = unet(given, levels.to(self._device), encode_texts(self._texts, captions, self._device))
        weight = torch.minimum(plan.detail * sigma**2, 1 + sigma**2).clamp(max=50)
        return (weight * (predicted - noise).square()).mean()


def save_checkpoint(path: Path, unet: Tensors, vae: TrainableVAE, texts: TextEncoder) -> None:
    """One file in ldm's layout, fp16."""
    parts = {"unet": unet, "vae": scale_to_real_epsilon(vae), "clip": texts.transformer.state_dict()}
    tensors = {PARTS[part] + name: tensor for part, named in parts.items() for name, tensor in named.items()}
    write_whole(path, save({name: tensor.cpu().half().contiguous() for name, tensor in tensors.items()}))


def save_offsets(path: Path, tuned: Tensors, base: Tensors) -> None:
    """Tuned minus base under diffusers' names, fp16."""
    wide = widen(base, tuned["input_blocks.0.0.weight"].shape[1])
    offsets = to_diffusers_names({name: tuned[name] - wide[name] for name in tuned})
    path.parent.mkdir(exist_ok=True)
    write_whole(path, save({name: tensor.half().contiguous() for name, tensor in offsets.items()}))


if __name__ == "__main__":
    main()
