"""The rules of Vertex AI for a line of training data: what one example teaches, and what is wrong with it.

    {"systemInstruction": {...}, "contents": [{"role": "user", ...}, {"role": "model", ...}]}     supervised
    {"contents": [..., {"role": "user", ...}], "completions": [{"score": 1, "completion": {...}}, ...]}  preference
    {"contents": [..., {"role": "user", ...}], "references": {...}}                               reinforcement

and, where the base model took them, the older `messages`, `input_text`/`output_text` and
`prompt`/`completion`. Names are read in lowerCamelCase and in snake_case, a single object stands for a list
of one, null is as good as absent: the documentation's samples rely on all three.

A problem is the end of a sentence that begins with "Dataset example 1 of 14". One such sentence was seen
(an unsupported modality, 2025-11); the others are our choice, in its manner: not seen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.datasets.lines import Example, Kind, Line, Turn, unusable
from mockserver.simulation.tokens import IMAGE_TOKENS, count_tokens

Json = Mapping[str, Any]

_MEDIA = (("image/", "image"), ("application/pdf", "PDF document"), ("audio/", "audio"), ("video/", "video"))
_ALL_MEDIA = ("image", "PDF document", "audio", "video")
_FUNCTIONS = ("function call", "function response")
_DATA = {
    "text": "text",
    "inlineData": "inline data",
    "fileData": "file data",
    "functionCall": "function call",
    "functionResponse": "function response",
    "executableCode": "executable code",
    "codeExecutionResult": "code execution result",
}
"""The members of a part of which there is one, and what they are called in a sentence."""

_SNAKE = {
    "systemInstruction": "system_instruction",
    "inlineData": "inline_data",
    "fileData": "file_data",
    "functionCall": "function_call",
    "functionResponse": "function_response",
    "executableCode": "executable_code",
    "codeExecutionResult": "code_execution_result",
    "mimeType": "mime_type",
    "fileUri": "file_uri",
    "generationConfig": "generation_config",
}

_VALID_ROLES = "Please use a valid role: user, model."  # as generateContent says [recorded 2025-08]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a base model can be tuned with besides text in `contents`: modalities, and members of older formats."""

    modalities: tuple[str, ...]
    older: tuple[str, ...] = ()


ANYTHING = Accepted((*_ALL_MEDIA, *_FUNCTIONS), ("messages", "input_text", "prompt"))

# 2.5 refused function calls that 2.0 took [seen 2025-11]; the rest is as published with each generation.
_BY_GENERATION = {
    "gemini-1.0": Accepted((), ("messages",)),
    "gemini-1.5": Accepted(("image", "PDF document", "audio", *_FUNCTIONS)),
    "gemini-2.5": Accepted(_ALL_MEDIA),
    "gemini-": Accepted((*_ALL_MEDIA, *_FUNCTIONS)),
    "translation-llm": Accepted(()),
}


def accepted(base: str) -> Accepted:
    """What can be in the data for a base model, by its id; anything for other publishers' models."""
    found = (accepts for prefix, accepts in _BY_GENERATION.items() if base.startswith(prefix))
    return next(found, ANYTHING)


def examine(number: int, tree: object, json: str, kind: Kind, accepts: Accepted) -> Line:
    """Look at a line that was JSON. Nothing that can be in a tree raises anything."""
    if not isinstance(tree, Mapping):
        return unusable(number, json, "is not a JSON object.")
    given = _modern(tree, accepts) if kind is Kind.SUPERVISED else tree
    problems = tuple(dict.fromkeys(_problems(given, kind, accepts)))
    return unusable(number, json, *problems) if problems else Line(number, _example(given, kind))


def _member(tree: Json, name: str) -> Any:
    value = tree.get(name)
    return tree.get(_SNAKE[name]) if value is None and name in _SNAKE else value


def _several(value: Any) -> Sequence[Any]:
    """A list, or one thing in place of a list of one, as Google's parser takes it."""
    if value is None:
        return ()
    return value if isinstance(value, list) else [value]


# Older formats, told in the newer one.


def _modern(tree: Json, accepts: Accepted) -> Json:
    older = next((member for member in accepts.older if member in tree and "contents" not in tree), None)
    if older is None:
        return tree
    if older == "messages":
        return _from_messages(_several(tree["messages"]))
    asked, answered = ("input_text", "output_text") if older == "input_text" else ("prompt", "completion")
    return {"contents": [_said("user", tree.get(asked)), _said("model", tree.get(answered))]}


