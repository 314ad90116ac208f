from __future__ import annotations

import gc
import re
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from iclight_workshop.drawn import green_screen, hairy_alpha, mixed, to_bytes
from lib_iclight.errors import ICLightError
from lib_iclight.foreground import (
    CutoutSettings,
    Foreground,
    composite_on_grey,
    cutting,
    holds_memory,
    matting,
    release,
    release_models,
)
from lib_iclight.foreground.edges import feather_edge, shift_edge
from lib_iclight.foreground.methods import METHODS
from lib_iclight.pictures import Picture
from lib_iclight.weights import read_catalogue

from . import stand_ins
from .stand_ins import StandIn
from .test_grabcut import a_disc

SIZE = (320, 320)


def bright_subject(seed: int = 0) -> tuple[Picture, np.ndarray]:
    """What the stand-ins find, which look for what is bright: hair in white, on dark green; and its alpha."""
    alpha = hairy_alpha(*SIZE, seed)
    background = green_screen(*SIZE) * 0.2
    return Picture(mixed(alpha, np.full((*SIZE, 3), 255.0), background)), alpha


def given(number: int, opacity: int = 100) -> Picture:
    return Picture(np.full((4, 4, 3), number, np.uint8), np.full((4, 4), opacity, np.uint8))


def settings(method: str = "none", **others: object) -> CutoutSettings:
    return CutoutSettings(method, **others)


def cut_out(picture: Picture, how: CutoutSettings, folders: Sequence[Path]) -> Foreground:
    return cutting.cut_out(picture, how, read_catalogue(folders))


# ------------------------------------------------------------------------------------------------ what is cut out


def test_a_model_cuts_out_and_the_old_background_is_gone(published: Callable[[str, StandIn], Path]) -> None:
    folder = published("u2netp.onnx", stand_ins.U2NET)
    picture, alpha = bright_subject()
    cut = cut_out(picture, settings("u2netp"), [folder])
    assert cut.original is picture
    assert np.abs(cut.alpha - to_bytes(alpha).astype(int)).mean() < 12
    assert np.array_equal(cut.on_grey.rgb, composite_on_grey(cut.colour, cut.alpha))
    soft = (cut.alpha > 25) & (cut.alpha < 230)
    assert (255 - cut.colour[soft].astype(int)).mean() < (255 - picture.rgb[soft].astype(int)).mean() / 3


def test_auto_takes_the_model_that_is_there(published: Callable[[str, StandIn], Path]) -> None:
    folder = published("u2netp.onnx", stand_ins.U2NET)
    picture, _ = bright_subject()
    by_name, by_itself = (cut_out(picture, settings(each), [folder]) for each in ("u2netp", "auto"))
    assert by_itself is by_name
    assert cut_out(picture, settings("auto"), []) is cut_out(picture, settings("grabcut"), [])


def test_grab_cut_gets_a_soft_edge() -> None:
    rgb, inside = a_disc(1200, 900, noise=0)
    cut = cut_out(Picture(rgb), settings("grabcut"), [])
    assert np.abs(cut.alpha / 255 - inside).mean() < 0.003
    assert np.array_equal(cut.on_grey.rgb, composite_on_grey(cut.colour, cut.alpha))
    assert (cut.on_grey.rgb[0, 0] == 127).all()


@pytest.mark.parametrize("method", ["auto", "none"])
def test_a_pictures_own_transparency_is_its_cut_out(method: str) -> None:
    rgb, _ = a_disc(64, 48)
    alpha = np.random.default_rng(1).integers(0, 256, (48, 64), np.uint8)
    cut = cut_out(Picture(rgb, alpha), settings(method), [])
    assert cut.method == "none" and np.array_equal(cut.alpha, alpha)
    assert np.array_equal(cut.colour[alpha > 0], rgb[alpha > 0]), "its colours are the subject's own"
    assert np.array_equal(cut.on_grey.rgb, composite_on_grey(rgb, alpha))


