"""Operations that are not among ONNX's general ones: whose they are, and where a file without them comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nmc.frontends.onnx.values import Refusal

_QCDQ = (
    "export it as QuantizeLinear, Clip and DequantizeLinear: brevitas.export.export_onnx_qcdq does, and "
    "'qonnx-convert FILE --output-style qcdq' turns a file with Quant into such"
)
_UNOPTIMIZED = "give the file as it was before ONNX Runtime optimized it"
_QDQ = "quantize with quant_format=QuantFormat.QDQ, whose QuantizeLinear and DequantizeLinear can be read"


@dataclass(frozen=True)
class _Domain:
    what: str
    remedy: str


_DOMAINS: Mapping[str, _Domain] = {
    "ai.onnx.ml": _Domain(
        "is one of ONNX's classical models (scalers, trees, support vectors, encoders): nmc takes networks",
        "export the network alone, and apply what is classical to the data; a linear model is a MatMul and an Add",
    ),
    **dict.fromkeys(
        ("ai.onnx.training", "ai.onnx.preview.training"),
        _Domain("belongs to training", "export the model in evaluation mode, without its optimizer"),
    ),
    "com.microsoft.nchwc": _Domain("is of ONNX Runtime's own layouts", _UNOPTIMIZED),
    "com.microsoft": _Domain("is ONNX Runtime's own", f"{_UNOPTIMIZED}, or export it without contrib operations"),
    "ai.onnx.contrib": _Domain(
        "is one of onnxruntime-extensions, which prepare and read out data",
        "export the network alone, and prepare its data before",
    ),
    "qonnx": _Domain("says arbitrary widths in QONNX's way", _QCDQ),
    "onnx.brevitas": _Domain("says arbitrary widths in Brevitas' own way", _QCDQ),
    "finn": _Domain("is FINN's own, for FPGAs", f"give the file before FINN's transformations; {_QCDQ}"),
    "org.pytorch": _Domain(
        "is PyTorch's own, which its exporter found no counterpart for",
        "export it with torch.onnx.export(..., dynamo=True), or take the module: nmc.from_torch",
    ),
    "aten": _Domain(
        "is PyTorch's own, which its exporter found no counterpart for",
        "export it with torch.onnx.export(..., dynamo=True), or take the module: nmc.from_torch",
    ),
}
"""By domain, or its first parts."""
_ALIKE = frozenset({"QuantizeLinear", "DequantizeLinear"})
"""Operations of ONNX Runtime that are ONNX's own for more types of integers."""


def is_own(domain: str, kind: str) -> bool:
    """Whether an operation is one of ONNX's general ones, under whatever name."""
    return domain in ("", "ai.onnx") or (domain == "com.microsoft" and kind in _ALIKE)


def refusal(domain: str, kind: str) -> Refusal:
    """Why an operation of another domain cannot be imported."""
    parts = domain.split(".")
    found = (_DOMAINS.get(".".join(parts[:length])) for length in range(len(parts), 0, -1))
    known = next((entry for entry in found if entry is not None), None)
    if known is None:
        return Refusal(
            f"it is of the domain {domain!r}, which only the tool that made the file can tell the meaning of",
            "export it from ONNX's own operations, or with its definition in the file as a function",
        )
    remedy = _QDQ if domain == "com.microsoft" and (kind.startswith("Q") or "Integer" in kind) else known.remedy
    return Refusal(f"it is of the domain {domain!r}, and {known.what}", remedy)