def _from_messages(messages: Sequence[Any]) -> Json:
    contents, system = [], None
    for message in messages:
        if not isinstance(message, Mapping):
            contents.append(message)
        elif message.get("role") == "system":
            system = _said("system", message.get("content"))
        else:
            role = "model" if message.get("role") == "assistant" else message.get("role")
            contents.append(_said(role, message.get("content")))
    return {"contents": contents, "systemInstruction": system}


def _said(role: Any, text: Any) -> Json:
    return {"role": role, "parts": [{"text": text}]}


# What is wrong.


def _problems(tree: Json, kind: Kind, accepts: Accepted) -> Iterator[str]:
    takes = Accepted(()) if kind is Kind.PREFERENCE else accepts
    yield from _system_problems(tree)
    contents = _several(_member(tree, "contents"))
    if not contents:
        older = next(
            (f" “{member}” is a field of other models' data." for member in ANYTHING.older if member in tree), ""
        )
        yield f"does not contain the required field “contents”.{older}"
    for content in contents:
        yield from _content_problems(content, takes)
    yield from _order_problems(contents, kind)
    if kind is Kind.PREFERENCE:
        yield from _completion_problems(_several(tree.get("completions")))
    if not all(isinstance(tool, Mapping) for tool in _several(tree.get("tools"))):
        yield "contains a tool that is not an object in the “tools” field."
    if not isinstance(_member(tree, "generationConfig") or {}, Mapping):
        yield "contains a “generationConfig” field that is not an object."


def _system_problems(tree: Json) -> Iterator[str]:
    system = _member(tree, "systemInstruction")
    if system is None:
        return
    parts = _several(system.get("parts")) if isinstance(system, Mapping) else ()
    if not parts:
        yield "contains a “systemInstruction” field without parts."
    for part in parts:
        if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
            yield "contains a “systemInstruction” field with a part that is not text."


def _content_problems(content: Any, accepts: Accepted) -> Iterator[str]:
    if not isinstance(content, Mapping):
        yield "contains a content that is not an object in the “contents” field."
        return
    parts = _several(content.get("parts"))
    if not parts:
        yield "contains a content without parts in the “contents” field."
    yield from _role_problems(content.get("role"), parts)
    for part in parts:
        yield from _part_problems(part, accepts)


def _role_problems(role: Any, parts: Sequence[Any]) -> Iterator[str]:
    responds = any(isinstance(part, Mapping) and _member(part, "functionResponse") is not None for part in parts)
    if role in ("user", "model") or (responds and role in (None, "", "function")):
        return
    if role is None or role == "":
        yield f"contains a content without a role. {_VALID_ROLES}"
    else:
        shown = role[:64] if isinstance(role, str) else "not a string"
        yield f"contains an invalid role [{shown}] in the “role” field. {_VALID_ROLES}"


def _part_problems(part: Any, accepts: Accepted) -> Iterator[str]:
    members = [name for name in _DATA if _member(part, name) is not None] if isinstance(part, Mapping) else []
    if len(members) != 1:
        count = "more than one" if members else "none"
        yield f"contains a part that has {count} of [{', '.join(_DATA)}] in the “parts” field."
        return
    name, value = members[0], _member(part, members[0])
    if name == "text":
        yield from _text_problems(value)
    elif name == "fileData":
        yield from _file_problems(value, accepts)
    elif _DATA[name] not in accepts.modalities:
        yield _unsupported(_DATA[name], accepts)
    elif not isinstance(value, Mapping) or not isinstance(value.get("name"), str) or not value["name"]:
        yield f"contains a {_DATA[name]} without a name in the “parts” field."
    else:
        yield from _arguments_problems(name, value)


def _text_problems(text: Any) -> Iterator[str]:
    if not isinstance(text, str):
        yield "contains a text that is not a string in the “parts” field."
    elif not text:
        yield "contains an empty text in the “parts” field."


def _file_problems(file: Any, accepts: Accepted) -> Iterator[str]:
    kind, uri = (_member(file, name) if isinstance(file, Mapping) else None for name in ("mimeType", "fileUri"))
    if not isinstance(kind, str) or not kind:
        yield "contains a file without a MIME type in the “parts” field."
    elif _modality(kind) not in accepts.modalities:
        yield _unsupported(_modality(kind), accepts)
    if not isinstance(uri, str) or not uri.startswith(("gs://", "https://", "http://")):
        yield "contains a file whose URI begins neither with gs:// nor with https:// in the “parts” field."


