"""The `filter` of tunedModels.list.

    owner:me            the caller's own models
    writers:me          those that the caller may change
    readers:me          those that the caller may use
    readers:everyone    those that everyone may use
    any other word      those whose display name or description contains it; upper and lower case are alike

Terms are joined by AND. Without an operator, models that the caller may use only because everyone may are
left out. (Comment of model_service.proto. That roles include smaller ones here too is our choice: not seen.)
"""

import re
from collections.abc import Callable, Iterator

from mockserver.dispatch.routing import Call
from mockserver.gemini.store import (
    EVERYONE,
    Role,
    TunedModel,
    has_role,
    own_keys,
    own_role,
    public_role,
    walk_tuned_models,
)
from mockserver.rpc.errors import invalid_argument
from mockserver.state.store import Position

Test = Callable[[TunedModel, Call], bool]

_TERM = re.compile(r'"([^"]*)"|(\S+)')


def filter_tuned_models(call: Call, text: str, after: Position | None = None) -> Iterator[TunedModel]:
    """The tuned models that fit a filter, oldest first, behind a position.

    Raises ApiError for an operator with an unknown operand.
    """
    tests = [_parse_term(phrase, word) for phrase, word in _TERM.findall(text) if word != "AND"]
    keys = {EVERYONE} if _is_public in tests else own_keys(call)
    if call.settings.auth == "off" and not any(test in _OPERATORS.values() for test in tests):
        keys = {""}  # without authentication everything is everybody's
    return (model for model in walk_tuned_models(call, keys, after) if all(test(model, call) for test in tests))


def _is_public(model: TunedModel, call: Call) -> bool:
    return public_role(model) >= Role.READER and has_role(model, call, Role.READER)


_OPERATORS: dict[str, Test] = {
    "owner:me": lambda model, call: own_role(model, call) >= Role.OWNER,
    "writers:me": lambda model, call: own_role(model, call) >= Role.WRITER,
    "readers:me": lambda model, call: own_role(model, call) >= Role.READER,
    "readers:everyone": _is_public,
}


def _parse_term(phrase: str, word: str) -> Test:
    if word.partition(":")[0] in {"owner", "writers", "readers"}:
        if word not in _OPERATORS:
            raise invalid_argument(f"Invalid filter: {word}")  # our choice: not seen
        return _OPERATORS[word]
    text = (phrase or word).casefold()
    return lambda model, _: text in f"{model.display_name}\n{model.description}".casefold()