def test_without_cutting_out_the_picture_is_taken_as_it_is() -> None:
    picture = Picture(a_disc(20, 20)[0])
    cut = cut_out(picture, settings("none"), [])
    assert cut.on_grey is picture and cut.original is picture
    assert cut.colour is picture.rgb and cut.whole is picture.rgb and cut.alpha is None


OPAQUE_WHITE = Picture(np.full((90, 120, 3), 255, np.uint8))


@pytest.mark.parametrize(("name", "percent"), [("edge_shift", 1.0), ("edge_shift", -0.1), ("edge_feather", 0.1)])
@pytest.mark.parametrize("how", [{}, {"mask": OPAQUE_WHITE}, {"method": "grabcut", "mask": OPAQUE_WHITE}])
def test_an_edge_that_is_not_there_can_not_be_changed(how: dict, name: str, percent: float) -> None:
    """Nothing is cut out: nobody asked for it, or a mask says that everything is the subject."""
    with pytest.raises(ICLightError, match=rf"{name} has no edge to change.*set {name} to 0"):
        cut_out(Picture(a_disc(120, 90)[0]), settings(**how, **{name: percent}), [])


# ------------------------------------------------------------------------------------------------ within an own alpha


def with_own_alpha(clear: slice | tuple, value: int) -> tuple[Picture, np.ndarray]:
    """A disc whose picture has this alpha in one place, and where the disc is."""
    rgb, inside = a_disc(120, 90)
    alpha = np.full((90, 120), 255, np.uint8)
    alpha[clear] = value
    return Picture(rgb, alpha), inside


@pytest.mark.parametrize("method", ["grabcut", "auto"])
def test_a_pixel_that_is_hardly_transparent_changes_no_cut_out(method: str) -> None:
    picture, _ = with_own_alpha((3, 5), 254)
    found = cut_out(Picture(picture.rgb), settings("grabcut"), [])
    cut = cut_out(picture, settings(method), [])
    assert cut.method == "grabcut" and 0.1 < (cut.alpha > 127).mean() < 0.5
    assert np.array_equal(cut.alpha, found.alpha), "transparent there anyway"
    assert np.array_equal(cut.on_grey.rgb, found.on_grey.rgb)


def test_nor_does_it_change_what_a_mask_cuts_out() -> None:
    """The old background's colour is taken out of the mask's soft edge all the same."""
    picture, inside = with_own_alpha((3, 5), 254)
    paint = cv2.GaussianBlur(np.where(inside, np.float32(255), np.float32(0)), (0, 0), 2)
    mask = Picture(np.dstack([np.rint(paint).astype(np.uint8)] * 3))
    one, other = (cut_out(each, settings(mask=mask), []) for each in (picture, Picture(picture.rgb)))
    assert np.array_equal(one.on_grey.rgb, other.on_grey.rgb) and (one.colour != picture.rgb).any()


def test_a_chosen_method_works_within_the_own_alpha() -> None:
    """The picture's right half is transparent, and the disc in the middle is cut out of the left one."""
    picture, inside = with_own_alpha(np.s_[:, 60:], 0)
    cut = cut_out(picture, settings("grabcut"), [])
    assert cut.method == "grabcut"
    assert not cut.alpha[:, 60:].any() and (cut.alpha[:, :60][~inside[:, :60]] < 128).mean() > 0.98
    assert (cut.alpha[:, :57][inside[:, :57]] > 128).mean() > 0.95


def test_half_transparent_glass_stays_half_transparent() -> None:
    picture, inside = with_own_alpha(np.s_[30:60, 45:75], 128)
    cut = cut_out(picture, settings("grabcut"), [])
    assert cut.alpha[40:50, 55:65].max() <= 128 and cut.alpha[inside].max() == 255
    assert np.abs(cut.colour[40:50, 55:65].astype(int) - picture.rgb[40:50, 55:65]).max() <= 1, "its own colour"


