"""Train the small models: `python -m training`. It takes up where it was stopped."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lib_iclight.embedded.model import PARTS, KModel
from lib_iclight.embedded.networks import FirstStage, TextEncoder, Unet

from .captions import varied
from .data import PARTS as DATA
from .data import Latents, encode, render
from .networks import (
    Tensors,
    TrainableVAE,
    diffusers_names,
    encode_texts,
    new_text_encoder,
    new_unet,
    widened,
)
from .stages import Plan, train

VAE = Plan("vae", 1000, 1e-3)
BASE = Plan("base", 1700, 1.2e-3)
FOREGROUND = Plan("fc", 2400, 1e-3)
BACKGROUND = Plan("fbc", 1000, 6e-4)

BATCHES = (24, 6)
"""Pictures a step, of the small ones and of the large ones."""

SHARE_OF_LARGE = {"base": 0.04, "fc": 0.12, "fbc": 0.12}
"""Of the steps."""

CROP, CROPS = 64, 8


def main() -> None:
    """Run all stages."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("outputs/training"), help="where everything goes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    run(options.folder, options.seed, torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def run(folder: Path, seed: int, device: torch.device) -> None:
    """All stages in their order; what is done already is not done again."""
    folder.mkdir(parents=True, exist_ok=True)
    places = [folder / f"{part.size}" for part in DATA]
    for part, place in zip(DATA, places, strict=True):
        render(part, place)
    torch.manual_seed(seed)
    vae = train_vae(folder, places, seed, device)
    first_stage = FirstStage.from_tensors(vae.cpu().state_dict()).to(device).eval()
    for part, place in zip(DATA, places, strict=True):
        encode(part, place, first_stage, device)
    latents = [Latents(place) for place in places]
    torch.manual_seed(seed)
    texts, unet = new_text_encoder().to(device), new_unet().to(device)
    both = nn.ModuleDict({"unet": unet, "texts": texts})
    trainer = Denoising(latents, texts, device)
    train(BASE, both, functools.partial(trainer.loss, BASE, unet), folder, seed)
    base = {name: tensor.clone() for name, tensor in unet.cpu().state_dict().items()}
    texts.requires_grad_(False)
    save_checkpoint(folder / "small_sd15.safetensors", base, vae, texts)
    tuned = base
    for plan, channels in ((FOREGROUND, 8), (BACKGROUND, 12)):
        network = Unet(widened(tuned, channels)).to(device)
        train(
            plan,
            network,
            lambda step, random, plan=plan, network=network: trainer.loss(plan, network, random),
            folder,
            seed,
        )
        tuned = network.cpu().state_dict()
        save_offsets(folder / f"iclight_sd15_{plan.name}.safetensors", tuned, base)


def train_vae(folder: Path, places: list[Path], seed: int, device: torch.device) -> TrainableVAE:
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
        return difference.abs().mean() + 2 * difference.square().mean() + 2e-4 * divergence

    train(VAE, vae, loss_of, folder, seed)
    random = np.random.default_rng([seed, 99])
    with torch.inference_mode():
        means = torch.cat([vae.quant_conv(vae.encoder(crops(random)))[:, :4] for _ in range(40)])
    vae.normalise(means.mean(dim=(0, 2, 3)), means.std(dim=(0, 2, 3)))
    return vae


class Denoising:
    """The loss of Stable Diffusion's training, for text alone or with conditions appended."""

    def __init__(self, latents: list[Latents], texts: TextEncoder, device: torch.device) -> None:
        self._latents, self._texts, self._device = latents, texts, device
        self._sigmas = KModel(nn.Identity()).log_sigmas.exp()

    def loss(self, plan: Plan, unet: Unet, random: np.random.Generator) -> Tensor:
        """Of the noise that the UNet predicts, weighed by how much of the picture hangs on it at that level."""
        part = int(random.random() < SHARE_OF_LARGE[plan.name])
        latents, batch = self._latents[part], BATCHES[part]
        scenes, lights, seen_in = random.integers(len(latents), size=batch), *random.integers(2, size=(2, batch))
        clean = latents["picture", scenes, lights].to(self._device)
        captions = [
            varied(*latents.words[s], latents.lights[s][i], random) for s, i in zip(scenes, lights, strict=True)
        ]
        levels = torch.from_numpy(random.integers(1000, size=batch))
        sigma = self._sigmas[levels].to(self._device)[:, None, None, None]
        noise = torch.randn(clean.shape).to(self._device)
        given = (clean + noise * sigma) / (sigma**2 + 1).sqrt()
        if plan.name != "base":
            given = torch.cat([given, latents["subject", scenes, seen_in].to(given)], 1)
        if plan.name == "fbc":
            given = torch.cat([given, latents["background", scenes, lights].to(given)], 1)
        predicted = unet(given, levels.to(self._device), encode_texts(self._texts, captions, self._device))
        weight = torch.minimum(5 * sigma**2, 1 + sigma**2).clamp(max=50)
        return (weight * (predicted - noise).square()).mean()


def save_checkpoint(path: Path, unet: Tensors, vae: TrainableVAE, texts: TextEncoder) -> None:
    """One file in ldm's layout, fp16."""
    parts = {"unet": unet, "vae": vae.state_dict(), "clip": texts.transformer.state_dict()}
    tensors = {PARTS[part] + name: tensor for part, named in parts.items() for name, tensor in named.items()}
    save_file({name: tensor.cpu().half().contiguous() for name, tensor in tensors.items()}, path)


def save_offsets(path: Path, tuned: Tensors, base: Tensors) -> None:
    """Tuned minus base under diffusers' names, fp16."""
    wide = widened(base, tuned["input_blocks.0.0.weight"].shape[1])
    offsets = diffusers_names({name: tuned[name] - wide[name] for name in tuned})
    save_file({name: tensor.half().contiguous() for name, tensor in offsets.items()}, path)


if __name__ == "__main__":
    main()
