"""Pictures as they come in: decoded, checked, and known by what they show."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import struct
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from .errors import ICLightError

MAX_PIXELS = 64_000_000
"""Larger pictures are refused: decoded, this many pixels already take a quarter of a gigabyte."""

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
"""What a request may send. Pillow knows more, among them PostScript, which runs a program."""

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF 2.3's orientation (tag 0x0112): what turns the picture upright. 1 is upright."""


class Picture:
    """A picture of 8 bits a channel. (No dataclass: pydantic would copy one field by field.)"""

    def __init__(self, rgb: np.ndarray, alpha: np.ndarray | None = None) -> None:
        """:param rgb: uint8 [H, W, 3].

        :param alpha: uint8 [H, W], 0 transparent to 255 opaque; None where every pixel is opaque.
        """
        self.rgb = rgb
        self.alpha = alpha

    @property
    def width(self) -> int:
        """In pixels."""
        return self.rgb.shape[1]

    @property
    def height(self) -> int:
        """In pixels."""
        return self.rgb.shape[0]

    @cached_property
    def digest(self) -> bytes:
        """16 bytes that differ wherever two pictures differ: the picture's name in caches."""
        digest = hashlib.sha256(repr(self.rgb.shape).encode())  # the quickest where processors have it built in
        digest.update(np.ascontiguousarray(self.rgb))
        if self.alpha is not None:
            digest.update(np.ascontiguousarray(self.alpha))
        return digest.digest()[:16]

    def mirrored(self) -> Picture:
        """The same picture with left and right exchanged."""
        return Picture(self.rgb[:, ::-1], None if self.alpha is None else self.alpha[:, ::-1])

    def composited_on(self, value: int) -> Picture:
        """Stub."""
        if self.alpha is None:
            return self
        share = self.alpha[..., None].astype(np.float32) / 255
        return Picture(np.rint(value + (self.rgb.astype(np.float32) - value) * share).astype(np.uint8))

    def to_image(self) -> Image.Image:
        """Its colours as a Pillow image in mode RGB; alpha is left out."""
        return Image.fromarray(self.rgb)

    @classmethod
    def from_image(cls, image: Image.Image, name: str) -> Picture:
        """Take over a Pillow image: turned upright, converted to 8 bits.

        :param name: the field that it came in, for the error's sentence.
        :raises ICLightError: it is too large, its values are fractions, or its data are damaged.
        """
        _check_size(image, name)
        if image.mode == "F":
            raise ICLightError(
                f"The picture in {name} has floating-point values, of which nobody knows what is white: "
                "save it with 8 or 16 bits a channel."
            )
        try:
            image.load()
            image = _to_8_bits(_upright(image))
            rgba = np.asarray(image.convert("RGBA" if _has_alpha(image) else "RGB"))
        except (OSError, SyntaxError, TypeError, ValueError, EOFError, struct.error) as error:
            raise ICLightError(f"The picture in {name} is damaged and can't be decoded: {error}.") from error
        alpha = rgba[..., 3] if rgba.shape[2] == 4 and rgba[..., 3].min() < 255 else None
        return cls(np.ascontiguousarray(rgba[..., :3]), alpha)

    @classmethod
    def from_value(cls, value: Any, name: str) -> Picture:
        """Take over what the panel (a Pillow image or an array) or the API (base64, also as a data URL) hands over, or
        a file's bytes.

        :raises ICLightError: it is none of these, or can't be decoded.
        """
        if isinstance(value, Picture):
            return value
        if isinstance(value, np.ndarray):
            if value.dtype != np.uint8 or 0 in value.shape or value.ndim < 2 or value.shape[2:] not in ((), (3,), (4,)):
                raise ICLightError(f"{name} must be a picture of 8 bits a channel, not an array {value.shape}.")
            value = Image.fromarray(value)
        if isinstance(value, Image.Image):
            return cls.from_image(value, name)
        if isinstance(value, str):
            value = _decode_base64(value, name)
        if isinstance(value, bytes):
            return cls.from_image(_open(value, name), name)
        raise ICLightError(f"{name} must be a picture: base64 text over the API. It is of type {type(value).__name__}.")


def _decode_base64(text: str, name: str) -> bytes:
    if text.startswith(("http://", "https://")):
        raise ICLightError(f"{name} is an address. IC-Light fetches no pictures: send the picture itself, as base64.")
    if text.startswith("data:"):
        header, _, text = text.partition(",")
        if not header.endswith(";base64"):
            raise ICLightError(f"{name} is a data URL without base64: send the picture as base64.")
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ICLightError(f"{name} is not valid base64 ({error}): send the picture's bytes as base64.") from error
    if not data:
        raise ICLightError(f"{name} is empty: send a picture as base64, or leave the field out.")
    return data


def _open(data: bytes, name: str) -> Image.Image:
    Image.init()
    try:
        return Image.open(io.BytesIO(data), formats=[each for each in _FORMATS if each in Image.OPEN])
    except Image.DecompressionBombError as error:
        raise ICLightError(f"The picture in {name} has far too many pixels: make it smaller.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        reason = "it is an SVG drawing" if b"<svg" in data[:4096] else "it is cut short or no picture"
        raise ICLightError(f"The picture in {name} can't be decoded: {reason}. Send PNG, JPEG or WebP.") from error


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise ICLightError(
            f"The picture in {name} is {image.width}×{image.height} pixels. "
            f"At most {MAX_PIXELS // 1_000_000} million are taken: make it smaller."
        )


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def _upright(image: Image.Image) -> Image.Image:
    """As the camera was held; as the picture lies where that is not to be read."""
    if image.format == "TIFF":  # Pillow has turned it in decoding it, and not every Pillow says so
        return image
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # whatever a damaged tag makes Pillow stumble over: the picture itself is good
        return image
    method = _UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Sixteen-bit greyscale is scaled, which Pillow's own conversion would clip."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
    return image
