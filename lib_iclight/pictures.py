"""Pictures as they come in: decoded, checked, and told apart by a digest."""

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

_LONGEST_PATH = 4096
"""Characters. Longer text is a picture in base64, perhaps, and no path."""

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
"""What a request may send. Pillow knows more, among them PostScript, which runs a program."""

_ORIENTATION = 0x0112
_UPRIGHT: dict[object, Image.Transpose] = {
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
    """A picture of 8 bits a channel."""

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
        """16 bytes that differ wherever two pictures' colours or alpha differ: the picture's part of a cache key."""
        digest = hashlib.sha256(repr(self.rgb.shape).encode())  # processors have instructions for it
        digest.update(np.ascontiguousarray(self.rgb).data)
        if self.alpha is not None:
            digest.update(np.ascontiguousarray(self.alpha).data)
        return digest.digest()[:16]

    def mirrored(self) -> Picture:
        """The same picture with left and right exchanged."""
        return Picture(self.rgb[:, ::-1], None if self.alpha is None else self.alpha[:, ::-1])

    def composited_on(self, value: int) -> Picture:
        """The picture as it looks on a plain grey; itself where it is opaque.

        Of pictures that look the same there it makes the same one: what lies hidden under transparency doesn't count.
        The mixture α · rgb + (1 - α) · value is exact and rounded to the nearest level, as browsers and editors do
        it. (The subject is laid on grey by :func:`lib_iclight.foreground.composite_on_grey`, which truncates as the
        reference does.)

        :param value: the grey's level, 0 to 255.
        :returns: an opaque picture.
        """
        if self.alpha is None:
            return self
        # At most 255 · 255 + 127, which 16 bits hold; adding 127 rounds, as 255 is odd and nothing lies half way.
        alpha = self.alpha[..., None].astype(np.uint16)
        mixed = self.rgb * alpha
        mixed += (255 - alpha) * np.uint16(value) + np.uint16(127)
        mixed //= np.uint16(255)
        return Picture(mixed.astype(np.uint8))

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
            image = _convert_to_8_bits(_turn_upright(image))
            rgba = np.asarray(image.convert("RGBA" if _has_alpha(image) else "RGB"))
        except (OSError, SyntaxError, TypeError, ValueError, EOFError, struct.error) as error:
            raise ICLightError(f"The picture in {name} is damaged and can't be decoded: {error}.") from error
        alpha = rgba[..., 3] if rgba.shape[2] == 4 and rgba[..., 3].min() < 255 else None
        return cls(np.ascontiguousarray(rgba[..., :3]), alpha)

    @classmethod
    def from_panel(cls, value: Any, name: str) -> Picture:
        """Take over what a picture component of the page hands over: a Pillow image or an array.

        For a file that the page lets through without decoding it, an SVG drawing, it hands over the file's path as
        text. Any client can send such text, so no path is opened.

        :param name: the component's label, for the error's sentence.
        :raises ICLightError: it is no picture.
        """
        if isinstance(value, str):
            file_name = _name_file(value)
            what = ", an SVG drawing" if file_name.lower().endswith(".svg") else ""
            raise ICLightError(f"{name} is {file_name}{what}, and no picture that can be read: give PNG, JPEG or WebP.")
        if not isinstance(value, (Picture, Image.Image, np.ndarray)):
            raise ICLightError(f"{name} is of type {type(value).__name__} and no picture: give PNG, JPEG or WebP.")
        return cls.from_value(value, name)

    @classmethod
    def from_value(cls, value: Any, name: str) -> Picture:
        """Take over a Pillow image, an array, a file's bytes, or what the API sends: base64, also as a data URL.

        :param name: the field that it came in, for the error's sentence.
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


def encode_png(image: Image.Image) -> str:
    """A picture as PNG in base64, as the API and the page take it."""
    data = io.BytesIO()
    image.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def to_data_address(image: Image.Image) -> str:
    """A picture as PNG in an address that holds it, as a page's `src` takes it."""
    return f"data:image/png;base64,{encode_png(image)}"


def _name_file(path: str) -> str:
    """The last part of any system's path, as a sentence can hold it. Nothing is opened."""
    last = "" if len(path) > _LONGEST_PATH else path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    printable = "".join(each for each in last if each.isprintable())
    if not printable:
        return "text without a file's name"
    return printable if len(printable) <= 80 else f"{printable[:40]}…{printable[-39:]}"


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


def _turn_upright(image: Image.Image) -> Image.Image:
    """Turned as the EXIF orientation says; unturned where that is missing or can't be read."""
    if image.format == "TIFF":  # Pillow has turned it in decoding it, and not every Pillow says so
        return image
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # whatever a damaged tag makes Pillow stumble over: the picture itself is good
        return image
    method = _UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def _convert_to_8_bits(image: Image.Image) -> Image.Image:
    """Sixteen-bit greyscale is scaled, which Pillow's own conversion would clip."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
    return image