@pytest.mark.parametrize(
    ("share", "value", "is_cut_out"),
    [(0.012, 0, True), (0.012, 229, True), (0.008, 0, False), (0.5, 230, False), (1.0, 153, True)],
)
def test_auto_takes_an_own_alpha_that_tells_the_subject(share: float, value: int, is_cut_out: bool) -> None:
    """At least a hundredth of the pixels at least a tenth transparent."""
    rgb, _ = a_disc(120, 90)
    alpha = np.full(120 * 90, 255, np.uint8)
    alpha[: round(share * alpha.size)] = value
    alpha = alpha.reshape(90, 120)
    cut = cut_out(Picture(rgb, alpha), settings("auto"), [])
    assert cut.method == ("none" if is_cut_out else "grabcut")
    assert np.array_equal(cut.alpha, alpha) == is_cut_out and (cut.alpha <= alpha).all()


@pytest.mark.parametrize("method", ["auto", "grabcut", "none"])
@pytest.mark.parametrize("how", [{}, {"edge_shift": 5.0}, {"edge_feather": 3.0}, {"mask": True}, {"opaque": True}])
def test_what_lies_hidden_under_transparency_shows_nowhere(method: str, how: dict) -> None:
    """Pictures that look the same give the same, whatever the edge and the mask bring up."""
    rgb, inside = a_disc(120, 90)
    stroke = np.zeros((90, 120), np.uint8)
    stroke[:, 40:80] = 255
    white = np.full((90, 120, 3), 255, np.uint8)
    masks = {"mask": Picture(white, stroke), "opaque": Picture(np.dstack([stroke] * 3))}
    asked = {("mask" if name in masks else name): masks.get(name, value) for name, value in how.items()}
    alpha = np.where(inside, np.uint8(255), np.uint8(0))
    alpha[:20] = 255  # some of the background is left, for GrabCut to find
    cuts = []
    for hidden in (0, 255):
        picture = Picture(np.where(alpha[..., None] > 0, rgb, np.uint8(hidden)), alpha)
        cuts.append(cut_out(picture, settings(method, **asked), []))
    one, other = cuts
    for layer in ("whole", "colour", "alpha"):
        assert np.array_equal(getattr(one, layer), getattr(other, layer)), layer
    assert np.array_equal(one.on_grey.rgb, other.on_grey.rgb)


def test_a_picture_that_grows_until_it_is_opaque_goes_on_in_the_subjects_colours() -> None:
    alpha = np.full((100, 100), 255, np.uint8)
    alpha[:2] = 0
    rgb = np.where(alpha[..., None] > 0, np.uint8((220, 170, 140)), np.uint8(0))
    cut = cut_out(Picture(rgb, alpha), settings(edge_shift=5.0), [])
    assert cut.alpha is None
    for pixels in (cut.on_grey.rgb, cut.colour, cut.whole):
        assert np.abs(pixels.astype(int) - (220, 170, 140)).max() <= 8


@pytest.mark.parametrize("how", [{"edge_shift": 3.0}, {"edge_feather": 3.0}])
def test_colours_that_hardly_show_are_not_brought_up(how: dict[str, float]) -> None:
    """Stored premultiplied in 8 bits, a colour under alpha 1 is pure noise; so is what a matte leaves of an old one."""
    noise = np.random.default_rng(0).integers(0, 2, (100, 100, 3), np.uint8) * 255
    alpha = np.full((100, 100), 1, np.uint8)
    alpha[30:70, 30:70] = 255
    rgb = np.where(alpha[..., None] == 255, np.uint8((220, 170, 140)), noise)
    cut = cut_out(Picture(rgb, alpha), settings(**how), [])
    ring = (cut.alpha > 64) & (alpha == 1)
    assert ring.sum() > 100
    assert np.abs(cut.colour[ring].astype(int) - (220, 170, 140)).max() <= 24
    untouched = cut_out(Picture(rgb, alpha), settings(), [])
    assert np.array_equal(untouched.on_grey.rgb, composite_on_grey(rgb, alpha)), "as faint as they were"


# ------------------------------------------------------------------------------------------------ what auto takes


