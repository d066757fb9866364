"""From the time constants and factors of NIR to decays and gains per step, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmc.frontends.nir.conventions import Conventions, Gain
from nmc.model import Array, FloatArray

_SHOWN = 3
_FEWEST_STEPS = 0.25
"""A time constant that decays to 2 % within a step: less is one in seconds."""


@dataclass(frozen=True)
class Dynamics:
    """How states step in time: by whose conventions, with which step, and in which unit a file has its times."""

    conventions: Conventions
    dt_s: float
    unit_s: float = 1.0

    @property
    def time_s(self) -> float:
        """What one of the file's time constants is in seconds."""
        match self.conventions.time:
            case "seconds":
                return self.unit_s
            case "steps":
                return self.dt_s
            case "seconds x dt":
                return self.unit_s / self.dt_s

    def decay(self, tau: Array, name: str = "tau") -> FloatArray:
        """The decay per step of a state with this time constant. Raises ValueError where there is none."""
        seconds = np.asarray(tau, dtype=np.float64) * self.time_s
        if not np.all(seconds > 0):
            raise ValueError(f"{name} must be positive, it holds {_some(np.asarray(tau)[~(seconds > 0)])}")
        if self.conventions.time == "steps" and np.any(few := seconds < _FEWEST_STEPS * self.dt_s):
            raise ValueError(
                f"{name} is {_some(np.asarray(tau)[few])}: {self.conventions.tool} counts in steps, and none of its "
                f"networks forgets within {_FEWEST_STEPS:g} of one; the file seems to be another tool's"
            )
        if self.conventions.integrator == "exact":
            return np.asarray(np.exp(-self.dt_s / seconds))
        if np.any(short := seconds < self.dt_s * (1 - 1e-6)):
            raise ValueError(
                f"{name} is {_some(np.asarray(tau)[short])}, which is {_some(seconds[short] / self.dt_s)} of a step of "
                f"{self.dt_s:g} s: an Euler step of {self.conventions.tool} would turn the voltage around"
            )
        return np.asarray(1 - np.minimum(self.dt_s / seconds, 1.0))

    def tau(self, decay: FloatArray) -> FloatArray:
        """The time constant, in the file's unit, of a decay per step. Raises ValueError where there is none."""
        low = decay <= 0 if self.conventions.integrator == "exact" else decay < 0
        if np.any(low | (decay >= 1)):
            raise ValueError(f"a decay of {_some(decay[low | (decay >= 1)])} has no time constant in NIR")
        steps = -1 / np.log(decay) if self.conventions.integrator == "exact" else 1 / (1 - decay)
        return np.asarray(steps * self.dt_s / self.time_s)

    def gain(self, rule: Gain, factor: Array, decay: FloatArray, tau: Array) -> FloatArray:
        """What a state takes in of its input. Raises ValueError where a factor contradicts the conventions."""
        r = np.asarray(factor, dtype=np.float64)
        k, taken = np.broadcast_arrays(decay, r)
        with np.errstate(invalid="ignore"):
            if self.conventions.integrator == "exact":
                equation = r * (1 - decay)
            else:
                equation = r * self.dt_s / (np.asarray(tau, np.float64) * self.time_s)
        match rule:
            case "equation":
                return np.asarray(equation)
            case "jump":
                return np.array(taken)
            case "decayed":
                return np.asarray(r * decay)
            case "ignored":
                return np.ones_like(k)
            case "one":
                wrong = np.isfinite(equation) & (np.abs(equation - 1) > 1e-3)
                if np.any(wrong):
                    step = self.dt_s / np.broadcast_to(equation, wrong.shape)[wrong]
                    raise ValueError(
                        f"the factor on its input is {_some(equation[wrong])}, where {self.conventions.tool} has 1: "
                        f"the file and dt = {self.dt_s:g} s contradict each other; {_some(step)} s would not"
                    )
                return np.ones_like(k)

    def leakless_gain(self, factor: Array) -> FloatArray:
        """What an integrator without leak takes in of its input."""
        r = np.asarray(factor, dtype=np.float64)
        match self.conventions.if_gain:
            case "equation":
                return np.asarray(r * self.dt_s)
            case "one" | "ignored":
                return np.ones_like(r)
            case "jump" | "decayed":
                return r

    def factor(self, rule: Gain, gain: FloatArray, decay: FloatArray) -> FloatArray:
        """The factor that gives this gain. Raises ValueError where the conventions leave no choice of it."""
        per_unit = 1 - decay
        match rule:
            case "equation":
                return np.asarray(gain / per_unit)
            case "jump":
                return np.array(np.broadcast_arrays(gain, decay)[0])
            case "decayed":
                return np.asarray(gain / decay)
            case "one" | "ignored":
                if np.any(gain != 1):
                    raise ValueError(f"{self.conventions.tool} has a gain of 1, but it is {_some(gain[gain != 1])}")
                return np.asarray(1 / per_unit)

    def leakless_factor(self, gain: FloatArray) -> FloatArray:
        """The factor that gives this gain to an integrator without leak. Raises ValueError."""
        match self.conventions.if_gain:
            case "equation":
                return np.asarray(gain / self.dt_s)
            case "one" | "ignored":
                if np.any(gain != 1):
                    raise ValueError(f"{self.conventions.tool} has a gain of 1, but it is {_some(gain[gain != 1])}")
                return gain
            case "jump" | "decayed":
                return gain

    def steps(self, delay: Array) -> FloatArray:
        """A delay in whole steps. Raises ValueError where it is none."""
        exact = np.asarray(delay, dtype=np.float64) * self.unit_s / self.dt_s
        steps = np.rint(exact)
        wrong = ~(np.abs(exact - steps) <= 1e-4 * np.maximum(steps, 1)) | (steps < 0)
        if np.any(wrong):
            raise ValueError(
                f"a delay of {_some(np.asarray(delay)[wrong])} is not a whole number of steps of {self.dt_s:g} s"
            )
        return np.asarray(steps)


def _some(values: FloatArray | Array) -> str:
    """A few of the values, for a message."""
    flat = np.unique(np.asarray(values, dtype=np.float64).ravel())
    return ", ".join(f"{value:.6g}" for value in flat[:_SHOWN]) + (", ..." if flat.size > _SHOWN else "")
