from __future__ import annotations

import base64
import io
import struct
import tracemalloc
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from lib_iclight.errors import ICLightError
from lib_iclight.pictures import MAX_PIXELS, Picture

RNG = np.random.default_rng(5)
COLOURS = RNG.integers(0, 256, (5, 7, 3), np.uint8)
ALPHA = RNG.integers(0, 256, (5, 7), np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **how)
    return data.getvalue()


def decoded(data: bytes) -> Picture:
    return Picture.from_value(base64.b64encode(data).decode(), "subject")


def refusal(value: Any) -> str:
    with pytest.raises(ICLightError) as caught:
        Picture.from_value(base64.b64encode(value).decode() if isinstance(value, bytes) else value, "light_map")
    sentence = str(caught.value)
    assert "light_map" in sentence and len(sentence) < 400
    return sentence


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes = b"", depth: int = 8, colours: int = 2) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


# ------------------------------------------------------------------------------------------------ modes


def test_colours_come_in_as_they_are() -> None:
    picture = decoded(encoded(Image.fromarray(COLOURS)))
    assert picture.rgb.dtype == np.uint8 and picture.alpha is None
    assert np.array_equal(picture.rgb, COLOURS)
    assert (picture.width, picture.height) == (7, 5)
    assert np.array_equal(np.asarray(picture.to_image()), COLOURS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_kept_beside_the_colours(kind: str) -> None:
    rgba = np.dstack([COLOURS, ALPHA])
    how = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    picture = decoded(encoded(Image.fromarray(rgba), kind, **how))
    assert np.array_equal(picture.rgb, COLOURS)
    assert np.array_equal(picture.alpha, ALPHA)


def test_grey_with_alpha() -> None:
    picture = decoded(encoded(Image.merge("LA", [Image.fromarray(COLOURS[..., 0]), Image.fromarray(ALPHA)])))
    assert np.array_equal(picture.rgb, COLOURS[..., :1].repeat(3, 2))
    assert np.array_equal(picture.alpha, ALPHA)


@pytest.mark.parametrize("opaque", [True, False])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_that_is_opaque_everywhere_is_none(mode: str, opaque: bool) -> None:
    image = Image.new(mode, (3, 2), 0)
    alpha = np.full((2, 3), 255, np.uint8)
    alpha[1, 2] -= not opaque
    image.putalpha(Image.fromarray(alpha))
    picture = decoded(encoded(image))
    assert picture.alpha is None if opaque else np.array_equal(picture.alpha, alpha)


def test_a_palettes_transparent_colour() -> None:
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    for how, alpha in (
        ({"transparency": 1}, [[255, 0], [255, 0]]),
        ({"transparency": bytes([200, 100, 0])}, [[200, 100], [0, 100]]),
    ):
        picture = decoded(encoded(image, "PNG", **how))
        assert picture.rgb.tolist() == [[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [40, 50, 60]]]
        assert picture.alpha.tolist() == alpha
    assert decoded(encoded(image)).alpha is None
    assert decoded(encoded(image, "GIF", transparency=1)).alpha.tolist() == [[255, 0], [255, 0]]


def test_a_transparent_colour_without_a_palette() -> None:
    rgb = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    assert decoded(encoded(Image.fromarray(rgb), transparency=(4, 5, 6))).alpha.tolist() == [[255, 0]]
    assert decoded(encoded(Image.fromarray(rgb[..., 0]), transparency=1)).alpha.tolist() == [[0, 255]]


def test_cmyk() -> None:
    inks = np.array([[[0, 0, 0, 0], [0, 0, 0, 255], [255, 0, 0, 0], [0, 255, 255, 0]]], np.uint8)
    picture = decoded(encoded(Image.fromarray(inks, "CMYK"), "TIFF"))
    assert picture.rgb.tolist() == [[[255, 255, 255], [0, 0, 0], [0, 255, 255], [255, 0, 0]]]


def test_cmyk_jpeg() -> None:
    """Adobe writes such files with inverted inks, and marks them."""
    inks = np.array([[[0, 0, 0, 0], [0, 0, 0, 255], [255, 0, 0, 0], [0, 255, 255, 0]]], np.uint8)
    data = encoded(Image.fromarray(inks.repeat(8, 0).repeat(8, 1), "CMYK"), "JPEG", quality=100, subsampling=0)
    assert b"Adobe" in data
    expected = [[255, 255, 255], [0, 0, 0], [0, 255, 255], [255, 0, 0]]
    assert np.abs(decoded(data).rgb[4, 4::8].astype(int) - expected).max() <= 2


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_of_an_animation_the_first_picture_is_taken(kind: str) -> None:
    first, *others = (Image.new("RGB", (4, 3), colour) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250)))
    data = encoded(first, kind, save_all=True, append_images=others)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 3
    picture = decoded(data)
    assert picture.rgb.shape == (3, 4, 3) and np.abs(picture.rgb.astype(int) - (250, 0, 0)).max() <= 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_single_pixel(mode: str) -> None:
    picture = decoded(encoded(Image.new(mode, (1, 1))))
    assert picture.rgb.shape == (1, 1, 3)


