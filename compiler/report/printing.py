"""The one way out to a terminal for all text that nmc prints, but tables and pictures."""

from __future__ import annotations

import sys

from nmc.cleaning import clean


def say(text: str, *, error: bool = False) -> None:
    """Print text on standard output, or standard error; what it holds of files is shown, not obeyed."""
    print(clean(text), file=sys.stderr if error else sys.stdout)
