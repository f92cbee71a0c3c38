"""What the models of the 1.0 generation could not do with a conversation, in both services."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from mockserver.catalog.base_model import BaseModel, Shape
from mockserver.rpc.errors import invalid_argument


def check_turns(contents: Sequence[Mapping[str, Any]], base: BaseModel | None) -> None:
    """Raise 400 for turns in another order than the model takes; both sentences were seen on both services in 2024."""
    if base is None or base.shape is not Shape.V1_0:
        return
    is_model = [content.get("role") == "model" for content in contents]
    if is_model[-1]:
        raise invalid_argument("Please ensure that multiturn requests ends with a user role or a function response.")
    if any(one == other for one, other in pairwise(is_model)):
        raise invalid_argument("Please ensure that multiturn requests alternate between user and model.")


def is_single_turn(base: BaseModel) -> bool:
    """Return whether the model answers one turn only: the vision models of 1.0 and those that speak."""
    return (base.shape is Shape.V1_0 and "vision" in base.id) or base.id.endswith("-tts")