def test_sixteen_bits_are_scaled() -> None:
    values = np.array([[0, 255, 256], [32768, 65279, 65535]], np.uint16)
    expected = [[0, 0, 1], [128, 254, 255]]
    for kind in ("PNG", "TIFF"):
        assert decoded(encoded(Image.fromarray(values), kind)).rgb[..., 0].tolist() == expected
    deep = png(3, 2, b"".join(b"\0" + row.astype(">u2").repeat(3).tobytes() for row in values), depth=16)
    assert decoded(deep).rgb[..., 1].tolist() == expected


def test_one_bit() -> None:
    image = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    assert decoded(encoded(image)).rgb[..., 2].tolist() == [[0, 255], [255, 0]]


UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}
"""EXIF 2.3, tag 0x0112: where the stored picture's first row and column belong."""


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_cameras_orientation_is_undone(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decoded(encoded(Image.fromarray(np.dstack([COLOURS, ALPHA])), exif=exif))
    assert np.array_equal(picture.rgb, UPRIGHT[orientation](COLOURS))
    assert np.array_equal(picture.alpha, UPRIGHT[orientation](ALPHA))


def exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """A block of tags: each with its type, how many values it has, and four bytes."""
    tags = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3].ljust(4, b"\0") for entry in entries)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + tags + bytes(4)


SIXTH = (0x0112, 3, 1, b"\x06\0")
"""The orientation, as a whole number."""

