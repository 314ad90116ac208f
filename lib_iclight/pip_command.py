"""The command that installs a package by hand. Only the standard library: `install.py` runs at every start."""

from __future__ import annotations


def write_pip_command(python: str, package: str) -> str:
    """As it is typed into a console.

    :param python: the interpreter's path. It is put in quotation marks only where it needs them, because PowerShell
        takes for a text whatever begins with one.
    """
    quoted = f'"{python}"' if " " in python else python
    return f"{quoted} -m pip install {package}"