def test_auto_takes_the_best_that_is_there(published: Callable[[str, StandIn], Path]) -> None:
    picture, _ = bright_subject()
    assert cut_out(picture, settings("auto"), []).method == "grabcut"
    folder = published("isnet-anime.onnx", stand_ins.ISNET_ANIME)
    assert cut_out(picture, settings("auto"), [folder]).method == "grabcut", "drawings' is never taken by itself"
    for name, stand_in, method in (
        ("u2netp.onnx", stand_ins.U2NET, "u2netp"),
        ("u2net_human_seg.onnx", stand_ins.U2NET, "u2net-human-seg"),
        ("u2net.onnx", stand_ins.U2NET, "u2net"),
        ("BiRefNet-general-epoch_244.onnx", stand_ins.BIREFNET, "birefnet-general"),
        ("isnet-general-use.onnx", stand_ins.ISNET, "isnet-general-use"),
        ("BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx", stand_ins.BIREFNET, "birefnet-lite"),
    ):
        folder = published(name, stand_in)
        cut = cut_out(picture, settings("auto"), [folder.parent / "nowhere", folder])
        assert (cut.method, cut.notes) == (method, ())


def test_auto_passes_over_somebodys_own_file(published: Callable[[str, StandIn], Path]) -> None:
    """It has a published model's name, and may be anything."""
    folder = published("u2net.onnx", stand_ins.U2NET)
    own = folder / "BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx"
    own.write_bytes(stand_ins.BIREFNET.model().SerializeToString())
    picture, _ = bright_subject()
    cut = cut_out(picture, settings("auto"), [folder])
    (note,) = cut.notes
    assert cut.method == "u2net" and np.array_equal(cut.alpha, cut_out(picture, settings("u2net"), [folder]).alpha)
    assert note.startswith(f"BiRefNet lite can't be used to cut out ({own.name} is damaged or not what it is named")
    assert note.endswith("U²-Net was taken instead.") and str(folder) not in note, "infotext tells no path"
    with pytest.raises(ICLightError, match=r"is damaged or not what it is named.*Delete it and fetch it again"):
        cut_out(picture, settings("birefnet-lite"), [folder])
    own.unlink()
    assert cut_out(picture, settings("auto"), [folder]).notes == (), "once it is gone there is nothing to say"


@pytest.mark.parametrize("size", [(320, 320), (15, 40)])
def test_in_the_end_auto_takes_grab_cut(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "u2netp.onnx").write_bytes(b"somebody's own")
    picture = Picture(bright_subject()[0].rgb[: size[1], : size[0]])
    note = r"U²-Net, small can't be used to cut out \(u2netp\.onnx is damaged"
    if size == SIZE:
        cut = cut_out(picture, settings("auto"), [tmp_path])
        assert cut.method == "grabcut" and re.match(note, *cut.notes)
    else:
        with pytest.raises(ICLightError, match=rf"15×40 pixels is too small.*{note}"):
            cut_out(picture, settings("auto"), [tmp_path])


