"""The rules of Vertex AI for a line of training data: its example, or its problems.

    {"systemInstruction": {...}, "contents": [{"role": "user", ...}, {"role": "model", ...}]}     supervised
    {"contents": [..., {"role": "user", ...}], "completions": [{"score": 1, "completion": {...}}, ...]}  preference
    {"contents": [..., {"role": "user", ...}], "references": {...}}                               reinforcement

and, where the base model took them, the older `messages`, `input_text`/`output_text` and
`prompt`/`completion`. Names are read in lowerCamelCase and in snake_case, a single object is a list of one,
null is the same as absent: the documentation's samples rely on all three.

A missing field is refused when the job is created [seen 2025-10]. Any other problem is the end of a sentence that
begins with "Dataset example 1 of 14", and fails the run. One such sentence was seen (an unsupported modality, 2025-11);
the others are our choice, in its manner: not seen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mockserver.datasets.lines import MISSING_FIELD, Example, ExampleTurn, Kind, Line, unusable
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
class AcceptedData:
    """The data that a base model accepts besides text in `contents`: modalities, and members of older formats."""

    modalities: tuple[str, ...]
    older: tuple[str, ...] = ()


ANYTHING = AcceptedData((*_ALL_MEDIA, *_FUNCTIONS), ("messages", "input_text", "prompt"))

# 2.5 refused function calls that 2.0 took [seen 2025-11]; the rest is as published with each generation.
_BY_GENERATION = {
    "gemini-1.0": AcceptedData((), ("messages",)),
    "gemini-1.5": AcceptedData(("image", "PDF document", "audio", *_FUNCTIONS)),
    "gemini-2.5": AcceptedData(_ALL_MEDIA),
    "gemini-": AcceptedData((*_ALL_MEDIA, *_FUNCTIONS)),
    "translation-llm": AcceptedData(()),
}


def accepted_data(base: str) -> AcceptedData:
    """Return the data that a base model accepts, by its id; anything for other publishers' models."""
    matching = (accepts for prefix, accepts in _BY_GENERATION.items() if base.startswith(prefix))
    return next(matching, ANYTHING)


def examine_line(number: int, tree: object, json: str, kind: Kind, accepts: AcceptedData) -> Line:
    """Return the example of a line of JSON, or its problems. No tree raises an error."""
    if not isinstance(tree, Mapping):
        return unusable(number, json, "is not a JSON object.")
    tree = _convert_older(tree, accepts) if kind is Kind.SUPERVISED else tree
    problems = tuple(dict.fromkeys(_problems(tree, kind, accepts)))
    return unusable(number, json, *problems) if problems else Line(number, _example(tree, kind))


def _member(tree: Json, name: str) -> Any:
    value = tree.get(name)
    return tree.get(_SNAKE[name]) if value is None and name in _SNAKE else value


def _as_list(value: Any) -> Sequence[Any]:
    """Return a list; a single value is a list of one, as in Google's parser."""
    if value is None:
        return ()
    return value if isinstance(value, list) else [value]


# Older formats, converted to the newer one.


def _convert_older(tree: Json, accepts: AcceptedData) -> Json:
    older = next((member for member in accepts.older if member in tree and "contents" not in tree), None)
    if older == "messages":
        return _convert_messages(_as_list(tree["messages"]))
    question, answer = ("input_text", "output_text") if older == "input_text" else ("prompt", "completion")
    if older is None or answer not in tree:  # half of an older form is none: `contents` is what it lacks
        return tree
    return {"contents": [_text_content("user", tree[question]), _text_content("model", tree[answer])]}


def _convert_messages(messages: Sequence[Any]) -> Json:
    contents, system = [], None
    for message in messages:
        if not isinstance(message, Mapping):
            contents.append(message)
        elif message.get("role") == "system":
            system = _text_content("system", message.get("content"))
        else:
            role = "model" if message.get("role") == "assistant" else message.get("role")
            contents.append(_text_content(role, message.get("content")))
    return {"contents": contents, "systemInstruction": system}


def _text_content(role: Any, text: Any) -> Json:
    return {"role": role, "parts": [{"text": text}]}


# Problems of a line.


