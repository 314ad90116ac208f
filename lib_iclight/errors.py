"""What can go wrong, as sentences."""

from __future__ import annotations

import traceback


class ICLightError(Exception):
    """Something that the user can put right: a sentence that names the file, field or value and says what to do."""


class ICLightFault(ICLightError):  # noqa: N818
    """Something that the user can't put right: a fault of this extension or of what it was run with."""

    @classmethod
    def from_exception(cls, error: Exception) -> ICLightFault:
        """Wrap an unexpected exception; the traceback stays in the console, the sentence goes to the user."""
        reason = str(error) or "no reason given"
        return cls(
            f"IC-Light failed unexpectedly ({type(error).__name__}: {reason}). No picture was made. "
            "The console has the details; please report them."
        )


def report(error: Exception) -> None:
    """Leave an unexpected error's traceback in the console: the user gets a sentence."""
    if not isinstance(error, ICLightError):
        traceback.print_exception(type(error), error, error.__traceback__)
