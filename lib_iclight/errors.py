"""What can go wrong, as sentences."""

from __future__ import annotations

from starlette.exceptions import HTTPException


class ICLightError(HTTPException):
    """Something that the user can put right.

    It is an ``HTTPException`` because the hosts answer API requests with the status and ``detail`` of one,
    whatever raised it and whatever error handlers are installed; the web page shows ``str(error)``.
    """

    status = 422

    def __init__(self, sentence: str) -> None:
        """:param sentence: what is wrong and what to do; names the file, field or value."""
        super().__init__(status_code=self.status, detail=sentence)

    def __str__(self) -> str:
        return self.detail


class ICLightFault(ICLightError):  # noqa: N818
    """Something that the user can't put right: a fault of this extension or of what it was run with."""

    status = 500

    @classmethod
    def from_exception(cls, error: Exception) -> ICLightFault:
        """Wrap an unexpected exception; the traceback stays in the console, the sentence goes to the user."""
        reason = str(error) or "no reason given"
        return cls(
            f"IC-Light failed unexpectedly ({type(error).__name__}: {reason}). No picture was made. "
            "The console has the details; please report them."
        )
