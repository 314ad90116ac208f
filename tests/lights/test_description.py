from __future__ import annotations

import json

import pytest

from lib_iclight.lights import LightKind, LightSource, check_lights, describe_lights, presets


def test_it_goes_into_a_page_as_json() -> None:
    assert json.loads(json.dumps(describe_lights(), allow_nan=False)) == describe_lights()


def test_a_light_as_by_default_has_the_fields_and_defaults_of_its_kind() -> None:
    described = describe_lights()
    assert list(described["fields"]) == [kind.value for kind in LightKind]
    for kind, fields in described["fields"].items():
        spelt_out = {"kind": kind, **{field: described["defaults"][field] for field in fields}}
        assert check_lights("lights", [spelt_out]) == (LightSource(LightKind(kind)),)


def test_ranges_end_where_a_request_is_refused() -> None:
    described = describe_lights()
    for field, ends in described["numbers"].items():
        kind = next(kind for kind, fields in described["fields"].items() if field in fields)
        for end, beyond in ((ends["low"], -0.001), (ends["high"], 0.001)):
            assert getattr(check_lights("lights", [{"kind": kind, field: end}])[0], field) == end
            with pytest.raises(ValueError, match=field):
                check_lights("lights", [{"kind": kind, field: end + beyond}])
    for end, beyond in ((described["kelvin"]["low"], -1), (described["kelvin"]["high"], 1)):
        assert check_lights("lights", f"side colour {end}K")[0].colour == f"{end}K"
        with pytest.raises(ValueError, match="colour"):
            check_lights("lights", f"side colour {end + beyond}K")


def test_as_many_and_as_long_as_a_request_takes() -> None:
    described = describe_lights()
    assert len(check_lights("lights", "side;" * described["max"])) == described["max"]
    assert check_lights("lights", " " * described["longest"]) == ()
    for text in ("side;" * (described["max"] + 1), " " * (described["longest"] + 1)):
        with pytest.raises(ValueError):
            check_lights("lights", text)


def test_presets_are_the_texts_that_the_panel_shows() -> None:
    texts = describe_lights()["presets"]
    assert {name: check_lights("lights", text) for name, text in texts.items()} == dict(presets())
