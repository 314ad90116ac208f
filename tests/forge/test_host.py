"""Any host with its page: the extension loads, and relights over the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from iclight_workshop.host_bench import ForgeBench, forge_bench
from tests.contract.cases import BASE, FC


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForgeBench]:
    folder = tmp_path_factory.mktemp("forge")
    with forge_bench(folder, webui=True, environment={"ICLIGHT_PROBE_TIMING": "1"}) as bench:
        yield bench


def test_it_loads(bench: ForgeBench) -> None:
    log = bench.server.read_log()
    assert "Error loading script: ic_light.py" not in log and "can't relight in this web UI" not in log
    status, page = bench.server.get("/config")
    assert status == 200
    panels = [
        each for each in page["components"] if each["type"] == "accordion" and each["props"]["label"] == "IC Light"
    ]
    assert len(panels) == 2, "one in each tab"
    scripts = bench.server.get("/sdapi/v1/scripts")[1]
    assert scripts["txt2img"].count("ic light") == scripts["img2img"].count("ic light") == 1


def test_the_api_relights(bench: ForgeBench) -> None:
    outcome = bench.post("txt2img", BASE | FC)
    assert outcome.status == 200, outcome.detail
    assert outcome.passes[0]["first_convolution"][1] == 8 and outcome.passes[0]["wrapped"]


def test_a_later_relight_merges_nothing(bench: ForgeBench, figure: Any) -> None:
    bench.post("txt2img", BASE | FC)
    later = [bench.post("txt2img", BASE | FC).passes[0] for _ in range(3)]
    for recorded in later:
        figure("hook, ms", 1000 * sum(recorded["seconds_in_hooks"]["IC Light"]))
        assert figure("merge, s", recorded["seconds_merging"]) <= 0.1
