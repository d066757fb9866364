"""Products over merged axes, as products over the axes as they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import fx


def keep_samples_apart(graph: fx.Graph) -> None:
    """Rewrite view(linear(view(x))) as linear(view(x)), where the views only merge leading axes and part them again.

    Attention of PyTorch merges positions and samples so; a model of one sample has no such axis.
    """
    import torch

    order = {node: place for place, node in enumerate(graph.nodes)}
    views = (torch.ops.aten.view.default, torch.ops.aten._unsafe_view.default, torch.ops.aten.reshape.default)
    for node in graph.find_nodes(op="call_function", target=torch.ops.aten.linear.default):
        merged, parted = node.args[0], list(node.users)
        if merged.target in views and parted and all(user.target in views for user in parted):
            sizes = parted[0].args[1][:-1]
            known = all(order[size] < order[node] for size in sizes if isinstance(size, torch.fx.Node))
            if known and _only_leading_axes(merged, parted):
                _rewrite(graph, node, [*sizes, merged.meta["val"].shape[-1]])


def _only_leading_axes(merged: fx.Node, parted: list[fx.Node]) -> bool:
    """Whether all views after part the axes that the one before merged, in one way, and leave the last one."""
    between, after = _sizes(merged), _sizes(parted[0])
    same = all(_sizes(user) == after for user in parted)
    return same and len(between) < len(after) and after[-1] == _sizes(parted[0].args[0])[-1]


def _sizes(node: object) -> list[str]:
    """The sizes of a tensor; those that depend on the number of samples by name."""
    meta: Mapping[str, fx.Node] = getattr(node, "meta", {})
    return [str(size) for size in getattr(meta.get("val"), "shape", ())]


def _rewrite(graph: fx.Graph, linear: fx.Node, shape: list[object]) -> None:
    merged, parted = linear.args[0], list(linear.users)
    value = parted[0].meta["val"]
    with graph.inserting_before(linear):
        apart = graph.call_function(parted[0].target, (merged.args[0], shape))
    apart.meta = {**linear.meta, "val": value.new_empty((*value.shape[:-1], shape[-1]))}
    linear.replace_input_with(merged, apart)
    linear.meta["val"] = value
    for user in parted:
        user.replace_all_uses_with(linear)
        graph.erase_node(user)
    if not merged.users:
        graph.erase_node(merged)
