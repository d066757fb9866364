"""Texts from files as they can be shown: characters that would steer what shows them are written out."""

from __future__ import annotations

import re

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters but tab and line feed (escapes of terminals begin with two of them), marks that turn the direction
of text or cannot be seen, separators of lines and paragraphs, halves of characters, and tags."""


def clean(text: str) -> str:
    r"""The text with each character that steers as its code, as in '\x1b' or '\u202e'."""
    return _STEERING.sub(_code, text)


def _code(match: re.Match[str]) -> str:
    number = ord(match[0])
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
