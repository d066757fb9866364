"""Trials of operations of PyTorch in a process of their own: of some arguments PyTorch does not refuse, but dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO

_LONGEST_S = 300.0


@dataclass(frozen=True)
class Outcome:
    """What became of a case: "honoured", "refused", "rejected" (by PyTorch) or "wrong", and what is said of it."""

    argument: str
    text: str
    verdict: str
    said: str


class Trials:
    """A process that tries one overload after another, started again where it died."""

    def __init__(self, program: Sequence[str] = ("-m", "frontends.torch_trials")) -> None:
        self._program = program
        self._process: subprocess.Popen[str] | None = None

    def of(self, key: str) -> list[Outcome]:
        """The outcome of every case of an overload; those of which PyTorch dies are left out."""
        deadly: list[int] = []
        deaths = 0
        while True:
            lines = self._answers(key, deadly)
            if lines[-1:] == [["end"]]:
                return [Outcome(*line) for line in lines if len(line) == 4]
            deaths += 1
            if lines and lines[-1][0] == "run":
                deadly.append(int(lines[-1][1]))
            elif deaths > len(deadly) + 1:
                return [Outcome("", "all that PyTorch takes", "wrong", "the process dies")]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _answers(self, key: str, without: list[int]) -> list[list[str]]:
        """What the process says of the cases but some, until it says that it is done, or dies."""
        process = self._process = self._process or _started(self._program)
        assert process.stdin is not None and process.stdout is not None
        print(key, *without, file=process.stdin, flush=True)
        watch = Timer(_LONGEST_S, process.kill)
        watch.start()
        lines: list[list[str]] = []
        for text in process.stdout:
            lines.append(json.loads(text))
            if lines[-1] == ["end"]:
                break
        else:
            self.close()
        watch.cancel()
        return lines


def _started(program: Sequence[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, *program], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer each line "KEY WITHOUT...": ["run", PLACE] before PyTorch runs a case, ["import"], outcomes, ["end"]."""
    from frontends.torch_cases import cases
    from frontends.torch_oracle import Applied, outputs, verdicts

    def say(*words: str) -> None:
        print(json.dumps(words), file=answers, flush=True)

    for request in requests:
        key, *without = request.split()
        taken = []
        for place, case in enumerate(cases(key)):
            if str(place) in without:
                continue
            say("run", str(place))
            module = Applied(key, case)
            try:
                outputs(module, module.examples())
            except Exception as error:
                say(case.argument, case.text, "rejected", f"{type(error).__name__}: {error}"[:200])
            else:
                taken.append(module)
        say("import")
        for module, (verdict, said) in zip(taken, verdicts(taken), strict=True):
            say(module.case.argument, module.case.text, verdict, said)
        say("end")


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, out)
