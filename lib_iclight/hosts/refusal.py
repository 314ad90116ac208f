"""How the web UIs take an error, so that it reaches the page and the API as a sentence."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from ..errors import ICLightError, ICLightFault


class RelightRefused(HTTPException):
    """An :class:`ICLightError` on its way through a web UI.

    The APIs answer with the status and ``detail`` of an ``HTTPException``, whatever raised it and whatever error
    handlers are installed; the pages show the class's name and ``str(error)``, which starlette leaves empty.
    """

    def __init__(self, error: ICLightError) -> None:
        super().__init__(500 if isinstance(error, ICLightFault) else 422, str(error))

    def __str__(self) -> str:
        return self.detail
