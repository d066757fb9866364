"""What a graph means: a NumPy interpreter, batch first, in double precision.

Every target is held to this. It is written to be read, not to be fast.
"""

from __future__ import annotations

from nmc.reference.interpreter import Interpreter, each_step, run

__all__ = ["Interpreter", "each_step", "run"]
