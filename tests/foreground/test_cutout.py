from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from iclight_standalone.host import StandaloneHost
from iclight_standalone.sampler import State
from lib_iclight.errors import ICLightError
from lib_iclight.foreground import (
    CutoutSettings,
    composite_on_grey,
    cut_out,
    holds_memory,
    matting,
    release,
    release_models,
)
from lib_iclight.foreground import cutout as cutout_module
from lib_iclight.foreground.edges import feathered, shifted
from lib_iclight.foreground.methods import Cutout
from lib_iclight.pictures import Picture
from lib_iclight.relight import Generation, RelightHooks
from lib_iclight.request import RelightRequest
from lib_iclight.weights.kind import Kind

from . import stand_ins
from .drawn import green_screen, hairy_alpha, mixed, to_bytes
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


def settings(cutout: Cutout = Cutout.GRABCUT, **others: object) -> CutoutSettings:
    return CutoutSettings(cutout, **others)


# ------------------------------------------------------------------------------------------------ what is cut out


def test_a_model_cuts_out_and_the_old_background_is_gone(published: Callable[[str, StandIn], Path]) -> None:
    folder = published("u2netp.onnx", stand_ins.U2NET)
    picture, alpha = bright_subject()
    cut = cut_out(picture, settings(Cutout.U2NETP), [folder])
    assert cut.original is picture
    assert np.abs(cut.alpha - to_bytes(alpha).astype(int)).mean() < 12
    assert np.array_equal(cut.on_grey.rgb, composite_on_grey(cut.colour, cut.alpha))
    soft = (cut.alpha > 25) & (cut.alpha < 230)
    assert (255 - cut.colour[soft].astype(int)).mean() < (255 - picture.rgb[soft].astype(int)).mean() / 3


def test_auto_takes_the_model_that_is_there(published: Callable[[str, StandIn], Path]) -> None:
    folder = published("u2netp.onnx", stand_ins.U2NET)
    picture, _ = bright_subject()
    by_name, by_itself = (cut_out(picture, settings(each), [folder]) for each in (Cutout.U2NETP, Cutout.AUTO))
    assert by_itself is by_name
    assert cut_out(picture, settings(Cutout.AUTO), []) is cut_out(picture, settings(Cutout.GRABCUT), [])


def test_grab_cut_gets_a_soft_edge() -> None:
    rgb, inside = a_disc(1200, 900, noise=0)
    cut = cut_out(Picture(rgb), settings(), [])
    assert np.abs(cut.alpha / 255 - inside).mean() < 0.003
    assert np.array_equal(cut.on_grey.rgb, composite_on_grey(cut.colour, cut.alpha))
    assert (cut.on_grey.rgb[0, 0] == 127).all()


@pytest.mark.parametrize("cutout", Cutout)
def test_a_pictures_own_transparency_wins(cutout: Cutout) -> None:
    rgb, _ = a_disc(64, 48)
    alpha = np.random.default_rng(1).integers(0, 256, (48, 64), np.uint8)
    cut = cut_out(Picture(rgb, alpha), settings(cutout), [])
    assert np.array_equal(cut.alpha, alpha)
    assert np.array_equal(cut.colour, rgb), "its colours are the subject's own"
    assert np.array_equal(cut.on_grey.rgb, composite_on_grey(rgb, alpha))


def test_without_cutting_out_the_picture_is_taken_as_it_is() -> None:
    picture = Picture(a_disc(20, 20)[0])
    cut = cut_out(picture, settings(Cutout.NONE, edge_feather=5.0, edge_shift=-5.0), [])
    assert cut.on_grey is picture and cut.original is picture
    assert cut.colour is picture.rgb and cut.alpha is None


# ------------------------------------------------------------------------------------------------ masks and edges


