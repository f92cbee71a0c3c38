"""The schema as rows: what generate_schema.py gathers from packages, the supplement and discovery, and then writes.

A row is a field as the tables have it, with what is empty or false left out:
`{"number": 5, "name": "display_name", "kind": "string"}`.
"""

import re
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

OPENINGS = {
    "Output only": "output_only",
    "Required": "required",
    "Input only": "input_only",
    "Immutable": "immutable",
}


@dataclass
class Schema:
    """Messages, enums and rpcs by full name."""

    messages: dict[str, list[Json]] = field(default_factory=dict)
    enums: dict[str, dict[str, int]] = field(default_factory=dict)
    rpcs: dict[str, Json] = field(default_factory=dict)

    def supplement(self, parts: list[Json]) -> None:
        """Lay what is known from elsewhere over what is there: rows by field name, enums by value, rpcs by name.

        A name that begins with a dot belongs to each of the part's packages in turn.
        """
        for part in parts:
            for package in part["packages"]:
                names = absolute(part, package)
                for message, rows in names.get("messages", {}).items():
                    self.messages[message] = merged(self.messages.get(message, []), rows)
                for enum, values in names.get("enums", {}).items():
                    self.enums[enum] = self.enums.get(enum, {}) | values
                self.rpcs |= {rpc["full_name"]: rpc for rpc in names.get("rpcs", [])}

    def tables(self) -> dict[str, Json]:
        """All of it by proto package and in order of name, fields and enum values in order of number."""
        tables: dict[str, Json] = {}
        for name in sorted({*self.messages, *self.enums, *self.rpcs}):
            table = tables.setdefault(proto_package(name), {"messages": {}, "enums": {}, "rpcs": []})
            if name in self.messages:
                table["messages"][name] = sorted(self.messages[name], key=lambda row: int(row["number"]))
            elif name in self.enums:
                table["enums"][name] = dict(sorted(self.enums[name].items(), key=lambda value: value[1]))
            else:
                table["rpcs"].append(self.rpcs[name])
        return tables


def absolute(value: Any, package: str) -> Any:
    """`value` with the package put before every name that begins with a dot, and its version for `{v}`."""
    match value:
        case str():
            text = value.replace("{v}", package.rpartition(".")[2])
            return package + text if text.startswith(".") else text
        case list():
            return [absolute(item, package) for item in value]
        case dict():
            return {absolute(key, package): absolute(item, package) for key, item in value.items()}
        case _:
            return value


def merged(known: list[Json], more: list[Json]) -> list[Json]:
    """The `known` rows with `more` laid over them."""
    rows = {row["name"]: row for row in known}
    for row in more:
        rows[row["name"]] = compact(rows.get(row["name"], {}) | row)
    return list(rows.values())


def compact(row: Json) -> Json:
    """The row without what is empty or false."""
    return {key: value for key, value in row.items() if value}


def proto_package(full_name: str) -> str:
    """The part before the first capitalised one."""
    return re.sub(r"\.[A-Z].*", "", full_name)


def capitalized(name: str) -> str:
    """`display_name` -> `DisplayName`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def derived_json_name(name: str) -> str:
    """The JSON name protobuf derives from a field's name; mockserver.protojson.schema derives the same."""
    first, *rest = name.split("_")
    return first + capitalized("_".join(rest))


def json_name(row: Json) -> str:
    """The member's name in JSON: the derived one, unless the row says otherwise."""
    return str(row.get("json_name") or derived_json_name(row["name"]))


def described_behaviors(text: str) -> list[str]:
    """Field behaviour, from the words a description opens with: `Output only. Immutable. The name ...`."""
    opening = re.match(
        rf"(?:(?:{'|'.join(OPENINGS)}|Optional|Deprecated|Identifier)\. )*", " ".join(text.split()) + " "
    )
    return [behavior for words, behavior in OPENINGS.items() if opening and f"{words}." in opening[0]]
