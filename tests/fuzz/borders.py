"""Feeds damaged files to every border of nmc: each is read, or refused in words, soon and within bounded memory.

    python tests/fuzz/borders.py --minutes 10 --seed 1
    python tests/fuzz/borders.py --seed 1 --case 123

Case N of a seed is always the same file. Anything but a model or an NmcError is a crash: another exception, a
signal, more memory than the limit, or more time. The file of a crash is kept, and its traceback printed.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import nmc
from fuzz import mutations, samples
from nmc.errors import NmcError

MEMORY_BYTES = 2 << 30
"""What a file may take on top of what the imported packages take."""
TIME_LIMIT_S = 60.0
KEPT = Path(__file__).parents[2] / "build" / "fuzz"
FILES: Mapping[str, str] = {
    "onnx": "model.onnx", "nir": "model.nir", "yaml": "model.yaml", "safetensors": "weights.safetensors",
    "npz": "test.npz",
}  # fmt: skip
"""The file that is damaged, by format; the last two lie beside a sound model.yaml."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file: "read", "refused" or "crash", the latter with what is known of it."""

    name: str
    detail: str = ""


def case(seed: int, number: int) -> tuple[str, bytes]:
    """The format and the content of a case."""
    chosen = random.Random(f"{seed}-{number}")
    kind = chosen.choices(list(FILES), weights=[8, 1, 4, 2, 2])[0]
    return kind, mutations.mutated(kind, chosen, samples.files(kind))


def read(kind: str, folder: Path) -> None:
    """What a user does with a file first: load it, print it, write it as a model folder, and compile it."""
    from nmc import datasets
    from nmc.frontends.dump import dump

    name = FILES[kind] if kind in ("onnx", "nir") else "model.yaml"
    model = nmc.load(folder / name, **({"dt": "1 us"} if kind == "nir" else {}))
    assert str(model.graph)
    if kind == "npz":
        datasets.test_data(model)
    dump(model, folder / "written")
    nmc.compile(model, "cpu", folder / "program")


def outcome(kind: str, data: bytes) -> Outcome:
    """What reading a file comes to, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="nmc-fuzz-") as scratch:
        folder = Path(scratch)
        for name, content in samples.beside(kind).items():
            (folder / name).write_bytes(content)
        (folder / FILES[kind]).write_bytes(data)
        said = folder / "said"
        child = os.fork()
        if not child:
            _attempt(kind, folder, said)
        status = _wait(child)
        if status is None:
            return Outcome("crash", f"it takes more than {TIME_LIMIT_S:g} s")
        if os.WIFSIGNALED(status):
            return Outcome("crash", f"it ends by {signal.Signals(os.WTERMSIG(status)).name}")
        ends = {0: "read", 1: "refused"}
        return Outcome(ends.get(os.WEXITSTATUS(status), "crash"), said.read_text(encoding="utf-8", errors="replace"))


def _attempt(kind: str, folder: Path, said: Path) -> None:
    """Read the file, say what came of it, and leave."""
    code = 2
    try:
        os.setpgid(0, 0)
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES,) * 2)
        read(kind, folder)
        said.write_text("", encoding="utf-8")
        code = 0
    except NmcError as error:
        said.write_text(str(error), encoding="utf-8", errors="replace")
        code = 1
    except BaseException:
        said.write_text(traceback.format_exc(), encoding="utf-8", errors="replace")
    finally:
        os._exit(code)


def _wait(child: int) -> int | None:
    """The exit status of a process; None if it had to be stopped."""
    end = time.monotonic() + TIME_LIMIT_S
    pause = 0.001
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def crashes(seed: int, numbers: Iterator[int], counts: Counter[str]) -> Iterator[tuple[int, str, bytes, str]]:
    """The cases that crash: number, format, content and what is known; all outcomes are counted."""
    for number in numbers:
        kind, data = case(seed, number)
        found = outcome(kind, data)
        counts[f"{kind} {found.name}"] += 1
        if found.name == "crash":
            yield number, kind, data, found.detail


def warm_up() -> None:
    """Read sound files here, so that each process starts with all that is imported for it."""
    for kind in FILES:
        with tempfile.TemporaryDirectory(prefix="nmc-fuzz-") as scratch:
            for name, content in {**samples.beside(kind), FILES[kind]: samples.files(kind)[0]}.items():
                (Path(scratch) / name).write_bytes(content)
            read(kind, Path(scratch))


def until(end: float) -> Iterator[int]:
    """Numbers until a time."""
    number = 0
    while time.monotonic() < end:
        yield number
        number += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="this case alone")
    given = parser.parse_args()
    warm_up()
    numbers = iter([given.case]) if given.case is not None else until(time.monotonic() + 60 * given.minutes)
    counts: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for number, kind, data, detail in crashes(given.seed, numbers, counts):
        lines = [line for line in detail.splitlines() if line.lstrip().startswith("File ")]
        place = lines[-1] if lines else detail
        seen[place] += 1
        if seen[place] == 1:
            KEPT.mkdir(parents=True, exist_ok=True)
            kept = KEPT / f"{given.seed}-{number}-{FILES[kind]}"
            kept.write_bytes(data)
            print(f"case {number}: {kept}\n{detail}\n", flush=True)
    print(f"{sum(counts.values())} files: {', '.join(f'{name} {n}' for name, n in sorted(counts.items()))}")
    for place, count in seen.most_common():
        print(f"{count} crashes: {place.strip()}")
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
