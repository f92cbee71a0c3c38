"""Field masks: `fields` selects members of a response, `update_mask` names what a PATCH changes.

Both accept JSON names and snake_case. The grammar of `fields` was measured on Sheets: "." and "/" both
descend, `a(b,c)` groups, "," separates, "*" selects everything, a trailing comma is tolerated, names are
case-sensitive and not trimmed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockserver.limits import MESSAGE_DEPTH
from mockserver.protojson import schema
from mockserver.protojson.schema import Field, FieldType
from mockserver.rpc.errors import ApiError, bad_request, invalid_argument

Json = dict[str, Any]

# Free JSON has no fields to check a name against; the type of an Any is known from its value only.
_UNCHECKED = frozenset({"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.Any"})


@dataclass(slots=True)
class Selection:
    """The selected part of one object: everything, or a selection for each selected name."""

    everything: bool = False
    members: dict[str, "Selection"] = field(default_factory=dict)

    def add(self, path: str) -> "Selection":
        """Return the selection at `path`; create it if needed."""
        node = self
        for name in path.replace("/", ".").split("."):
            node = node.members.setdefault(name, Selection())
        return node


def apply_fields_mask(message: str, value: Mapping[str, Any], mask: str) -> Json:
    """Return the members of `value`, a `message` of natural values, that the `fields` parameter selects.

    Raises ApiError INVALID_ARGUMENT with the first path that the message type does not have.
    """
    selection = _parse_mask(mask)
    if unknown := _find_unknown_path(message, selection):
        raise _no_match_error(mask, unknown)
    selected: Json = _select(message, selection, value)
    return selected


def _no_match_error(mask: str, path: str) -> ApiError:
    """Return the error: the description has the path, the field has the whole mask [seen: Sheets, Places, Routes]."""
    sentence = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    return invalid_argument(details=(bad_request([(mask, sentence)]),)).with_hint(sentence)


def _parse_mask(mask: str) -> Selection:
    root = Selection()
    groups, depths = [root], [0]
    name, depth = "", 0
    for character in f"{mask},":
        if character in "(,)":
            depth = depths[-1] + 1 + name.count(".") + name.count("/")
            if depth > MESSAGE_DEPTH:
                raise _no_match_error(mask, mask)  # our choice: not seen
        if character == "(":
            groups.append(groups[-1].add(name))
            depths.append(depth)
            name = ""
        elif character in ",)":
            if name:
                _select_path(groups[-1], name)
            name = ""
            if character == ")":
                groups.pop()
                depths.pop()
                if not groups:
                    raise _no_match_error(mask, mask)  # our choice: not seen
        else:
            name += character
    if len(groups) > 1:
        raise _no_match_error(mask, mask)  # our choice: not seen
    return root


def _select_path(group: Selection, name: str) -> None:
    parent, _, last = name.replace("/", ".").rpartition(".")
    node = group.add(parent) if parent else group
    if last != "*":
        node = node.members.setdefault(last, Selection())
    node.everything = True


def _find_unknown_path(message: str, selection: Selection) -> str | None:
    """Return the first path that does not exist, as sent and joined by dots."""
    if message in _UNCHECKED:
        return None
    fields = schema.message(message).by_name
    for name, inner in selection.members.items():
        if name not in fields:
            return name
        if inner.members and (unknown := _find_unknown_inside(fields[name], inner)):
            return f"{name}.{unknown}"
    return None


def _find_unknown_inside(of: Field, selection: Selection) -> str | None:
    if of.map:
        value = schema.message(of.type_name).by_name["value"]
        inside = (
            (key, _find_unknown_inside(value, inner)) for key, inner in selection.members.items() if inner.members
        )
        return next((f"{key}.{unknown}" for key, unknown in inside if unknown), None)
    if _has_members(of) or of.type_name in _UNCHECKED:
        return _find_unknown_path(of.type_name, selection)
    return next(iter(selection.members))


def _has_members(of: Field) -> bool:
    """Return whether the JSON of a field is an object of fields; that of a Timestamp is a string."""
    return of.kind is FieldType.MESSAGE and not of.type_name.startswith("google.protobuf.")


def _select(message: str, selection: Selection, value: Any) -> Any:
    if selection.everything:
        return value
    if message == "google.protobuf.Any" and "@type" in value:
        inner = _select(value["@type"].rpartition("/")[2], selection, value)
        return {"@type": value["@type"], **inner}
    if message in _UNCHECKED:
        return _select_free(selection, value)
    fields = schema.message(message).by_name
    selected = {}
    for name, inner in selection.members.items():
        if name in fields and (json_name := fields[name].json_name) in value:
            selected[json_name] = _select_member(fields[name], inner, value[json_name])
    return selected


def _select_member(of: Field, selection: Selection, value: Any) -> Any:
    if selection.everything:
        return value
    if of.map:
        item = schema.message(of.type_name).by_name["value"]
        inside = selection.members
        return {key: _select_member(item, inside[key], value[key]) for key in value if key in inside}
    if of.repeated:
        return [_select(of.type_name, selection, item) for item in value]
    return _select(of.type_name, selection, value)


def _select_free(selection: Selection, value: Any) -> Any:
    if selection.everything:
        return value
    if isinstance(value, list):
        return [_select_free(selection, item) for item in value]
    if isinstance(value, dict):
        inside = selection.members
        return {name: _select_free(inside[name], item) for name, item in value.items() if name in inside}
    return value


def merge(
    message: str,
    old: Mapping[str, Any],
    patch: Mapping[str, Any],
    paths: Sequence[str] | None,
    *,
    mutable: Collection[str] | None = None,
) -> Json:
    """Return `old` after a PATCH with `patch` under an update mask.

    No mask means every populated field of the patch (AIP-134), "*" full replacement. A field that the mask
    names and the patch lacks is cleared; lists and messages are replaced whole. `mutable` are the top-level
    fields that a caller may change; None means all. Without a mask, or with "*", the other fields keep their
    values. A mask that names one of them is refused, unless the field is output only (then it is ignored,
    AIP-203) or would not change.

    Raises ApiError INVALID_ARGUMENT for a path that the message type does not have.
    """
    fields = schema.message(message).by_name
    writable = {fields[name].json_name for name in (fields if mutable is None else mutable)}
    if paths is None:
        populated = {name: value for name, value in patch.items() if value or fields[name].has_presence}
        paths = [fields[name].name for name in populated if name in writable]
    if "*" in paths:
        paths = [fields[name].name for name in writable]
    result = dict(old)
    for path in paths:
        steps = path.split(".")
        if len(steps) > MESSAGE_DEPTH or not _path_exists(message, steps):
            raise _mask_error(message, path)
        top = fields[steps[0]]
        if top.json_name in writable:
            result = _assign(message, result, patch, steps)
        elif not top.output_only and old.get(top.json_name) != patch.get(top.json_name):
            raise _mask_error(message, path)
    return result


def _mask_error(message: str, path: str) -> ApiError:
    # Cloud Scheduler's sentence, seen as "Invalid mask for Job: httpTarget"; our choice here: not seen
    return invalid_argument(f"Invalid mask for {message.rpartition('.')[2]}: {path}")


def _path_exists(message: str, steps: Sequence[str]) -> bool:
    """Return whether a path names a field, a field of a nested message, or a key of a map; none inside a list."""
    fields = schema.message(message).by_name
    if steps[0] not in fields:
        return False
    of, rest = fields[steps[0]], steps[1:]
    if not rest or of.map:
        return True
    return _has_members(of) and not of.repeated and _path_exists(of.type_name, rest)


def _assign(message: str, old: Mapping[str, Any], patch: Mapping[str, Any], steps: Sequence[str]) -> Json:
    """Return `old` with the patch's member at `steps`; setting an arm of a oneof clears the others."""
    fields = schema.message(message).by_name
    of, rest = fields[steps[0]], steps[1:]
    new = _merge_inner(of, old, patch, rest) if rest else patch.get(of.json_name)
    result = {name: value for name, value in old.items() if name != of.json_name}
    if new is None:
        return result
    if of.oneof is not None:
        result = {name: value for name, value in result.items() if fields[name].oneof != of.oneof}
    return {**result, of.json_name: new}


def _merge_inner(of: Field, base: Mapping[str, Any], patch: Mapping[str, Any], rest: Sequence[str]) -> Json | None:
    """Return the new value of a message or map of which the mask names one member."""
    old, new = base.get(of.json_name), patch.get(of.json_name)
    if old is None and new is None:
        return None
    if not of.map:
        return _assign(of.type_name, old or {}, new or {}, rest)
    key = ".".join(rest)
    others = {name: value for name, value in (old or {}).items() if name != key}
    return {**others, key: new[key]} if new and key in new else others
