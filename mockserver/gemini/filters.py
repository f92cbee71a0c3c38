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
    principal_keys,
    public_role,
    walk_tuned_models,
)
from mockserver.rpc.errors import invalid_argument
from mockserver.state.store import Position

Test = Callable[[TunedModel, Call], bool]

_TERM = re.compile(r'"([^"]*)"|(\S+)')


def filter_tuned_models(call: Call, text: str, after: Position | None = None) -> Iterator[TunedModel]:
    """Return the tuned models that fit a filter, oldest first, behind a position.

    Raises ApiError for an operator with an unknown operand.
    """
    terms = [(phrase, word) for phrase, word in _TERM.findall(text) if word != "AND"]
    operators = {word for _, word in terms if _is_operator(word)}
    tests: list[Test] = [_contains(phrase or word) for phrase, word in terms if word not in operators]
    role = max((_ROLES[word] for word in operators if word in _ROLES), default=Role.READER)
    if call.settings.auth == "off" and not operators:
        keys = {""}  # without authentication everything is everybody's
    elif _PUBLIC in operators:
        keys = principal_keys(EVERYONE)
        tests.append(_is_public)
        if len(operators) > 1:
            tests.append(lambda model, call: own_role(model, call) >= role)
    else:
        keys = own_keys(call, role)
    return (model for model in walk_tuned_models(call, keys, after) if all(test(model, call) for test in tests))


_ROLES = {"owner:me": Role.OWNER, "writers:me": Role.WRITER, "readers:me": Role.READER}
_PUBLIC = "readers:everyone"


def _is_operator(word: str) -> bool:
    if word.partition(":")[0] not in {"owner", "writers", "readers"}:
        return False
    if word not in _ROLES and word != _PUBLIC:
        raise invalid_argument(f"Invalid filter: {word}")  # our choice: not seen
    return True


def _is_public(model: TunedModel, call: Call) -> bool:
    return public_role(model) >= Role.READER and has_role(model, call, Role.READER)


def _contains(text: str) -> Test:
    text = text.casefold()
    return lambda model, _: text in f"{model.display_name}\n{model.description}".casefold()
