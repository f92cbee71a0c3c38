"""The schema as rows, which generate_schema.py collects and writes.

A row is a field as in the tables, without empty and false members:
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
        """Merge additions into the schema: rows by field name, enums by value, rpcs by name.

        A name that begins with a dot belongs to each of the part's packages in turn.
        """
        for part in parts:
            for package in part["packages"]:
                names = absolute(part, package)
                for message, rows in names.get("messages", {}).items():
                    self.messages[message] = merge_rows(self.messages.get(message, []), rows)
                for enum, values in names.get("enums", {}).items():
                    self.enums[enum] = self.enums.get(enum, {}) | values
                self.rpcs |= {rpc["full_name"]: rpc for rpc in names.get("rpcs", [])}

    def complete(self, package: str, newer: str) -> None:
        """Give the messages and enums of a package those of the same name in a newer one, and what they need."""
        names = [name for name in (*self.messages, *self.enums) if proto_package(name) == package]
        while names:
            name = names.pop()
            source = newer + name.removeprefix(package)
            if source in self.enums:
                self.enums[name] = self.enums.get(name, {}) | self.enums[source]
            if source not in self.messages:
                continue
            rows = renamed(self.messages[source], newer, package)
            taken = {row["number"] for row in rows}
            old = [row for row in self.messages.get(name, []) if row["number"] not in taken]
            self.messages[name] = [*old, *rows]
            types = {row.get("type_name", "") for row in rows}
            names += [each for each in types if each.startswith(package) and each not in {*self.messages, *self.enums}]

    def tables(self) -> dict[str, Json]:
        """Return the tables by proto package, sorted by name; fields and enum values are sorted by number."""
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
    """Prefix every name that begins with a dot by the package, and replace `{v}` by its version."""
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


def renamed(rows: list[Json], package: str, other: str) -> list[Json]:
    """Return the rows with the types of one package replaced by those of another."""
    return [
        row | {"type_name": other + row["type_name"].removeprefix(package)}
        if row.get("type_name", "").startswith(f"{package}.")
        else row
        for row in rows
    ]


def merge_rows(old: list[Json], new: list[Json]) -> list[Json]:
    """Return the `old` rows, overridden by `new` ones of the same name."""
    rows = {row["name"]: row for row in old}
    for row in new:
        rows[row["name"]] = compact(rows.get(row["name"], {}) | row)
    return list(rows.values())


def compact(row: Json) -> Json:
    """Return the row without empty and false members."""
    return {key: value for key, value in row.items() if value}


def proto_package(full_name: str) -> str:
    """Return the part before the first capitalised segment."""
    return re.sub(r"\.[A-Z].*", "", full_name)


def capitalized(name: str) -> str:
    """`display_name` -> `DisplayName`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def derived_json_name(name: str) -> str:
    """Derive the JSON name as protobuf and mockserver.protojson.schema do."""
    first, *rest = name.split("_")
    return first + capitalized("_".join(rest))


def json_name(row: Json) -> str:
    """Return the JSON name of a row: its own, else the derived one."""
    return str(row.get("json_name") or derived_json_name(row["name"]))


def described_behaviors(text: str) -> list[str]:
    """Return the field behaviour from the first words of a description: `Output only. Immutable. The name ...`."""
    opening = re.match(
        rf"(?:(?:{'|'.join(OPENINGS)}|Optional|Deprecated|Identifier)\. )*", " ".join(text.split()) + " "
    )
    return [behavior for words, behavior in OPENINGS.items() if opening and f"{words}." in opening[0]]