def _arguments_problems(name: str, value: Json) -> Iterator[str]:
    member = "args" if name == "functionCall" else "response"
    if not isinstance(value.get(member) or {}, Mapping):
        yield f"contains a {_DATA[name]} with “{member}” that are not an object in the “parts” field."


def _unsupported(modality: str, accepts: Accepted) -> str:
    """Seen for function calls and gemini-2.5-flash, word for word."""
    return (
        f"contains an unsupported modality [{modality}] in the “parts” field, which is not supported by this model. "
        f"The supported modalities are: [{', '.join(accepts.modalities) or 'text'}]."
    )


def _modality(mime_type: str) -> str:
    return next((name for prefix, name in _MEDIA if mime_type.lower().startswith(prefix)), mime_type[:64])


def _order_problems(contents: Sequence[Any], kind: Kind) -> Iterator[str]:
    """Who speaks last. Of contents whose roles are wrong that is not asked."""
    roles = [_role(content) for content in contents if isinstance(content, Mapping)]
    if not roles or len(roles) < len(contents) or not all(role in ("user", "model") for role in roles):
        return
    if "user" not in roles:
        yield "does not contain a content of role [user]."
    last = "model" if kind is Kind.SUPERVISED else "user"
    if roles[-1] != last:
        yield f"must end with a content of role [{last}]."


def _completion_problems(completions: Sequence[Any]) -> Iterator[str]:
    """One preferred and one dispreferred answer, text only [documented]."""
    scores = [_score(each) for each in completions]
    if scores not in ([0.0, 1.0], [1.0, 0.0]):
        yield "must contain two completions in the “completions” field, one of score 1 and one of score 0."
    for each in completions:
        content = each.get("completion") if isinstance(each, Mapping) else None
        if not isinstance(content, Mapping):
            yield "contains a completion that is not an object in the “completions” field."
            continue
        yield from _content_problems(content, Accepted(()))
        if content.get("role") == "user":
            yield "contains a completion that is not of role [model]."


def _score(completion: Any) -> float | None:
    """The score if it is one of the two there are."""
    score = completion.get("score") if isinstance(completion, Mapping) else None
    return float(score) if type(score) in (int, float) and score in (0, 1) else None


# What an example says, once nothing is wrong with it.


def _example(tree: Json, kind: Kind) -> Example:
    media: list[str] = []
    turns = tuple(_turn(content, media) for content in _several(_member(tree, "contents")))
    answers = _several(tree.get("completions")) if kind is Kind.PREFERENCE else ()
    completions = tuple((float(each["score"]), _turn(each["completion"], media)) for each in answers)
    system = _member(tree, "systemInstruction") or {}
    said = sum(turn.tokens for turn in turns if turn.role == "model") + sum(turn.tokens for _, turn in completions)
    heard = sum(turn.tokens for turn in turns if turn.role != "model")
    # Only one question and one answer a line were seen: that all the model's turns are output, and that
    # instructions and tools are input, is our choice.
    heard += sum(count_tokens(part["text"]) for part in _several(system.get("parts"))) + _count(tree.get("tools"))
    return Example(turns, heard, said, completions, multimodal=bool(media))


def _role(content: Json) -> Any:
    role = content.get("role")
    return "user" if role in (None, "", "function") else role


def _turn(content: Json, media: list[str]) -> Turn:
    """A content; `media` are the files met so far in the example, which are shown as <media0>, <media1>, ..."""
    words, shown, tokens = "", "", 0
    for part in _several(content.get("parts")):
        name = next(name for name in _DATA if _member(part, name) is not None)
        value = _member(part, name)
        if name == "text":
            words, shown, tokens = words + value, shown + value, tokens + count_tokens(value)
        elif name == "fileData":
            shown, tokens = f"{shown}<media{len(media)}>", tokens + IMAGE_TOKENS
            media.append(_member(value, "fileUri"))
        else:
            shown, tokens = f"{shown}<{_DATA[name]} {value['name']}>", tokens + _count(value)  # our choice: not seen
    return Turn(_role(content), words, shown, tokens)


def _count(value: Any) -> int:
    """The tokens of a tree: of all its names and texts, and one a number."""
    tokens, rest = 0, [value]
    while rest:  # no recursion: a line may be nested more deeply than Python's stack
        value = rest.pop()
        if isinstance(value, Mapping):
            rest.extend(value.keys())
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
        elif value is not None:
            tokens += count_tokens(value) if isinstance(value, str) else 1
    return tokens
