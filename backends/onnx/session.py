"""ONNX Runtime sessions, with its failures turned into ToolError."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from nmc.errors import ToolError
from nmc.model import Array

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

T = TypeVar("T")

CUDA = "CUDAExecutionProvider"


class Session:
    """One ONNX file, loaded. Raises ToolError where ONNX Runtime refuses it, or fails to run it."""

    def __init__(self, data: bytes, name: str, threads: int = 1, exact: bool = True, gpu: bool = False) -> None:
        """`name` is what messages call the file.

        With `exact`, a quantized graph is computed as its QuantizeLinear and DequantizeLinear nodes
        say, the same on every machine; without, ONNX Runtime may fuse them into integer kernels,
        which round differently. With `gpu`, CUDA runs it, and what CUDA cannot the processor.
        """
        self._name = name
        self._session = self._explained("load", lambda: _open(data, threads, exact, gpu))

    @property
    def inputs(self) -> tuple[str, ...]:
        """All inputs by name, those with a default included."""
        every = [*self._session.get_inputs(), *self._session.get_overridable_initializers()]
        return tuple(value.name for value in every)

    def run(self, outputs: Sequence[str], feeds: Mapping[str, Array]) -> list[Array]:
        """The named outputs, given the inputs."""
        return self._explained(
            "run", lambda: [np.asarray(value) for value in self._session.run(list(outputs), dict(feeds))]
        )

    def _explained(self, what: str, action: Callable[[], T]) -> T:
        try:
            return action()
        except ToolError:
            raise
        except Exception as error:  # ONNX Runtime's exceptions have no common class of their own
            raise ToolError(
                f"ONNX Runtime cannot {what} {self._name}: {str(error).strip() or type(error).__name__}",
                "use another engine, or another version of onnxruntime",
            ) from error


def _open(data: bytes, threads: int, exact: bool, gpu: bool) -> InferenceSession:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    if exact:
        settings.add_session_config_entry("session.disable_quant_qdq", "1")
    providers = ["CPUExecutionProvider"]
    if gpu:
        if CUDA not in onnxruntime.get_available_providers():
            raise ToolError("this ONNX Runtime has no CUDA", "install onnxruntime-gpu on a machine with a GPU")
        providers.insert(0, CUDA)
    return onnxruntime.InferenceSession(data, settings, providers=providers)
