"""What Lava does to the weights of dense and sparse synapses before the first step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmc.nodes.fixed_point import SignMode

IntArray = NDArray[np.int64]


def truncated(weights: IntArray, sign_mode: SignMode, num_weight_bits: int) -> IntArray:
    """The weights that Lava 0.10.0 computes with: clipped to 8 bits and a sign, then cut to `num_weight_bits`.

    Lowest bits are cleared: one for the sign in mixed mode, and one for each bit below 8. Mixed weights go
    towards minus infinity, the others towards zero. Source: lava/utils/weightutils.py, clip_weights
    and truncate_weights.
    """
    sign = -1 if sign_mode == "inhibitory" else 1
    mixed = sign_mode == "mixed"
    clipped = np.clip(sign * weights, -256 if mixed else 0, 255)
    cut = 8 - num_weight_bits + mixed
    whole: IntArray = sign * ((clipped >> cut) << cut)
    return whole
