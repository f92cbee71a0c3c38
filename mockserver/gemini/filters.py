"""The `filter` of tunedModels.list.

    owner:me            the caller's own
    writers:me          those the caller may change
    readers:me          those the caller may use
    readers:everyone    those everyone may use
    any other word      is looked for in display name and description, whatever its case

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
    allows,
    own_lists,
    own_role,
    public_role,
    walk,
)
from mockserver.rpc.errors import invalid_argument

Test = Callable[[TunedModel, Call], bool]

_TERM = re.compile(r'"([^"]*)"|(\S+)')


def search(call: Call, wanted: str, after: tuple[int, str] | None = None) -> Iterator[TunedModel]:
    """The tuned models a filter finds, oldest first, behind the creation and name of one.

    Raises ApiError for an operator with an unknown operand.
    """
    tests = [_test(phrase, word) for phrase, word in _TERM.findall(wanted) if word != "AND"]
    lists = {EVERYONE} if _is_public in tests else own_lists(call)
    if not any(test in _OPERATORS.values() for test in tests):
        tests.append(_is_mine)
        lists = {""} if call.world.settings.auth == "off" else lists
    return (model for model in walk(call, lists, after) if all(test(model, call) for test in tests))


def _is_mine(model: TunedModel, call: Call) -> bool:
    """Whether it is the caller's or shared with them by name. Where nobody is asked who they are, all are."""
    return own_role(model, call) > 0 or call.world.settings.auth == "off"


def _is_owned(model: TunedModel, call: Call) -> bool:
    return own_role(model, call) >= Role.OWNER


def _is_writable(model: TunedModel, call: Call) -> bool:
    return own_role(model, call) >= Role.WRITER


def _is_readable(model: TunedModel, call: Call) -> bool:
    return own_role(model, call) >= Role.READER


def _is_public(model: TunedModel, call: Call) -> bool:
    return public_role(model) >= Role.READER and allows(model, call, Role.READER)


_OPERATORS: dict[str, Test] = {
    "owner:me": _is_owned,
    "writers:me": _is_writable,
    "readers:me": _is_readable,
    "readers:everyone": _is_public,
}


def _test(phrase: str, word: str) -> Test:
    if word.partition(":")[0] in {"owner", "writers", "readers"}:
        if word not in _OPERATORS:
            raise invalid_argument(f"Invalid filter: {word}")  # our choice: not seen
        return _OPERATORS[word]
    text = (phrase or word).casefold()
    return lambda model, _: text in f"{model.display_name}\n{model.description}".casefold()
