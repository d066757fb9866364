"""A YAML file as plain values, each with its place; small, flat and without code, or refused."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from nmc.errors import Fault, Location, ModelError, UsageError

if TYPE_CHECKING:
    from ruamel.yaml.events import Event, ScalarEvent

LIMIT_BYTES = 1 << 20
LIMIT_VALUES = 50_000
LIMIT_DEPTH = 12

KeyPath = tuple[str | int, ...]
"""Where a value is: the keys and list positions that lead to it from the top."""

_CONSTANTS: Mapping[str, object] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")


@dataclass(frozen=True)
class Document:
    """What a YAML file holds, the places of its parts, and faults that did not stop the reading."""

    file: str
    value: Mapping[str, object]
    places: Mapping[KeyPath, Location]
    faults: tuple[Fault, ...]

    def at(self, *path: str | int) -> Location:
        """The place of a value, or of the nearest part around it that is there."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Location(self.file))

    def fault(self, path: KeyPath, what: str, remedy: str | None) -> Fault:
        """A fault at a value, naming the node that it belongs to."""
        return Fault(what, remedy, _node_of(path), self.at(*path))


def read(path: Path) -> Document:
    """The file's values by YAML 1.2's core rules; every key is a text.

    Raises UsageError where there is no such file, and ModelError where it is not readable as a
    YAML mapping, is larger or deeper than any model, or uses anchors, aliases or tags.
    """
    text = _text(path)
    return _Reader(str(path), _events(text, str(path))).document()


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder, not a file", "name a model file, as in 'model.yaml'")
        if not path.exists():
            raise UsageError(f"there is no file {path}", "check the path")
        if not path.is_file():
            raise UsageError(f"{path} is not a regular file", "name a model file, as in 'model.yaml'")
        with path.open("rb") as file:
            data = file.read(LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read {str(path)!r}: {reason}", "check the path and its permissions") from None
    if len(data) > LIMIT_BYTES:
        what = f"the file is larger than {LIMIT_BYTES >> 20} MiB"
        raise ModelError(what, "keep arrays in the weights file", where=Location(str(path)))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Location(str(path), data[: error.start].count(b"\n") + 1)
        what = f"byte {data[error.start]:#04x} is not UTF-8 text"
        raise ModelError(what, "save the file as UTF-8", where=place) from None


def _events(text: str, file: str) -> Iterator[Event]:
    """The parser's events. Whatever it fails with is a fault of the text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.reader import ReaderError

    remedy = "mend the YAML: 'key: value' pairs, indented by spaces; quote texts that hold ':' or '#'"
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file)
        problem = ", ".join(str(part) for part in (error.context, error.problem) if part)
        raise ModelError(f"this is not YAML: {problem}", remedy, where=place) from None
    except ReaderError as error:
        place = Location(file, text[: error.position].count("\n") + 1)
        raise ModelError(f"this is not YAML: {error.reason}", "remove control characters", where=place) from None
    except Exception as error:  # the parser also fails with its own errors, as on escapes out of range
        raise ModelError(f"this is not YAML: {error}", remedy, where=Location(file)) from None


class _Reader:
    """Builds values from a parser's events, and notes the place of each."""

    def __init__(self, file: str, events: Iterator[Event]) -> None:
        self.file = file
        self.events = events
        self.places: dict[KeyPath, Location] = {}
        self.faults: list[Fault] = []
        self.count = 0

    def document(self) -> Document:
        from ruamel.yaml.events import DocumentStartEvent, MappingStartEvent, StreamEndEvent

        next(self.events)
        event = next(self.events)
        if isinstance(event, StreamEndEvent):
            raise ModelError("the file is empty", "begin with 'nmc: 1'", where=Location(self.file))
        assert isinstance(event, DocumentStartEvent)
        event = next(self.events)
        if not isinstance(event, MappingStartEvent):
            self._refuse(event, "a model is a list of 'key: value' pairs", "begin with 'nmc: 1'")
        self._admit(event, ())
        value = self._mapping(())
        next(self.events)
        event = next(self.events)
        if not isinstance(event, StreamEndEvent):
            self._refuse(event, "there is a second document in the file", "keep one model to a file")
        return Document(self.file, value, self.places, tuple(self.faults))

    def _value(self, event: Event, path: KeyPath) -> object:
        from ruamel.yaml.events import MappingStartEvent, ScalarEvent, SequenceStartEvent

        self._admit(event, path)
        if isinstance(event, ScalarEvent):
            return self._scalar(event, path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        return self._refuse(event, "aliases are not part of the format", "write the value out")

    def _admit(self, event: Event, path: KeyPath) -> None:
        self.count += 1
        if self.count > LIMIT_VALUES:
            self._refuse(event, f"the file holds more than {LIMIT_VALUES} values", "keep arrays in the weights file")
        if len(path) > LIMIT_DEPTH:
            self._refuse(event, "this is nested too deeply", "no part of a model is nested so deeply")
        if getattr(event, "anchor", None) and type(event).__name__ != "AliasEvent":
            self._refuse(event, "anchors are not part of the format", "write the value out where it is used")
        if tag := getattr(event, "tag", None):
            self._refuse(event, "tags are not part of the format", f"remove {tag}")

    def _sequence(self, path: KeyPath) -> list[object]:
        from ruamel.yaml.events import SequenceEndEvent

        items: list[object] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            item = (*path, len(items))
            self.places[item] = self._place(event)
            items.append(self._value(event, item))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, object]:
        from ruamel.yaml.events import MappingEndEvent, ScalarEvent

        entries: dict[str, object] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                self._refuse(event, "a key must be a plain text", "write 'key: value'")
            self._admit(event, path)
            key, place = str(event.value), self._place(event)
            where = (*path, key)
            if key in entries:
                first = self.places[where]
                what = f"the key {reprlib.repr(key)} is given twice, first in line {first.line}"
                self.faults.append(Fault(what, "remove or rename one of them", _node_of(where), place))
                self._value(next(self.events), (*path, f"{key}\0{self.count}"))
                continue
            self.places[where] = place
            entries[key] = self._value(next(self.events), where)
        return entries

    def _scalar(self, event: ScalarEvent, path: KeyPath) -> object:
        text = str(event.value)
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._fault(event, path, "this text holds half a character (a lone surrogate)", "remove the \\u escape")
            return ""
        if not event.implicit[0]:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        if match := _INFINITY.fullmatch(text):
            return float(f"{match[1]}inf")
        if _NAN.fullmatch(text):
            self._fault(event, path, "NaN is not a value", "write a number")
            return 0.0
        return text

    def _fault(self, event: Event, path: KeyPath, what: str, remedy: str) -> None:
        self.faults.append(Fault(what, remedy, _node_of(path), self._place(event)))

    def _place(self, event: Event) -> Location:
        return Location(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _refuse(self, event: Event, what: str, remedy: str) -> NoReturn:
        raise ModelError(what, remedy, where=self._place(event))


def _node_of(path: KeyPath) -> str | None:
    """The name of the node that a value belongs to."""
    match path:
        case ("nodes" | "inputs", str(name), *_):
            return name[:60].partition("\0")[0]
        case ("input", *_):
            return "input"
    return None
