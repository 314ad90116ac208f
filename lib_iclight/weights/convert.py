"""An IC-Light file under diffusers names, written anew under ldm names."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import BinaryIO

from ..errors import ICLightError
from .keys import ldm_names
from .offsets import read_kind


def convert(source: Path, target: Path) -> int:
    """Write a copy with the tensors renamed and their bytes untouched.

    Only the header is written anew: eight bytes with its length, then JSON, then the tensors' bytes, which the JSON
    points into (https://github.com/huggingface/safetensors, "Format").

    :param target: a safetensors file that does not exist yet.
    :returns: how many tensors got another name.
    :raises ICLightError: the source is no IC-Light file or has no diffusers names, or the target exists.
    """
    read_kind(source)
    if target.suffix.lower() != ".safetensors":
        raise ICLightError(f"{target.name} must end in .safetensors: IC-Light opens no other file.")
    if target.exists():
        raise ICLightError(f"{target} exists: remove it first, or name another target.")
    part = target.with_name(f"{target.name}.converting")  # `.part` is a fetch's
    try:
        with source.open("rb") as read:
            header, renamed = _rename_tensors(_read_header(read))
            if not renamed:
                raise ICLightError(f"{source.name} has ldm names already: it needs no conversion.")
            with part.open("wb") as written:
                written.write(struct.pack("<Q", len(header)) + header)
                shutil.copyfileobj(read, written, 1 << 20)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ICLightError(f"{target} can't be written: {error.strerror or error}.") from error
    return renamed


def _read_header(file: BinaryIO) -> dict[str, dict]:
    (length,) = struct.unpack("<Q", file.read(8))
    return json.loads(file.read(length))


def _rename_tensors(header: dict[str, dict]) -> tuple[bytes, int]:
    """The new header, and how many names it changes."""
    names = ldm_names(name for name in header if name != "__metadata__")
    text = json.dumps({names.get(name, name): value for name, value in header.items()}, separators=(",", ":"))
    data = text.encode("utf-8")
    # the tensors begin at a multiple of eight bytes
    return data + b" " * (-len(data) % 8), sum(name != ldm for name, ldm in names.items())
