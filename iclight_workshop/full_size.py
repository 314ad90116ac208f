"""Random models at the true size of Stable Diffusion, for a real Forge.

    python -m iclight_workshop.full_size "$FORGE_DIR"

Writes 15 GB into Forge's `models`, by the configurations that Forge ships; files that are there already stay.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPVisionConfig, CLIPVisionModelWithProjection

from .random_models import (
    Architecture,
    Shapes,
    Tensors,
    draw,
    draw_checkpoint,
    draw_offsets,
    draw_text_model,
    draw_unet,
    draw_vae,
    read_shapes,
    replace_in_turn,
    write_model,
)

SD15 = "runwayml/stable-diffusion-v1-5"
SD2 = "stabilityai/stable-diffusion-2-1"


def read_architecture(configuration: Path) -> Architecture:
    """What a folder of configurations describes, in diffusers' layout."""
    return Architecture(
        unet=UNet2DConditionModel.load_config(configuration / "unet"),
        vae=AutoencoderKL.load_config(configuration / "vae"),
        text=CLIPTextConfig.from_pretrained(configuration / "text_encoder").to_dict(),
        latent_gain=9.0,
        picture_gain=0.8,
        offset_gain=0.02,
    )


OPEN_CLIP_RULES = [
    (r"^embeddings\.token_embedding\.", "token_embedding."),
    (r"^embeddings\.position_embedding\.weight$", "positional_embedding"),
    (r"^final_layer_norm\.", "ln_final."),
    (r"^encoder\.layers\.(\d+)\.", r"transformer.resblocks.\1."),
    (r"layer_norm([12])", r"ln_\1"),
    (r"mlp\.fc1", "mlp.c_fc"),
    (r"mlp\.fc2", "mlp.c_proj"),
    (r"self_attn\.out_proj", "attn.out_proj"),
    (r"self_attn\.[qkv]_proj\.", "attn.in_proj_"),
]


def to_open_clip_shapes(shapes: Shapes) -> Shapes:
    """A text model's shapes under OpenCLIP's names, where query, key and value are one tensor."""
    result: Shapes = {}
    for name, shape in shapes.items():
        fused = re.search(r"self_attn\.[qkv]_proj\.", name) is not None
        result[replace_in_turn(name, OPEN_CLIP_RULES)] = (3 * shape[0], *shape[1:]) if fused else shape
    width = shapes["final_layer_norm.weight"][0]
    return result | {"text_projection": (width, width), "logit_scale": ()}


def draw_sd2_checkpoint(architecture: Architecture, seed: int) -> Tensors:
    """A whole checkpoint of SD 2.1's shape; published files have one text layer more than is used."""
    generator = torch.Generator().manual_seed(seed)
    text = to_open_clip_shapes(architecture.text_shapes(num_hidden_layers=24))
    return (
        draw_unet(architecture.unet_shapes(), generator)
        | draw_vae(architecture, generator)
        | draw_text_model(text, "cond_stage_model.model.", generator)
    )


def draw_lora(architecture: Architecture, seed: int, rank: int = 4) -> Tensors:
    """A LoRA with kohya's names on the UNet's attention values: random queries and keys hardly change a picture."""
    generator = torch.Generator().manual_seed(seed)
    tensors: Tensors = {}
    for name, shape in architecture.unet_shapes().items():
        if re.search(r"_blocks\..*attn[12]\.to_v\.weight", name) is None:
            continue
        layer = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
        down = torch.randn(rank, shape[1], generator=generator) / math.sqrt(shape[1])
        tensors[f"{layer}.lora_down.weight"] = down.half()
        tensors[f"{layer}.lora_up.weight"] = (0.5 * torch.randn(shape[0], rank, generator=generator)).half()
        tensors[f"{layer}.alpha"] = torch.tensor(float(rank)).half()
    return tensors


def draw_control(architecture: Architecture, seed: int) -> Tensors:
    """A ControlNet under diffusers names; the convolutions that begin at zero are random too."""
    names = ("cross_attention_dim", "attention_head_dim", "block_out_channels", "layers_per_block")
    config = {name: architecture.unet[name] for name in names}
    shapes = read_shapes(lambda: ControlNetModel(**config))
    return {name: each.half() for name, each in draw(shapes, torch.Generator().manual_seed(seed), {})}