@pytest.mark.parametrize("cutout", Cutout)
def test_an_opaque_mask_replaces_every_cut_out(cutout: Cutout) -> None:
    """No model is there, and none is needed."""
    rgb, inside = a_disc(120, 90)
    mask = Picture(np.where(inside[..., None], np.uint8(255), np.uint8(0)).repeat(3, axis=2))
    cut = cut_out(Picture(rgb), settings(cutout, mask=mask), [])
    assert np.array_equal(cut.alpha, np.where(inside, 255, 0))
    transparent = cut_out(Picture(rgb, np.full((90, 120), 90, np.uint8)), settings(cutout, mask=mask), [])
    assert np.array_equal(transparent.alpha, cut.alpha)


def test_a_mask_is_painted_over_what_was_found() -> None:
    rgb, _ = a_disc(120, 90)
    paint = np.zeros((90, 120, 3), np.uint8)
    opacity = np.zeros((90, 120), np.uint8)
    paint[:10], opacity[:10], opacity[40:50] = 255, 255, 255
    found = cut_out(Picture(rgb), settings(), []).alpha
    painted = cut_out(Picture(rgb), settings(mask=Picture(paint, opacity)), []).alpha
    assert (painted[:10] == 255).all() and (painted[40:50] == 0).all()
    assert np.array_equal(painted[10:40], found[10:40]) and np.array_equal(painted[50:], found[50:])
    alone = cut_out(Picture(rgb), settings(Cutout.NONE, mask=Picture(paint, opacity)), []).alpha
    assert (alone[40:50] == 0).all() and (alone[:40] == 255).all() and (alone[50:] == 255).all()


def test_a_mask_brings_back_what_is_transparent_all_over() -> None:
    hidden = Picture(np.full((8, 8, 3), 50, np.uint8), np.zeros((8, 8), np.uint8))
    paint = Picture(np.full((8, 8, 3), 255, np.uint8), np.eye(8, dtype=np.uint8) * 255)
    assert np.array_equal(cut_out(hidden, settings(mask=paint), []).alpha, np.eye(8) * 255)


def test_the_edge_is_moved_and_then_softened() -> None:
    rgb, _ = a_disc(200, 160)
    alpha = to_bytes(hairy_alpha(200, 160))
    cut = cut_out(Picture(rgb, alpha), settings(edge_shift=-1.0, edge_feather=2.0), [])
    assert np.array_equal(cut.alpha, feathered(shifted(alpha, -1.0), 2.0))
    assert np.array_equal(cut.on_grey.rgb, composite_on_grey(cut.colour, cut.alpha))
    assert np.array_equal(cut.colour[alpha > 0], rgb[alpha > 0]), "what shows keeps its own colour"


def test_where_feathering_reaches_out_the_subjects_colour_goes_on() -> None:
    rgb, inside = a_disc(400, 300, noise=0)
    mask = Picture(np.where(inside[..., None], np.uint8(255), np.uint8(0)).repeat(3, axis=2))
    cut = cut_out(Picture(rgb), settings(Cutout.NONE, mask=mask, edge_feather=2.0), [])
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
    for cutout in (Cutout.NONE, Cutout.GRABCUT, Cutout.U2NETP):
        how = settings(cutout, mask=paint, edge_shift=5.0, edge_feather=5.0)
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
    first = cut_out(picture, settings(Cutout.U2NETP), [folder])
    release_models()
    (folder / "u2netp.onnx").unlink()  # whoever wants to run it now fails
    again = Picture(picture.rgb.copy())
    assert cut_out(again, settings(Cutout.U2NETP), [folder]) is first
    mask = Picture(np.zeros((*SIZE, 3), np.uint8), np.tri(*SIZE, dtype=np.uint8) * 255)
    for how in ({"edge_shift": 1.0}, {"edge_feather": 1.0}, {"mask": mask}):
        other = cut_out(again, settings(Cutout.U2NETP, **how), [folder])
        assert not np.array_equal(other.alpha, first.alpha), "the edge is made anew, the matting isn't"
    with pytest.raises(ICLightError, match=r"u2netp\.onnx .* is not there"):
        cut_out(bright_subject(seed=6)[0], settings(Cutout.U2NETP), [folder])


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
    return settings(Cutout.NONE, mask=Picture(np.zeros((60, 80, 3), np.uint8), opacity))