BAD_EXIF = {
    "interoperability of bytes": exif(SIXTH, (40965, 1, 1, b"\x07")),
    "a resolution as text": exif(SIXTH, (0x011A, 2, 3, b"72")),
    "an empty pointer": exif(SIXTH, (0x8769, 4, 0, b"")),
    "the orientation as text": exif((0x0112, 2, 2, b"6")),
    "another orientation": exif((0x0112, 3, 1, b"\x09\0")),
    "nothing of the kind": b"Exif\0\0nonsense",
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("what", BAD_EXIF)
def test_bad_tags_are_no_reason_to_refuse_a_picture(kind: str, what: str) -> None:
    """It is turned upright where the orientation can be read, and else taken as it lies."""
    picture = decoded(encoded(Image.new("RGB", (64, 32), (250, 0, 0)), kind, exif=BAD_EXIF[what]))
    is_sixth = exif(SIXTH)[16:28] in BAD_EXIF[what]
    assert (picture.width, picture.height) == ((32, 64) if is_sixth else (64, 32))
    assert np.abs(picture.rgb.astype(int) - (250, 0, 0)).max() <= 6


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_tiff_is_turned_once(orientation: int) -> None:
    """Newer Pillows turn it when they decode it."""
    picture = decoded(encoded(Image.fromarray(COLOURS), "TIFF", tiffinfo={0x0112: orientation}))
    assert np.array_equal(picture.rgb, UPRIGHT[orientation](COLOURS))


def test_fractions_are_refused() -> None:
    """Some have 1 for white and some 255: taken for bytes, most of them would be black."""
    assert "floating-point" in refusal(encoded(Image.new("F", (4, 4), 0.7), "TIFF"))


def test_what_the_panel_hands_over() -> None:
    picture = Picture(COLOURS, ALPHA)
    assert Picture.from_value(picture, "subject") is picture
    for value in (Image.fromarray(COLOURS), COLOURS):
        assert np.array_equal(Picture.from_value(value, "subject").rgb, COLOURS)
    assert np.array_equal(Picture.from_value(COLOURS[..., 0], "subject").rgb, COLOURS[..., :1].repeat(3, 2))
    assert np.array_equal(Picture.from_value(np.dstack([COLOURS, ALPHA]), "subject").alpha, ALPHA)


def test_what_the_panel_hands_over_is_not_changed_later() -> None:
    image, array = Image.fromarray(COLOURS), COLOURS.copy()
    pictures = [Picture.from_value(image, "subject"), Picture.from_value(array, "subject")]
    image.paste((0, 0, 0), (0, 0, 7, 5))
    array[:] = 0
    assert all(np.array_equal(picture.rgb, COLOURS) for picture in pictures)


@pytest.mark.parametrize(
    "array",
    [
        COLOURS.astype(np.float32),
        COLOURS.astype(np.uint16),
        COLOURS[0, 0],
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_that_are_no_pictures(array: np.ndarray) -> None:
    assert "8 bits" in refusal(array)


# ------------------------------------------------------------------------------------------------ over the API


@pytest.mark.parametrize(
    "form", ["{}", "data:image/png;base64,{}", "data:image/png;charset=x;base64,{}", "data:;base64,{}", " {}\n"]
)
def test_base64_and_data_urls(form: str) -> None:
    text = base64.encodebytes(encoded(Image.fromarray(COLOURS))).decode()  # with line breaks
    assert np.array_equal(Picture.from_value(form.format(text), "subject").rgb, COLOURS)


@pytest.mark.parametrize("address", ["http://127.0.0.1/a.png", "https://example.org/a.png"])
def test_addresses_are_not_fetched(address: str) -> None:
    assert "fetches no pictures" in refusal(address)


@pytest.mark.parametrize(
    "text",
    ["", " ", "a", "====", "data:image/png,abc", "data:image/png;base64,", "/etc/passwd", "file:///a", "é", "\0"],
)
def test_text_that_holds_no_picture(text: str) -> None:
    refusal(text)


@pytest.mark.parametrize(
    "data", [b"x", b"hello" * 100, b"\x89PNG\r\n\x1a\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_data_that_are_no_picture(data: bytes) -> None:
    assert "can't be decoded" in refusal(data)


@pytest.mark.parametrize("start", ["<svg", '<?xml version="1.0"?>\n<!-- drawn by hand -->\n<svg'])
def test_drawings_are_named_as_what_they_are(start: str) -> None:
    sentence = refusal(f'{start} xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'.encode())
    assert "can't be decoded: it is an SVG drawing" in sentence and "Send PNG" in sentence


def test_postscript_is_not_run() -> None:
    script = encoded(Image.fromarray(COLOURS), "EPS")
    assert Image.open(io.BytesIO(script)).format == "EPS"  # Pillow would
    assert "can't be decoded" in refusal(script)


@pytest.mark.parametrize("kind", ["PDF", "PPM", "ICO", "TGA", "PCX", "ICNS", "JPEG2000"])
def test_rarer_formats_are_refused(kind: str) -> None:
    assert "Send PNG, JPEG or WebP" in refusal(encoded(Image.new("RGB", (16, 16)), kind))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_common_formats_are_taken(kind: str) -> None:
    picture = decoded(encoded(Image.new("RGB", (16, 8), (255, 255, 255)), kind))
    assert (picture.width, picture.height) == (16, 8) and picture.rgb.min() > 250


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_pictures_that_are_cut_short(kind: str, share: float) -> None:
    data = encoded(Image.fromarray(RNG.integers(0, 256, (64, 64, 3), np.uint8)), kind)
    assert "can't be decoded" in refusal(data[: int(len(data) * share)])


@pytest.mark.parametrize(("width", "height"), [(9000, 9000), (30_000, 30_000), (60_000, 60_000), (MAX_PIXELS + 1, 1)])
def test_huge_pictures_are_refused_before_they_are_decoded(width: int, height: int) -> None:
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            sentence = refusal(png(width, height))  # without data: decoding it would say "damaged"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "pixels" in sentence and "make it smaller" in sentence
    assert peak < 5_000_000


def test_huge_pictures_from_the_panel_are_refused_too() -> None:
    with pytest.raises(ICLightError, match="64 million"):
        Picture.from_image(Image.new("1", (8001, 8000)), "subject")


SOURCES = [
    encoded(Image.fromarray(COLOURS)),
    encoded(Image.fromarray(np.dstack([COLOURS, ALPHA]))),
    encoded(Image.fromarray(COLOURS).quantize(4)),
    encoded(
        Image.fromarray(COLOURS),
        "JPEG",
        exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
    ),
    encoded(Image.fromarray(COLOURS), "WEBP"),
    encoded(Image.fromarray(COLOURS), "GIF"),
    encoded(Image.fromarray(COLOURS), "BMP"),
    encoded(Image.fromarray(COLOURS), "TIFF"),
    encoded(Image.fromarray(COLOURS), "TIFF", compression="tiff_lzw"),
]


@given(
    st.sampled_from(SOURCES), st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), max_size=4), st.floats(0, 1)
)
@example(b"", [], 1.0)
def test_damaged_data_are_refused_with_a_sentence_or_decoded(
    data: bytes, blows: list[tuple[float, bytes]], cut: float
) -> None:
    damaged = bytearray(data[: round(len(data) * max(cut, 0.1))])
    for where, what in blows:
        at = int(where * len(damaged))
        damaged[at : at + len(what)] = what
    refusal_or_picture(bytes(damaged))


def refusal_or_picture(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = decoded(data)
        except ICLightError as error:
            assert "subject" in str(error)
        else:
            assert picture.rgb.shape == (picture.height, picture.width, 3)


@pytest.mark.parametrize("tag", [b"\x11\x01", b"\x16\x01"])  # StripOffsets, RowsPerStrip
@pytest.mark.parametrize("kind", [b"\x0a\0", b"\x0c\0"])  # a fraction, a floating-point number
def test_a_tiff_whose_numbers_are_no_whole_ones(tag: bytes, kind: bytes) -> None:
    data = encoded(Image.fromarray(COLOURS), "TIFF")
    at = data.index(tag, data.index(b"\x06\x01"))
    refusal_or_picture(data[: at + 2] + kind + data[at + 4 :])


def test_avif_where_pillow_knows_it() -> None:
    Image.init()
    if "AVIF" not in Image.OPEN:
        assert "can't be decoded" in refusal(b"\0\0\0\x1cftypavif" + bytes(40))
    else:
        assert decoded(encoded(Image.new("RGB", (16, 16)), "AVIF")).width == 16


# ------------------------------------------------------------------------------------------------ digests

pictures = st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(
    lambda size: st.builds(
        Picture,
        npst.arrays(np.uint8, (*size, 3), elements=st.integers(0, 2)),
        st.none() | npst.arrays(np.uint8, size, elements=st.integers(0, 2)),
    )
)


def shows_the_same(one: Picture, other: Picture) -> bool:
    if (one.alpha is None) != (other.alpha is None):
        return False
    return np.array_equal(one.rgb, other.rgb) and (one.alpha is None or np.array_equal(one.alpha, other.alpha))


@given(pictures, pictures)
def test_digests_differ_exactly_where_pictures_do(one: Picture, other: Picture) -> None:
    assert (one.digest == other.digest) == shows_the_same(one, other)
    copied = Picture(one.rgb.copy(), None if one.alpha is None else one.alpha.copy())
    assert copied.digest == one.digest and len(one.digest) == 16


@given(pictures)
def test_mirroring(picture: Picture) -> None:
    mirrored = picture.mirrored()
    assert mirrored.rgb.tolist() == [row[::-1] for row in picture.rgb.tolist()]
    if picture.alpha is not None:
        assert mirrored.alpha.tolist() == [row[::-1] for row in picture.alpha.tolist()]
    assert mirrored.mirrored().digest == picture.digest
    assert (mirrored.digest == picture.digest) == shows_the_same(mirrored, picture)


def test_digests_tell_sizes_with_the_same_bytes_apart() -> None:
    flat = np.zeros(36, np.uint8)
    digests = {Picture(flat.reshape(height, -1, 3)).digest for height in (1, 2, 3, 4, 6, 12)}
    assert len(digests) == 6


def test_digests_tell_colour_from_alpha() -> None:
    zero = np.zeros((2, 2, 3), np.uint8)
    assert Picture(zero).digest != Picture(zero, np.zeros((2, 2), np.uint8)).digest


# ------------------------------------------------------------------------------------------------ composited


def test_every_colour_under_every_alpha_is_the_nearest_level_to_the_exact_mixture() -> None:
    colour, alpha = (each.astype(np.uint8) for each in np.meshgrid(np.arange(256), np.arange(256)))
    for value in range(256):
        mixed = Picture(np.dstack([colour] * 3), alpha).composited_on(value)
        assert mixed.alpha is None and mixed.rgb.dtype == np.uint8
        exact = colour.astype(int) * alpha + value * (255 - alpha.astype(int))  # in 255ths of a level
        assert (np.abs(255 * mixed.rgb[..., 1].astype(int) - exact) <= 127).all()


@given(pictures, st.integers(0, 255), st.integers(0, 255))
def test_what_lies_hidden_under_transparency_does_not_count(picture: Picture, value: int, hidden: int) -> None:
    if picture.alpha is None:
        assert picture.composited_on(value) is picture
        return
    other = Picture(np.where(picture.alpha[..., None] > 0, picture.rgb, np.uint8(hidden)), picture.alpha)
    assert picture.composited_on(value).digest == other.composited_on(value).digest
    assert (picture.composited_on(value).rgb[picture.alpha == 0] == value).all()


# ------------------------------------------------------------------------------------------------ from the panel


@pytest.mark.parametrize("path", ["/tmp/gradio/0f3a/drawing.svg", "C:\\Temp\\gradio\\drawing.SVG", "drawing.svg"])
def test_a_drawing_that_the_page_lets_through_is_named(path: str) -> None:
    with pytest.raises(ICLightError, match=r"^Subject is drawing\.(svg|SVG), an SVG drawing, and no picture") as caught:
        Picture.from_panel(path, "Subject")
    assert "give PNG, JPEG or WebP" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("/tmp/gradio/0f3a/clip.mp4", "Light map is clip.mp4, and no picture"),
        ("/etc/passwd", "Light map is passwd, and no picture"),
        ("/tmp/../", "Light map is .., and no picture"),
        ("/", "Light map is text without a file's name"),
        ("", "Light map is text without a file's name"),
        ("iVBORw0KGgo" * 1000, "Light map is text without a file's name"),
        ("/tmp/a\nb\x1b[31m\u202e.svg", "Light map is ab[31m.svg, an SVG drawing"),
        ("/tmp/" + "n" * 300 + ".svg", f"Light map is {'n' * 40}…{'n' * 35}.svg, an SVG drawing"),
        ({"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, "Light map is of type dict and no picture"),
        (b"\x89PNG", "Light map is of type bytes and no picture"),
        ([], "Light map is of type list and no picture"),
        (7, "Light map is of type int and no picture"),
    ],
)
def test_odd_things_from_the_page_are_refused_in_one_sentence(value: Any, said: str) -> None:
    with pytest.raises(ICLightError) as caught:
        Picture.from_panel(value, "Light map")
    assert str(caught.value).startswith(said) and len(str(caught.value)) < 200 and "\n" not in str(caught.value)


def test_no_path_from_the_page_is_opened(tmp_path: Path) -> None:
    """Not even a picture's: any client may send any path."""
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(Image.fromarray(COLOURS)))
    with pytest.raises(ICLightError, match=r"^Subject is photo\.png, and no picture"):
        Picture.from_panel(str(path), "Subject")


def test_the_panels_pictures_are_taken() -> None:
    assert np.array_equal(Picture.from_panel(Image.fromarray(COLOURS), "Subject").rgb, COLOURS)
    assert np.array_equal(Picture.from_panel(COLOURS, "Subject").rgb, COLOURS)
