"""CLIP's text model and its tokenizer."""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from ..errors import ICLightError

CHUNK = 75
"""Tokens of a prompt that go into one of CLIP's windows, between its start and its end."""

_VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"
_WORDS = 49152
"""CLIP's own bound on its list: 256 letters, the merges, start and end; the rest of the file is not used."""
_HEAD_WIDTH = 64
"""Width of an attention head in every CLIP text model; no tensor's shape tells it."""


class TextEncoder(nn.Module):
    """Prompts to conditions."""

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """:param tensors: the text model's tensors as transformers names them, with or without `text_model.`."""
        super().__init__()
        tensors = {name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}
        tensors.pop("embeddings.position_ids", None)
        words, width = tensors["embeddings.token_embedding.weight"].shape
        self.transformer = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=words,
                hidden_size=width,
                intermediate_size=tensors["encoder.layers.0.mlp.fc1.weight"].shape[0],
                num_hidden_layers=1 + max(int(name.split(".")[2]) for name in tensors if ".layers." in name),
                num_attention_heads=max(1, width // _HEAD_WIDTH),
                max_position_embeddings=tensors["embeddings.position_embedding.weight"].shape[0],
            )
        )
        getattr(self.transformer, "text_model", self.transformer).load_state_dict(tensors)
        self.requires_grad_(False).eval()
        self.tokenizer = load_tokenizer()

    def forward(self, prompts: Sequence[str]) -> torch.Tensor:
        """Encode prompts; what doesn't fit one window goes into further ones, as many for all as the longest needs.

        :returns: [prompts, 77 · windows, width].
        """
        tokens = [self.tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
        windows = max(1, *(-(-len(each) // CHUNK) for each in tokens)) if tokens else 1
        start, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        padded = torch.tensor([each + [end] * (windows * CHUNK - len(each)) for each in tokens], dtype=torch.long)
        encoded = []
        for window in padded.split(CHUNK, dim=1):
            rim = torch.full((len(window), 1), start), torch.full((len(window), 1), end)
            encoded.append(self.transformer(torch.cat([rim[0], window, rim[1]], dim=1)).last_hidden_state)
        return torch.cat(encoded, dim=1)


def load_tokenizer() -> CLIPTokenizer:
    """CLIP's tokenizer, from the vocabulary that open-clip-torch's wheel brings. (The package itself is not imported.)

    :raises ICLightError: open-clip-torch is not installed.
    """
    found = importlib.util.find_spec("open_clip")
    if found is None or found.origin is None:
        raise ICLightError("CLIP's vocabulary is missing: install open-clip-torch, without its dependencies.")
    packed = (Path(found.origin).parent / _VOCABULARY).read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").split("\n")
    alphabet = _alphabet()
    merges = [tuple(line.split()) for line in lines[1 : _WORDS - len(alphabet) - 2 + 1]]
    words = [*alphabet, *(letter + "</w>" for letter in alphabet), *("".join(merge) for merge in merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer({word: number for number, word in enumerate(words)}, merges)


def _alphabet() -> list[str]:
    """A printable letter for each of the 256 bytes, in the order of CLIP's vocabulary: GPT-2's `bytes_to_unicode`."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(256 - len(printable))]