def held(cuts: Sequence[weakref.ref]) -> list[int]:
    gc.collect()
    return [number for number, cut in enumerate(cuts) if cut() is not None]


@pytest.mark.parametrize(("room", "kept"), [(3.5, [2, 3, 4]), (3.0, [2, 3, 4]), (2.9, [3, 4]), (0.5, [4])])
def test_cut_outs_are_kept_as_long_as_their_arrays_have_room(
    monkeypatch: pytest.MonkeyPatch, room: float, kept: list[int]
) -> None:
    """Each of 60 × 80 pixels: the picture, the subject's colours and what lies on grey, with alpha."""
    release()
    monkeypatch.setattr(cutout_module, "_MAX_BYTES", int(room * 60 * 80 * (3 + 3 + 3 + 1)))
    rgb, _ = a_disc(80, 60)
    made = [weakref.ref(cut_out(Picture(rgb.copy()), painted(number), [])) for number in range(5)]
    assert held(made) == kept


def test_a_picture_that_cut_outs_share_takes_room_once(monkeypatch: pytest.MonkeyPatch) -> None:
    release()
    monkeypatch.setattr(cutout_module, "_MAX_BYTES", 60 * 80 * (3 + 3 * 7))
    picture = Picture(a_disc(80, 60)[0])
    made = [weakref.ref(cut_out(picture, painted(number), [])) for number in range(5)]
    assert held(made) == [2, 3, 4]


def test_what_a_pictures_alpha_was_taken_from_takes_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoded picture's alpha looks into its four channels."""
    release()
    monkeypatch.setattr(cutout_module, "_MAX_BYTES", 2 * 60 * 80 * (3 + 4 + 3) - 1)
    rgba = np.dstack([a_disc(80, 60)[0], np.full((60, 80), 99, np.uint8)])

    def decoded(number: int) -> Picture:
        rgba[0, 0, 0] = number
        return Picture.from_image(Image.fromarray(rgba.copy()), "subject")

    made = [weakref.ref(cut_out(decoded(number), settings(), [])) for number in range(3)]
    assert held(made) == [2]


