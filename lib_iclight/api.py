"""Routes for the models, their fetching, and light maps. The relight itself goes through the host's own routes."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from .errors import ICLightError
from .foreground import release
from .generation import Generation
from .hosts import Host
from .pictures import encode_png
from .request import RelightRequest
from .setting_types import Tab, quoted
from .weights.catalogue import Catalogue, read_catalogue
from .weights.jobs import FetchJob, last_fetch, start_fetch
from .weights.kind import Kind
from .weights.manifest import ManifestFile, UnknownFileError, find_entry, find_whole, manifest, state_of

MAX_SIDE = 4096
"""Of a light map, in pixels."""


class _Route(APIRoute):
    """Answers an :class:`ICLightError` with its sentence in `detail`.

    The answers are plain JSON, which fastapi needn't check by a model that it would make at the web UI's start.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{**named, "response_model": None})

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        answer = super().get_route_handler()

        async def answer_with_errors(request: Request) -> Response:
            try:
                return await answer(request)
            except UnknownFileError as error:
                raise HTTPException(404, str(error)) from error
            except ICLightError as error:
                raise HTTPException(422, str(error)) from error

        return answer_with_errors


def add_routes(app: FastAPI, host: Host, credentials: Mapping[str, str] | None = None) -> None:
    """Add the routes below `/iclight`. Only files of the manifest are ever fetched.

    Errors have `detail`: 404 for a name that the manifest doesn't have and for a fetch that there is none of, 403 for
    a request that another site's page sent, 401 for wrong credentials.

    :param host: is asked anew each time for the folders that files may be in; fetched ones go to the first.
    :param credentials: passwords by user name, where the API asks for them.
    """
    folders = host.webui.models_folders
    checks = [_check_site, _password_check(credentials)] if credentials else [_check_site]
    router = APIRouter(prefix="/iclight", route_class=_Route, dependencies=[Depends(check) for check in checks])

    @router.get("/models")
    def get_models() -> list[dict[str, Any]]:
        """Every file of the manifest, how it lies in the folders (by its size), and its last fetch."""
        catalogue = read_catalogue(folders())
        return [_describe_file(file, catalogue) for file in manifest().values()]

    @router.post("/models/{name}/fetch")
    def post_fetch(name: str) -> dict[str, Any]:
        """Fetch a file in the background; one that is being fetched goes on."""
        file, catalogue = find_entry(name), read_catalogue(folders())
        there = find_whole(file, catalogue)
        return _describe_fetch(start_fetch(file, there.parent if there else catalogue.own_folder))

    @router.get("/models/{name}/fetch")
    def get_fetch(name: str) -> dict[str, Any]:
        """How the file's last fetch stands."""
        return _describe_fetch(_find_fetch(name))

    @router.delete("/models/{name}/fetch")
    def delete_fetch(name: str) -> dict[str, Any]:
        """Stop the file's fetch; what has come is kept."""
        fetch = _find_fetch(name)
        fetch.cancel()
        return _describe_fetch(fetch)

    @router.post("/light-map")
    def post_light_map(asked: dict[str, Any] = Body(...)) -> dict[str, str]:  # noqa: B008
        """Draw the light map of a relight's settings (`lights`, `light`, …) at `width` and `height`: PNG, base64."""
        size = [_check_side(name, asked.get(name)) for name in ("width", "height")]
        settings = {name: value for name, value in asked.items() if name not in ("width", "height")}
        request = RelightRequest.from_api(settings)
        request.check_effect(Kind.FOREGROUND, "a light map", Tab.TXT2IMG)
        drawn = Generation(host, request, Path(), Kind.FOREGROUND).draw_light_map(*size)
        return {"image": encode_png(drawn)}

    @router.post("/release")
    def post_release() -> dict[str, Any]:
        """Give back the memory that matting models and cut-outs hold."""
        release()
        return {}

    app.router.routes += router.routes  # as they are: to include the router would make each of them anew


def _check_site(request: Request) -> None:
    # Without this any page could have gigabytes fetched. Browsers say where a request comes from in Sec-Fetch-Site,
    # which no proxy changes; by plain HTTP to another address than localhost in Origin alone.
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_own = _is_same_origin(origin, request.headers) if site is None else site in ("same-origin", "none")
    if not is_own:
        raise HTTPException(
            403,
            f"Another site's page ({origin or 'not named'}) asked for this: ask from the web UI's own page, or from a "
            "program; a proxy before the web UI has to pass the Host header on, or send it as X-Forwarded-Host.",
        )


def _is_same_origin(origin: str | None, headers: Mapping[str, str]) -> bool:
    """Whether an Origin is none, as programs send none, or the address that was asked: "null" is any page's."""
    if origin is None:
        return True
    scheme, _, own = origin.lower().partition("://")
    port = {"http": ":80", "https": ":443"}.get(scheme)
    if port is None:
        return False
    # of several proxies the first has seen what the browser asked for
    asked = (headers.get("host", ""), headers.get("x-forwarded-host", "").partition(",")[0].strip())
    return own.removesuffix(port) in [host.lower().removesuffix(port) for host in asked if host]


def _password_check(credentials: Mapping[str, str]) -> Callable[..., None]:
    """:param credentials: passwords by user name."""

    def check_password(given: HTTPBasicCredentials = Depends(HTTPBasic())) -> None:  # noqa: B008
        expected = credentials.get(given.username, "")
        if not expected or not secrets.compare_digest(given.password.encode(), expected.encode()):
            raise HTTPException(401, "Incorrect username or password", {"WWW-Authenticate": "Basic"})

    return check_password


def _check_side(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 8 <= value <= MAX_SIDE:
        raise ICLightError(f"{name} must be a whole number of pixels from 8 to {MAX_SIDE}, not {quoted(value)}.")
    return value


def _find_fetch(name: str) -> FetchJob:
    file = find_entry(name)
    fetch = last_fetch(file.name)
    if fetch is None:
        raise HTTPException(404, f"{file.name} has not been fetched since the start: POST to this address fetches it.")
    return fetch


def _describe_file(file: ManifestFile, catalogue: Catalogue) -> dict[str, Any]:
    fetch = last_fetch(file.name)
    return {
        **dataclasses.asdict(file),
        "state": state_of(file, catalogue).value,
        "fetch": _describe_fetch(fetch) if fetch else None,
    }


def _describe_fetch(fetch: FetchJob) -> dict[str, Any]:
    progress = fetch.progress
    return {
        "name": fetch.file.name,
        "state": fetch.state.value,
        "sentence": fetch.sentence,
        "received": progress.received,
        "total": progress.total,
        "bytes_per_second": progress.bytes_per_second,
        "seconds_left": progress.seconds_left,
        "resumed_from": progress.resumed_from,
    }
