"""The models' routes, on a real server."""

from __future__ import annotations

import base64
import gc
import io
import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
import uvicorn
from fastapi import FastAPI
from PIL import Image
from safetensors.torch import save_file

from iclight_standalone.host import standalone_host
from iclight_standalone.sampler import State
from lib_iclight.api import add_routes
from lib_iclight.foreground import CutoutSettings, cut_out
from lib_iclight.pictures import Picture
from lib_iclight.weights import jobs
from lib_iclight.weights.manifest import manifest

from ..weights.hostile_server import Fault, HostileServer

NAME = "iclight_sd15_fc.safetensors"

RELEASE = "/iclight/release"
FETCH = f"/iclight/models/{NAME}/fetch"


@pytest.fixture
def client(tmp_path: Path, server: HostileServer) -> Iterator[httpx.Client]:
    """A client of the API; its models come from a server that holds the first bytes back."""
    with serving(tmp_path) as http:
        yield http


def elsewhere(folder: Path) -> Path:
    """The second folder that models may be in, beside the first."""
    return folder.with_name(f"{folder.name}-elsewhere")


@contextmanager
def serving(folder: Path, credentials: dict[str, str] | None = None) -> Iterator[httpx.Client]:
    """The API on a server of its own."""
    jobs._jobs.clear()
    app = FastAPI()
    add_routes(app, standalone_host([folder, elsewhere(folder)], State()), credentials)
    uvicorn_server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # whoever connects before it has started waits in the socket's queue
        thread = threading.Thread(target=uvicorn_server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", trust_env=False) as http:
                http.get("/openapi.json").raise_for_status()
                yield http
        finally:
            uvicorn_server.should_exit = True
            thread.join()


def test_every_file_is_listed_with_its_state(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"short")
    (tmp_path / "u2netp.onnx.part").write_bytes(b"begun")
    answer = client.get("/iclight/models")
    assert answer.status_code == 200
    listed = {each["name"]: each for each in answer.json()}
    assert list(listed) == list(manifest())
    states = {name: each["state"] for name, each in listed.items()}
    assert states.pop(NAME) == "damaged"
    assert states.pop("u2netp.onnx") == "partial"
    assert set(states.values()) == {"missing"}
    for name, each in listed.items():
        assert each["fetch"] is None
        assert {key: each[key] for key in asdict(manifest()[name])} == asdict(manifest()[name])


def test_a_fetch_is_started_watched_and_cancelled(client: httpx.Client, tmp_path: Path, server: HostileServer) -> None:
    server.files[NAME] = b"x" * 1000
    # the size is the manifest's, the bytes are few
    said = {"Content-Length": str(manifest()[NAME].size)}
    server.plans[NAME] = [Fault("hold", 0.1, headers=said)]
    started = client.post(FETCH)
    assert started.status_code == 200
    assert started.json()["state"] == "running"
    assert started.json()["total"] == manifest()[NAME].size

    while (watched := client.get(FETCH).json())["received"] < 100:
        assert watched["state"] == "running", watched
    assert client.post(FETCH).json()["received"] == 100
    assert client.get("/iclight/models").json()[0]["fetch"]["received"] == 100

    assert client.delete(FETCH).status_code == 200
    server.released.set()
    while (watched := client.get(FETCH).json())["state"] == "running":
        pass
    assert watched["state"] == "cancelled"
    assert "kept" in watched["sentence"]
    assert (tmp_path / f"{NAME}.part").stat().st_size >= 100
    assert len(server.requests) == 1


def test_a_failed_fetch_has_a_sentence(client: httpx.Client, tmp_path: Path) -> None:
    client.post(FETCH)
    while (watched := client.get(FETCH).json())["state"] == "running":
        pass
    assert watched["state"] == "failed"
    assert str(tmp_path / NAME) in watched["sentence"]


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
@pytest.mark.parametrize("name", ["unknown.onnx", "..%2Fevil", "..%5Cevil", "%00"])
def test_unknown_names_are_not_found(client: httpx.Client, tmp_path: Path, method: str, name: str) -> None:
    answer = client.request(method, f"/iclight/models/{name}/fetch")
    assert answer.status_code == 404
    assert answer.json()["detail"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_was_not_started_is_not_found(client: httpx.Client, method: str) -> None:
    answer = client.request(method, FETCH)
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith(f"{NAME} has not been fetched")


def test_another_sites_page_can_fetch_nothing(client: httpx.Client, tmp_path: Path) -> None:
    for site in ("cross-site", "same-site"):
        answer = client.post(FETCH, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403 and "Another site" in answer.json()["detail"]
    assert client.get(FETCH).status_code == 404, "nothing was started"
    assert client.get("/iclight/models", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["http://example.com", "http://127.0.0.1", "http://127.0.0.1:1", "http://{host}.org", "http://[", "null", "{host}"],
)
def test_another_sites_page_is_known_by_its_origin_alone(client: httpx.Client, tmp_path: Path, origin: str) -> None:
    """By plain HTTP browsers send no Sec-Fetch-Site to other addresses than localhost."""
    headers = {"Origin": origin.format(host=client.base_url.netloc.decode())}
    for method, path in (("GET", "/iclight/models"), ("POST", FETCH), ("DELETE", FETCH), ("POST", RELEASE)):
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == 403 and "Another site" in answer.json()["detail"]
    assert client.get(FETCH).status_code == 404, "nothing was started"


@pytest.mark.parametrize(
    ("origin", "headers", "status"),
    [
        ("https://forge.lan", {"Host": "forge.lan:443"}, 200),
        ("http://forge.lan", {"Host": "Forge.lan:80"}, 200),
        ("https://forge.lan", {"Host": "127.0.0.1:7860", "X-Forwarded-Host": "forge.lan, inner"}, 200),
        ("https://forge.lan:8443", {"Host": "127.0.0.1:7860", "Sec-Fetch-Site": "same-origin"}, 200),
        ("http://forge.lan", {"Host": "127.0.0.1:7860", "Sec-Fetch-Site": "none"}, 200),
        ("https://forge.lan", {"Host": "127.0.0.1:7860", "X-Forwarded-Host": "inner, forge.lan"}, 403),
        ("https://forge.lan", {"Host": "forge.lan:80"}, 403),
        ("http://", {"Host": ""}, 403),
        ("null", {"Host": "forge.lan"}, 403),
        ("https://forge.lan", {"Host": "forge.lan", "Sec-Fetch-Site": "something new"}, 403),
    ],
)
def test_its_own_page_is_let_in_through_proxies(
    client: httpx.Client, origin: str, headers: dict[str, str], status: int
) -> None:
    assert client.post(RELEASE, headers={"Origin": origin, **headers}).status_code == status


@pytest.mark.parametrize("host", [None, "forge.lan:7860", "example.com", "[::1]:7860"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_its_own_page_and_tools_are_let_in(client: httpx.Client, host: str | None, scheme: str) -> None:
    host = host or client.base_url.netloc.decode()
    assert client.get("/iclight/models", headers={"Host": host}).status_code == 200
    own = {"Host": host, "Origin": f"{scheme}://{host}"}
    assert client.post(RELEASE, headers=own).status_code == 200
    assert client.post(RELEASE, headers={**own, "Sec-Fetch-Site": "same-site"}).status_code == 403


def test_where_the_api_asks_for_a_password_so_do_these(tmp_path: Path, server: HostileServer) -> None:
    with serving(tmp_path, {"ann": "secret", "bob": ""}) as http:
        for auth in (None, ("ann", "wrong"), ("eve", "secret"), ("bob", ""), ("eve", "")):
            for method, path in (("GET", "/iclight/models"), ("POST", FETCH), ("DELETE", FETCH), ("POST", RELEASE)):
                assert http.request(method, path, auth=auth).status_code == 401, (auth, path)
        assert http.get("/iclight/models", auth=("ann", "secret")).status_code == 200


def test_memory_is_given_back(client: httpx.Client) -> None:
    picture = Picture(np.full((4, 4, 3), 50, np.uint8), np.full((4, 4), 90, np.uint8))
    kept = weakref.ref(cut_out(picture, CutoutSettings(), []))
    gc.collect()
    assert kept() is not None
    assert client.post(RELEASE).status_code == 200
    gc.collect()
    assert kept() is None


def test_somebodys_own_file_is_not_replaced(client: httpx.Client, tmp_path: Path, server: HostileServer) -> None:
    own = {"input_blocks.0.0.weight": torch.zeros(8, 8, 3, 3)}
    save_file(own, tmp_path / NAME)
    before = (tmp_path / NAME).read_bytes()
    client.post(FETCH)
    while (watched := client.get(FETCH).json())["state"] == "running":
        pass
    assert watched["state"] == "failed" and f"{tmp_path / NAME} is not the published {NAME}" in watched["sentence"]
    assert server.requests == [] and (tmp_path / NAME).read_bytes() == before
    assert client.get("/iclight/models").json()[0]["state"] == "other"


@pytest.mark.parametrize("place", ["own/below", "elsewhere", "elsewhere/below/further"])
def test_a_file_in_another_folder_is_there(client: httpx.Client, tmp_path: Path, place: str) -> None:
    root, _, below = place.partition("/")
    folder = (tmp_path if root == "own" else elsewhere(tmp_path)) / below
    folder.mkdir(parents=True)
    with (folder / NAME).open("wb") as sparse:
        sparse.truncate(manifest()[NAME].size)
    assert {each["name"]: each["state"] for each in client.get("/iclight/models").json()}[NAME] == "there"


# ------------------------------------------------------------------------------------------------ light maps


def draw(client: httpx.Client, **asked: Any) -> np.ndarray:
    answer = client.post("/iclight/light-map", json={"width": 96, "height": 64, **asked})
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(answer.json()["image"]))))


def test_a_light_map_is_drawn_without_generating(client: httpx.Client) -> None:
    drawn = draw(client, lights="side angle 270 colour #ff0000")
    assert drawn.shape == (64, 96, 3)
    assert np.array_equal(drawn[5, :, 0], np.linspace(255, 0, 96).astype(np.uint8)) and not drawn[..., 1:].any()
    assert np.array_equal(draw(client, light="left"), draw(client, lights=[{"kind": "side", "angle": 270}]))


def test_a_front_light_is_drawn_of_its_subject(client: httpx.Client) -> None:
    subject = Image.new("RGBA", (96, 64))
    subject.paste((200, 100, 50, 255), (10, 20, 40, 60))
    data = io.BytesIO()
    subject.save(data, "PNG")
    picture = base64.b64encode(data.getvalue()).decode()
    drawn = draw(client, lights="front softness 0.05", subject=picture)
    assert (drawn[20:60, 10:40] == 255).all() and not drawn[:, 60:].any()
    mirrored = draw(client, lights="front softness 0.05", subject=picture, subject_mirrored=True)
    assert np.array_equal(mirrored, drawn[:, ::-1])
    assert (draw(client, lights="front") == 255).all()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "There is no light to draw"),
        ({"lights": "laser"}, "lights: light 1: kind can't be 'laser'"),
        ({"lights": "side", "light": "left"}, "lights has no effect beside a light"),
        ({"light": "custom"}, "needs a picture in light_map"),
        ({"lights": "side", "width": 5}, "width must be a whole number of pixels from 8 to 4096, not 5"),
        ({"lights": "side", "height": 1e9}, "height must be a whole number"),
        ({"lights": "side", "width": True}, "width must be"),
        ({"lights": "side", "wdith": 5}, "has no setting 'wdith'"),
    ],
)
def test_wrong_light_maps(client: httpx.Client, asked: dict[str, Any], says: str) -> None:
    answer = client.post("/iclight/light-map", json={"width": 96, "height": 64, **asked})
    assert answer.status_code == 422 and says in answer.json()["detail"]
