"""nmc: one model, many kinds of chip, and what it would cost on each.

    model = nmc.load("digits-cnn")
    program = nmc.compile(model, "loihi-sim", "programs/digits")
    result = nmc.run(program, x)
    print(nmc.estimate(program, result).energy_j)
    print(nmc.compare(model))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nmc.api import (
        check,
        compare,
        compile,
        conversion_report,
        convert,
        diff,
        estimate,
        export,
        from_torch,
        learn,
        load,
        load_program,
        raster,
        rollout,
        run,
        session,
        targets,
        train,
        uncertainty,
    )

__all__ = [
    "check",
    "compare",
    "compile",
    "conversion_report",
    "convert",
    "diff",
    "estimate",
    "export",
    "from_torch",
    "learn",
    "load",
    "load_program",
    "raster",
    "rollout",
    "run",
    "session",
    "targets",
    "train",
    "uncertainty",
]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> object:
    """The public functions, imported when first asked for, so that `import nmc` stays quick."""
    if name in __all__:
        from nmc import api

        return getattr(api, name)
    raise AttributeError(f"module 'nmc' has no attribute {name!r}; it has {', '.join(__all__)}")