def _problems(tree: Json, kind: Kind, accepts: AcceptedData) -> Iterator[str]:
    accepts = AcceptedData(()) if kind is Kind.PREFERENCE else accepts
    yield from _system_problems(tree)
    contents = _as_list(_member(tree, "contents"))
    if not contents:
        yield f"{MISSING_FIELD} `contents` field."  # seen 2025-10, at create
    for content in contents:
        yield from _content_problems(content, accepts)
    yield from _order_problems(contents, kind)
    if kind is Kind.PREFERENCE:
        if "completions" not in tree:
            yield f"{MISSING_FIELD} `completions` field."  # as of contents
        yield from _completion_problems(_as_list(tree.get("completions")))
    if not all(isinstance(tool, Mapping) for tool in _as_list(tree.get("tools"))):
        yield "contains a tool that is not an object in the “tools” field."
    if not isinstance(_member(tree, "generationConfig") or {}, Mapping):
        yield "contains a “generationConfig” field that is not an object."


def _system_problems(tree: Json) -> Iterator[str]:
    system = _member(tree, "systemInstruction")
    if system is None:
        return
    parts = _as_list(system.get("parts")) if isinstance(system, Mapping) else ()
    if not parts:
        yield "contains a “systemInstruction” field without parts."
    for part in parts:
        if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
            yield "contains a “systemInstruction” field with a part that is not text."


def _content_problems(content: Any, accepts: AcceptedData) -> Iterator[str]:
    if not isinstance(content, Mapping):
        yield "contains a content that is not an object in the “contents” field."
        return
    parts = _as_list(content.get("parts"))
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
        text = role[:64] if isinstance(role, str) else "not a string"
        yield f"contains an invalid role [{text}] in the “role” field. {_VALID_ROLES}"


def _part_problems(part: Any, accepts: AcceptedData) -> Iterator[str]:
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


def _file_problems(file: Any, accepts: AcceptedData) -> Iterator[str]:
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


def _unsupported(modality: str, accepts: AcceptedData) -> str:
    """Seen for function calls and gemini-2.5-flash, word for word."""
    return (
        f"contains an unsupported modality [{modality}] in the “parts” field, which is not supported by this model. "
        f"The supported modalities are: [{', '.join(accepts.modalities) or 'text'}]."
    )


def _modality(mime_type: str) -> str:
    return next((name for prefix, name in _MEDIA if mime_type.lower().startswith(prefix)), mime_type[:64])


def _order_problems(contents: Sequence[Any], kind: Kind) -> Iterator[str]:
    """Problems of the order of roles; none are looked for where a role is wrong."""
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
        yield from _content_problems(content, AcceptedData(()))
        if content.get("role") == "user":
            yield "contains a completion that is not of role [model]."


def _score(completion: Any) -> float | None:
    """Return the score if it is one of the two there are."""
    score = completion.get("score") if isinstance(completion, Mapping) else None
    return float(score) if type(score) in (int, float) and score in (0, 1) else None


# The example of a line without problems.


def _example(tree: Json, kind: Kind) -> Example:
    media: list[str] = []
    turns = tuple(_turn(content, media) for content in _as_list(_member(tree, "contents")))
    answers = _as_list(tree.get("completions")) if kind is Kind.PREFERENCE else ()
    completions = tuple((float(each["score"]), _turn(each["completion"], media)) for each in answers)
    system = _member(tree, "systemInstruction") or {}
    output = sum(turn.tokens for turn in turns if turn.role == "model") + sum(turn.tokens for _, turn in completions)
    inputs = sum(turn.tokens for turn in turns if turn.role != "model")
    # Only one question and one answer a line were seen: that all the model's turns are output, and that
    # instructions and tools are input, is our choice.
    inputs += sum(count_tokens(part["text"]) for part in _as_list(system.get("parts"))) + _count_tokens(
        tree.get("tools")
    )
    return Example(turns, inputs, output, completions, multimodal=bool(media))


def _role(content: Json) -> Any:
    role = content.get("role")
    return "user" if role in (None, "", "function") else role


def _turn(content: Json, media: list[str]) -> ExampleTurn:
    """Return the turn of a content; `media` collects the example's files, in its preview <media0>, <media1> ..."""
    text, preview, tokens = "", "", 0
    for part in _as_list(content.get("parts")):
        name = next(name for name in _DATA if _member(part, name) is not None)
        value = _member(part, name)
        if name == "text":
            text, preview, tokens = text + value, preview + value, tokens + count_tokens(value)
        elif name == "fileData":
            preview, tokens = f"{preview}<media{len(media)}>", tokens + IMAGE_TOKENS
            media.append(_member(value, "fileUri"))
        else:
            preview, tokens = (
                f"{preview}<{_DATA[name]} {value['name']}>",
                tokens + _count_tokens(value),
            )  # our choice: not seen
    return ExampleTurn(_role(content), text, preview, tokens)


def _count_tokens(value: Any) -> int:
    """Return the tokens of a tree: of all its names and texts, and one a number."""
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