def test_what_was_matted_outlasts_the_cut_outs(
    published: Callable[[str, StandIn], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a tenth of the room and most of the time."""
    release()
    folder = published("u2netp.onnx", stand_ins.U2NET)
    pictures = [bright_subject(seed)[0] for seed in (11, 12)]
    monkeypatch.setattr(cutout_module, "_MAX_BYTES", SIZE[0] * SIZE[1] * 12)
    first, _ = (cut_out(picture, settings(Cutout.U2NETP), [folder]) for picture in pictures)
    (folder / "u2netp.onnx").unlink()  # whoever wants to run it now fails
    again = cut_out(pictures[0], settings(Cutout.U2NETP), [folder])
    assert again is not first and np.array_equal(again.alpha, first.alpha)


def test_release_empties_everything(published: Callable[[str, StandIn], Path]) -> None:
    folder = published("u2netp.onnx", stand_ins.U2NET)
    picture, _ = bright_subject(seed=5)
    asked = ((picture, Cutout.U2NETP), (given(40), Cutout.GRABCUT))
    made = [weakref.ref(cut_out(each, settings(way), [folder])) for each, way in asked]
    assert held(made) == [0, 1] and matting.holds_models() and holds_memory()
    release()
    assert held(made) == [] and not matting.holds_models() and not holds_memory()
    (folder / "u2netp.onnx").unlink()
    with pytest.raises(ICLightError, match=r"u2netp\.onnx .* is not there"):
        cut_out(picture, settings(Cutout.U2NETP), [folder])


def test_a_host_that_is_short_of_memory_leaves_the_newest_cut_out() -> None:
    """It may be so in every generation; the picture is not to be matted for each."""
    made = [weakref.ref(cut_out(given(number), settings(), [])) for number in range(30, 34)]
    release_models()
    assert held(made) == [3]
    assert cut_out(given(33), settings(), []) is made[3]()


def test_a_host_that_is_short_of_memory_does_not_wait_for_a_cut_out(published: Callable[[str, StandIn], Path]) -> None:
    """The panel may be cutting out, for minutes, while a generation needs the memory."""
    folder = published("u2netp.onnx", stand_ins.U2NET)
    cut_out(bright_subject(seed=8)[0], settings(Cutout.U2NETP), [folder])
    older = [weakref.ref(cut_out(given(number), settings(), [])) for number in range(2)]
    with cutout_module._lock:  # as long as something is cut out
        short_of_memory = threading.Thread(target=release_models, daemon=True)
        short_of_memory.start()
        short_of_memory.join(20)
        assert not short_of_memory.is_alive()
        assert not matting.holds_models() and held(older) == [0, 1]
    release_models()
    assert held(older) == [1]


class Unloading(StandaloneHost):
    """Unloads its models as soon as it may."""

    def __init__(self, folder: Path) -> None:
        super().__init__([folder], State())
        self.releases: list[Callable[[], None]] = []

    def release_with_models(self, release: Callable[[], None]) -> None:
        self.releases.append(release)


@pytest.mark.parametrize("opacity", [100, 255])
def test_a_host_may_release_whatever_is_held(tmp_path: Path, opacity: int) -> None:
    """Cut-outs too, if no model was run for them; an opaque picture that is taken as it is takes nothing."""
    hooks, picture = RelightHooks(), given(60, opacity) if opacity < 255 else Picture(given(60).rgb)
    hooks.host = Unloading(tmp_path)
    request = RelightRequest.from_api({"subject": picture, "cutout": "none"})
    hooks._subjects(None, Generation(request, tmp_path / "fc.safetensors", Kind.FOREGROUND))
    assert hooks.host.releases == ([release_models] if opacity < 255 else [])


def test_what_a_cut_out_that_failed_holds_may_be_released(published: Callable[[str, StandIn], Path]) -> None:
    hooks = RelightHooks()
    folder = published("u2netp.onnx", stand_ins.U2NET)
    hooks.host = Unloading(folder)
    request = RelightRequest.from_api({"subject": Picture(np.zeros((40, 40, 3), np.uint8)), "cutout": "u2netp"})
    with pytest.raises(ICLightError, match="finds no subject"):
        hooks._subjects(None, Generation(request, folder / "fc.safetensors", Kind.FOREGROUND))
    assert matting.holds_models() and hooks.host.releases == [release_models]


def test_what_failed_is_not_kept(published: Callable[[str, StandIn], Path]) -> None:
    picture, _ = bright_subject(seed=7)
    folder = published("u2net_human_seg.onnx", stand_ins.U2NET)
    with pytest.raises(ICLightError, match="is not there"):
        cut_out(picture, settings(Cutout.U2NETP), [folder])
    published("u2netp.onnx", stand_ins.U2NET)
    assert cut_out(picture, settings(Cutout.U2NETP), [folder]).alpha is not None


@pytest.mark.parametrize("how", [{"edge_shift": 3.0}, {"edge_feather": 3.0}])
def test_what_is_black_under_transparency_does_not_come_up(how: dict[str, float]) -> None:
    """Pictures cut out elsewhere are often black where they are transparent."""
    alpha = np.zeros((100, 100), np.uint8)
    alpha[30:70, 30:70] = 255
    rgb = np.where(alpha[..., None] > 0, np.uint8((220, 170, 140)), np.uint8(0))
    made = cut_out(Picture(rgb, alpha), settings(Cutout.NONE, **how), [])
    ring = (made.alpha > 0) & (alpha == 0)
    assert ring.any()
    assert np.abs(made.colour[ring].astype(int) - (220, 170, 140)).max() <= 8
