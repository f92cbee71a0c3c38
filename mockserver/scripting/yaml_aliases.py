"""Refuses YAML documents whose aliases expand to far more values than the document has."""

from typing import Any

import yaml

EXPANSION = 10
"""How many times the values that are written may be repeated by aliases."""

ALWAYS_ALLOWED = 100_000
"""A document may have this many values, however few of them are written."""


class AliasBomb(yaml.YAMLError):
    """The aliases of a document expand to far more values than the document has, or contain themselves."""

    def __init__(self) -> None:
        super().__init__(f"its aliases repeat its values more than {EXPANSION} times")


def check_aliases(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> None:
    """Raise AliasBomb for a document that grows too much; YAMLError for one that is not YAML."""
    if "&" not in text or "*" not in text:
        return
    sizes: dict[int, int] = {}
    if _expanded_size(yaml.compose(text, loader), sizes) > max(ALWAYS_ALLOWED, EXPANSION * len(sizes)):
        raise AliasBomb


def _expanded_size(node: Any, sizes: dict[int, int]) -> int:
    """Return the number of values that a node stands for; `sizes` has it for each node that is written."""
    cached_size = sizes.get(id(node))
    if cached_size == 0:  # inside of itself
        raise AliasBomb
    if cached_size is not None:
        return cached_size
    sizes[id(node)] = 0
    size = 1
    if isinstance(node, yaml.SequenceNode):
        size += sum(_expanded_size(each, sizes) for each in node.value)
    elif isinstance(node, yaml.MappingNode):
        size += sum(_expanded_size(each, sizes) for pair in node.value for each in pair)
    sizes[id(node)] = size
    return size