def test_auto_does_without_onnxruntime(
    published: Callable[[str, StandIn], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = published("u2netp.onnx", stand_ins.U2NET)
    published("u2net.onnx", stand_ins.U2NET)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it fails as if it were not installed
    cut = cut_out(bright_subject()[0], settings("auto"), [folder])
    assert cut.method == "grabcut" and len(cut.notes) == 2
    assert all("onnxruntime is not installed" in note for note in cut.notes)
    with pytest.raises(ICLightError, match=r"need onnxruntime, which is not installed"):
        cut_out(bright_subject()[0], settings("u2netp"), [folder])


def test_auto_passes_over_a_network_that_can_not_be_run(published: Callable[[str, StandIn], Path]) -> None:
    """As one that needs more memory than there is; this one wants pictures of another size."""
    folder = published("u2net.onnx", StandIn(64, 1))
    published("u2netp.onnx", stand_ins.U2NET)
    picture, _ = bright_subject()
    cut = cut_out(picture, settings("auto"), [folder])
    assert cut.method == "u2netp" and "onnxruntime can't run u2net.onnx" in cut.notes[0]
    with pytest.raises(ICLightError, match=r"onnxruntime can't run .*u2net\.onnx: .*Choose another cutout"):
        cut_out(picture, settings("u2net"), [folder])


def test_a_picture_without_a_subject_is_no_reason_to_try_the_next(published: Callable[[str, StandIn], Path]) -> None:
    folder = published("u2netp.onnx", stand_ins.U2NET)
    with pytest.raises(ICLightError, match=r"u2netp\.onnx finds no subject"):
        cut_out(Picture(np.zeros((40, 40, 3), np.uint8)), settings("auto"), [folder])


# ------------------------------------------------------------------------------------------------ masks and edges


@pytest.mark.parametrize("method", list(METHODS))
def test_an_opaque_mask_replaces_every_cut_out(method: str) -> None:
    """No model is there, and none is needed."""
    rgb, inside = a_disc(120, 90)
    mask = Picture(np.where(inside[..., None], np.uint8(255), np.uint8(0)).repeat(3, axis=2))
    cut = cut_out(Picture(rgb), settings(method, mask=mask), [])
    assert np.array_equal(cut.alpha, np.where(inside, 255, 0))
    transparent = cut_out(Picture(rgb, np.full((90, 120), 90, np.uint8)), settings(method, mask=mask), [])
    assert np.array_equal(transparent.alpha, cut.alpha)


def test_a_mask_is_painted_over_what_was_found() -> None:
    rgb, _ = a_disc(120, 90)
    paint = np.zeros((90, 120, 3), np.uint8)
    opacity = np.zeros((90, 120), np.uint8)
    paint[:10], opacity[:10], opacity[40:50] = 255, 255, 255
    found = cut_out(Picture(rgb), settings("grabcut"), []).alpha
    painted = cut_out(Picture(rgb), settings("grabcut", mask=Picture(paint, opacity)), []).alpha
    assert (painted[:10] == 255).all() and (painted[40:50] == 0).all()
    assert np.array_equal(painted[10:40], found[10:40]) and np.array_equal(painted[50:], found[50:])
    alone = cut_out(Picture(rgb), settings("none", mask=Picture(paint, opacity)), []).alpha
    assert (alone[40:50] == 0).all() and (alone[:40] == 255).all() and (alone[50:] == 255).all()


def test_a_mask_does_not_bring_back_what_nobody_sees() -> None:
    hidden = Picture(np.full((8, 8, 3), 50, np.uint8), np.zeros((8, 8), np.uint8))
    paint = Picture(np.full((8, 8, 3), 255, np.uint8), np.eye(8, dtype=np.uint8) * 255)
    with pytest.raises(ICLightError, match="transparent all over"):
        cut_out(hidden, settings(mask=paint), [])


def test_the_edge_is_moved_and_then_softened() -> None:
    rgb, _ = a_disc(200, 160)
    alpha = to_bytes(hairy_alpha(200, 160))
    cut = cut_out(Picture(rgb, alpha), settings(edge_shift=-1.0, edge_feather=2.0), [])
    assert np.array_equal(cut.alpha, feather_edge(shift_edge(alpha, -1.0), 2.0))
    assert np.array_equal(cut.on_grey.rgb, composite_on_grey(cut.colour, cut.alpha))
    kept = (alpha >= 16) | ((alpha > 0) & (cut.alpha <= alpha))
    assert np.array_equal(cut.colour[kept], rgb[kept]), "what shows keeps its own colour"


def test_where_feathering_reaches_out_the_subjects_colour_goes_on() -> None:
    rgb, inside = a_disc(400, 300, noise=0)
    mask = Picture(np.where(inside[..., None], np.uint8(255), np.uint8(0)).repeat(3, axis=2))
    cut = cut_out(Picture(rgb), settings("none", mask=mask, edge_feather=2.0), [])
    shown = cut.alpha > 10
    assert shown.sum() > 1.1 * inside.sum()
    assert np.abs(cut.colour[shown].astype(int) - (210, 120, 40)).max() <= 6


@pytest.mark.parametrize("how", [{"mask": Picture(np.zeros((48, 64, 3), np.uint8))}, {"edge_shift": -5.0}])
def test_a_cut_out_that_leaves_nothing_is_refused(how: dict) -> None:
    alpha = np.zeros((48, 64), np.uint8)
    alpha[20:22, 20:22] = 255
    with pytest.raises(ICLightError, match="Nothing of the subject is left"):
        cut_out(Picture(np.zeros((48, 64, 3), np.uint8), alpha), settings(**how), [])


def test_a_mask_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ICLightError, match="same proportions"):
        cut_out(given(1), settings(mask=Picture(np.zeros((4, 5, 3), np.uint8))), [])


def test_nothing_but_transparency_is_refused() -> None:
    with pytest.raises(ICLightError, match="transparent all over"):
        cut_out(given(3, opacity=0), settings(), [])


def test_a_mask_that_covers_everything_in_white_leaves_the_picture_as_it_is() -> None:
    picture = Picture(a_disc(30, 20)[0])
    white = Picture(np.full((20, 30, 3), 255, np.uint8))
    assert cut_out(picture, settings(mask=white), []).on_grey is picture
    assert cut_out(given(9), settings(mask=Picture(white.rgb[:20, :20])), []).alpha is None


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (20_000, 2), (2, 20_000)])
def test_tiny_and_narrow_pictures_are_cut_out_or_refused(
    published: Callable[[str, StandIn], Path], size: tuple[int, int]
) -> None:
    folder = published("u2netp.onnx", stand_ins.U2NET)
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    paint = Picture(rgb, rgb[..., 0])
    for method in ("none", "grabcut", "u2netp"):
        how = settings(method, mask=paint, edge_shift=5.0, edge_feather=5.0)
        try:
            cut = cut_out(Picture(rgb), how, [folder])
        except ICLightError as error:
            assert "too small to be cut out" in str(error) or "finds no subject" in str(error)
        else:
            assert cut.colour.shape == cut.on_grey.rgb.shape == rgb.shape