VISION = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16}
"""OpenCLIP's ViT-H/14, which IP-Adapter looks at its picture with."""


def draw_vision_model(seed: int) -> Tensors:
    """IP-Adapter's `image_encoder/model.safetensors`; newer releases of transformers leave `vision_model.` out."""
    config = CLIPVisionConfig(**VISION, image_size=224, patch_size=14, projection_dim=1024)
    shapes = read_shapes(lambda: CLIPVisionModelWithProjection(config))
    tensors = {"vision_model.embeddings.position_ids": torch.arange(257)[None]}
    for name, each in draw(shapes, torch.Generator().manual_seed(seed), {}):
        prefix = "" if name.startswith(("visual_projection.", "vision_model.")) else "vision_model."
        tensors[prefix + name] = each.half()
    return tensors


def draw_ip_adapter(architecture: Architecture, seed: int) -> Tensors:
    """`ip-adapter_sd15`: a projection of the picture's embedding to four tokens, and keys and values of each of the 16
    cross-attentions, in the order down, up, middle; their numbers are odd."""
    unet = architecture.unet_shapes()
    values = [name for name in unet if name.endswith("attn2.to_v.weight")]
    values.sort(key=lambda name: ("down", "up", "mid").index(name.split("_")[0]))
    shapes: Shapes = {
        "image_proj.proj.weight": (4 * 768, 1024),
        "image_proj.proj.bias": (4 * 768,),
        "image_proj.norm.weight": (768,),
        "image_proj.norm.bias": (768,),
    }
    for number, name in enumerate(values):
        shapes[f"ip_adapter.{2 * number + 1}.to_k_ip.weight"] = unet[name]
        shapes[f"ip_adapter.{2 * number + 1}.to_v_ip.weight"] = unet[name]
    return {name: each.half() for name, each in draw(shapes, torch.Generator().manual_seed(seed), {})}


FILES: dict[str, tuple[str, Callable[[Architecture], Tensors]]] = {
    "Stable-diffusion/full-size-a.safetensors": (SD15, lambda of: draw_checkpoint(of, seed=1)),
    "Stable-diffusion/full-size-b.safetensors": (SD15, lambda of: draw_checkpoint(of, seed=2)),
    "Stable-diffusion/full-size-inpainting.safetensors": (SD15, lambda of: draw_checkpoint(of, seed=3, in_channels=9)),
    "Stable-diffusion/full-size-sd2.safetensors": (SD2, lambda of: draw_sd2_checkpoint(of, seed=4)),
    "ic-light/iclight_sd15_fc.safetensors": (SD15, lambda of: draw_offsets(of, seed=5, in_channels=8)),
    "ic-light/iclight_sd15_fbc.safetensors": (SD15, lambda of: draw_offsets(of, seed=6, in_channels=12)),
    "ControlNet/full-size-control.safetensors": (SD15, lambda of: draw_control(of, seed=8)),
    "ControlNet/full-size-ip-adapter.safetensors": (SD15, lambda of: draw_ip_adapter(of, seed=9)),
    "ControlNetPreprocessor/CLIP-ViT-H-14.safetensors": (SD15, lambda of: draw_vision_model(seed=10)),
    "Lora/full-size-lora.safetensors": (SD15, lambda of: draw_lora(of, seed=7)),
}
"""Every file by its path under Forge's `models`: whose architecture it has, and what draws its weights."""


def main() -> None:
    """Write the files that are missing, or those asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m iclight_workshop.full_size", description="Write random models of true size into a Forge folder."
    )
    parser.add_argument("forge", type=Path, metavar="FORGE_DIR")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="files whose path contains one of these words")
    parser.add_argument("--force", action="store_true", help="write files anew that are there already")
    arguments = parser.parse_args()
    configurations = arguments.forge / "backend" / "huggingface"
    for name, (configuration, make) in FILES.items():
        path = arguments.forge / "models" / name
        wanted = arguments.only is None or any(word in name for word in arguments.only)
        if not wanted or (path.exists() and not arguments.force):
            continue
        start = time.perf_counter()
        write_model(make(read_architecture(configurations / configuration)), path)
        print(f"{name}: {path.stat().st_size} bytes, {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