# ------------------------------------------------------------------------------------------------ what is kept


def test_nothing_is_matted_twice(published: Callable[[str, StandIn], Path]) -> None:
    folder = published("u2netp.onnx", stand_ins.U2NET)
    picture, _ = bright_subject(seed=5)
    first = cut_out(picture, settings("u2netp"), [folder])
    release_models()
    (folder / "u2netp.onnx").unlink()  # whoever wants to run it now fails
    again = Picture(picture.rgb.copy())
    assert cut_out(again, settings("u2netp"), [folder]) is first
    mask = Picture(np.zeros((*SIZE, 3), np.uint8), np.tri(*SIZE, dtype=np.uint8) * 255)
    for how in ({"edge_shift": 1.0}, {"edge_feather": 1.0}, {"mask": mask}):
        other = cut_out(again, settings("u2netp", **how), [folder])
        assert not np.array_equal(other.alpha, first.alpha), "the edge is made anew, the matting isn't"
    with pytest.raises(ICLightError, match=r"u2netp\.onnx .* is not there"):
        cut_out(bright_subject(seed=6)[0], settings("u2netp"), [folder])


def test_a_cut_out_is_made_once_for_all_that_it_depends_on() -> None:
    mask = Picture(np.full((4, 4, 3), 255, np.uint8), np.eye(4, dtype=np.uint8) * 200)
    same_mask = Picture(mask.rgb.copy(), mask.alpha.copy())
    other_mask = Picture(mask.rgb, mask.alpha // 2)
    kept = cut_out(given(7), settings(mask=mask), [])
    assert cut_out(given(7), settings(mask=same_mask), []) is kept
    others = [
        cut_out(given(8), settings(mask=mask), []),
        cut_out(given(7), settings(mask=other_mask), []),
        cut_out(given(7), settings(), []),
        cut_out(given(7), settings(mask=mask, edge_shift=1.0), []),
        cut_out(given(7), settings(mask=mask, edge_feather=1.0), []),
    ]
    assert len({id(each) for each in [kept, *others]}) == 6


def test_only_the_last_cut_outs_are_kept() -> None:
    kept = cut_out(given(0), settings(), [])
    made = []
    for number in range(1, 20):
        made.append(weakref.ref(cut_out(given(number), settings(), [])))
        assert cut_out(given(0), settings(), []) is kept, "what is used stays"
    gc.collect()
    alive = [number for number, cut in enumerate(made) if cut() is not None]
    assert alive == list(range(12, 19)), "seven, and the one in use"


def painted(number: int) -> CutoutSettings:
    """A mask that takes some of the middle away, another for each number."""
    opacity = np.zeros((60, 80), np.uint8)
    opacity[20:30, number : number + 20] = 255
    return settings("none", mask=Picture(np.zeros((60, 80, 3), np.uint8), opacity))


def held(cuts: Sequence[weakref.ref]) -> list[int]:
    gc.collect()
    return [number for number, cut in enumerate(cuts) if cut() is not None]


@pytest.mark.parametrize(("room", "kept"), [(3.5, [2, 3, 4]), (3.0, [2, 3, 4]), (2.9, [3, 4]), (0.5, [4])])
def test_cut_outs_are_kept_as_long_as_their_arrays_have_room(
    monkeypatch: pytest.MonkeyPatch, room: float, kept: list[int]
) -> None:
    """Each of 60 × 80 pixels: the picture, the subject's colours and what lies on grey, with alpha."""
    release()
    monkeypatch.setattr(cutting, "_MAX_BYTES", int(room * 60 * 80 * (3 + 3 + 3 + 1)))
    rgb, _ = a_disc(80, 60)
    made = [weakref.ref(cut_out(Picture(rgb.copy()), painted(number), [])) for number in range(5)]
    assert held(made) == kept


def test_a_picture_that_cut_outs_share_takes_room_once(monkeypatch: pytest.MonkeyPatch) -> None:
    release()
    monkeypatch.setattr(cutting, "_MAX_BYTES", 60 * 80 * (3 + 3 * 7))
    picture = Picture(a_disc(80, 60)[0])
    made = [weakref.ref(cut_out(picture, painted(number), [])) for number in range(5)]
    assert held(made) == [2, 3, 4]


def test_what_a_pictures_alpha_was_taken_from_takes_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoded picture's alpha looks into its four channels."""
    release()
    monkeypatch.setattr(cutting, "_MAX_BYTES", 2 * 60 * 80 * (3 + 4 + 3) - 1)
    rgba = np.dstack([a_disc(80, 60)[0], np.full((60, 80), 99, np.uint8)])

    def decoded(number: int) -> Picture:
        rgba[0, 0, 0] = number
        return Picture.from_image(Image.fromarray(rgba.copy()), "subject")

    made = [weakref.ref(cut_out(decoded(number), settings(), [])) for number in range(3)]
    assert held(made) == [2]


def test_surroundings_are_filled_in_once_and_take_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    release()
    monkeypatch.setattr(cutting, "_MAX_BYTES", 3 * 60 * 80 * (3 + 3 + 3 + 1) - 1)
    pictures = [Picture(a_disc(80, 60)[0].copy()) for _ in range(2)]
    first = cut_out(pictures[0], painted(0), [])
    assert cut_out(pictures[0], painted(0), []).surroundings is first.surroundings
    made = [weakref.ref(first), weakref.ref(cut_out(pictures[1], painted(1), []))]
    del first
    assert held(made) == [0, 1]
    for cut in made:
        assert cut().surroundings  # type: ignore[union-attr]
    monkeypatch.setattr(cutting, "_MAX_BYTES", 2 * 60 * 80 * (3 + 3 + 3 + 1 + 3) - 1)
    made.append(weakref.ref(cut_out(pictures[1], painted(1), [])))
    assert held(made) == [1, 2]


def test_what_was_matted_outlasts_the_cut_outs(
    published: Callable[[str, StandIn], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a tenth of the room and most of the time."""
    release()
    folder = published("u2netp.onnx", stand_ins.U2NET)
    pictures = [bright_subject(seed)[0] for seed in (11, 12)]
    monkeypatch.setattr(cutting, "_MAX_BYTES", SIZE[0] * SIZE[1] * 12)
    first, _ = (cut_out(picture, settings("u2netp"), [folder]) for picture in pictures)
    (folder / "u2netp.onnx").unlink()  # whoever wants to run it now fails
    again = cut_out(pictures[0], settings("u2netp"), [folder])
    assert again is not first and np.array_equal(again.alpha, first.alpha)


def test_release_empties_everything(published: Callable[[str, StandIn], Path]) -> None:
    folder = published("u2netp.onnx", stand_ins.U2NET)
    picture, _ = bright_subject(seed=5)
    asked = ((picture, "u2netp"), (given(40), "none"))
    made = [weakref.ref(cut_out(each, settings(way), [folder])) for each, way in asked]
    assert held(made) == [0, 1] and matting.holds_models() and holds_memory()
    release()
    assert held(made) == [] and not matting.holds_models() and not holds_memory()
    (folder / "u2netp.onnx").unlink()
    with pytest.raises(ICLightError, match=r"u2netp\.onnx .* is not there"):
        cut_out(picture, settings("u2netp"), [folder])


def test_a_host_that_is_short_of_memory_leaves_the_newest_cut_out() -> None:
    """It may be so in every generation; the picture is not to be matted for each."""
    made = [weakref.ref(cut_out(given(number), settings(), [])) for number in range(30, 34)]
    release_models()
    assert held(made) == [3]
    assert cut_out(given(33), settings(), []) is made[3]()


def test_a_host_that_is_short_of_memory_does_not_wait_for_a_cut_out(published: Callable[[str, StandIn], Path]) -> None:
    """The panel may be cutting out, for minutes, while a generation needs the memory."""
    folder = published("u2netp.onnx", stand_ins.U2NET)
    cut_out(bright_subject(seed=8)[0], settings("u2netp"), [folder])
    older = [weakref.ref(cut_out(given(number), settings(), [])) for number in range(2)]
    with cutting._lock:  # as long as something is cut out
        short_of_memory = threading.Thread(target=release_models, daemon=True)
        short_of_memory.start()
        short_of_memory.join(20)
        assert not short_of_memory.is_alive()
        assert not matting.holds_models() and held(older) == [0, 1]
    release_models()
    assert held(older) == [1]


def test_what_failed_is_not_kept(published: Callable[[str, StandIn], Path]) -> None:
    picture, _ = bright_subject(seed=7)
    folder = published("u2net_human_seg.onnx", stand_ins.U2NET)
    with pytest.raises(ICLightError, match="is not there"):
        cut_out(picture, settings("u2netp"), [folder])
    published("u2netp.onnx", stand_ins.U2NET)
    assert cut_out(picture, settings("u2netp"), [folder]).alpha is not None


@pytest.mark.parametrize("how", [{"edge_shift": 3.0}, {"edge_feather": 3.0}])
def test_what_is_black_under_transparency_does_not_come_up(how: dict[str, float]) -> None:
    """Pictures cut out elsewhere are often black where they are transparent."""
    alpha = np.zeros((100, 100), np.uint8)
    alpha[30:70, 30:70] = 255
    rgb = np.where(alpha[..., None] > 0, np.uint8((220, 170, 140)), np.uint8(0))
    made = cut_out(Picture(rgb, alpha), settings("none", **how), [])
    ring = (made.alpha > 0) & (alpha == 0)
    assert ring.any()
    assert np.abs(made.colour[ring].astype(int) - (220, 170, 140)).max() <= 8
