"""How sure we are of what the server does: hold mockserver/inspection/evidence.json to the code, and write docs/evidence.md.

    python scripts/evidence.py          say where they disagree; exit status 1 if they do
    python scripts/evidence.py --write  add what is missing, drop what is gone, write the page

The rules are mechanical. Every method that is served has a row. So has every sentence that is given to something
that makes an error. Every comment or docstring that says "our choice" stands in a place (a function, a class, a
constant) that has a row of that level, and every row of that level names such a place. A row that was added
has no level yet: a person says what is known, from where and from when.
"""

import ast
import io
import json
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mockserver.app import surfaces

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mockserver"
DATA = PACKAGE / "inspection" / "evidence.json"
PAGE = ROOT / "docs" / "evidence.md"


LEVELS = {
    "seen": "the real service was recorded or quoted doing it",
    "oracle": "measured on Google's own code: protobuf's reader and writer, or another service behind the same front end",
    "doc": "documented by Google and not seen",
    "derived": "follows from something seen",
    "our choice": "nobody knows; we chose",
}
CHOICE = "our choice"

# What is ours and has no real counterpart: the tester's API, and tools.
OWN = ("cli/", "control/", "inspection/evidence.py", "recordings/")

Row = dict[str, str]
Table = dict[str, list[Row]]


@dataclass(frozen=True, slots=True)
class Source:
    """A module: its tree, and the lines that say "our choice"."""

    name: str
    tree: ast.Module
    choices: frozenset[int]


def sources() -> Iterator[Source]:
    """Every module that stands for something real."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if name.startswith(OWN):
            continue
        text = path.read_text()
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        spoken = (token for token in tokens if token.type in {tokenize.COMMENT, tokenize.STRING})
        lines = {
            token.start[0] + offset
            for token in spoken
            for offset, line in enumerate(token.string.splitlines())
            if CHOICE in line
        }
        yield Source(name, ast.parse(text), frozenset(lines))


def place(source: Source, line: int) -> str:
    """The innermost function or class around a line, else the constant on it or after it: `wire/paging.py: page`."""
    names: list[str] = []
    level: list[ast.stmt] = source.tree.body
    if _is_docstring(level[0]) and line <= (level[0].end_lineno or 0):
        return f"{source.name}: module"
    while True:
        inner = next((node for node in level if _first(node) <= line <= (node.end_lineno or 0)), None)
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not names:
                before = [node for node in level if (node.end_lineno or 0) < line]
                about = before[::-1] if inner is not None and _is_docstring(inner) else level[len(before) :]
                names = [name for name in map(_target, about) if name][:1]
            return f"{source.name}: {'.'.join(names) or 'module'}"
        names.append(inner.name)
        level = inner.body


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _first(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return int(min([node.lineno, *(decorator.lineno for decorator in decorators)]))


def _target(node: ast.stmt) -> str:
    """What an assignment, a function or a class is called."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return next((ast.unparse(target).strip("()") for target in targets), "")


def choices(found: list[Source]) -> set[str]:
    """Every place that says "our choice"."""
    return {place(source, line) for source in found for line in source.choices}


def places(source: Source) -> set[str]:
    """Every place of a module, for rows that a person wrote."""
    nodes = (node for node in ast.walk(source.tree) if isinstance(node, ast.stmt))
    named = {place(source, node.lineno) for node in nodes}
    return named | {f"{source.name}: module"}


def sentences(found: list[Source]) -> dict[tuple[str, str], None]:
    """Every sentence given to what makes an error, with its place; in the order of the code."""
    makers = {"ApiError", "InvalidValue"} | {
        node.name
        for source in found
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and node.returns is not None and ast.unparse(node.returns) == "ApiError"
    }
    return {
        (place(source, call.lineno), text): None
        for source in found
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and _name(call.func) in makers
        for text in _texts(source, call)
    }


def _name(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _texts(source: Source, call: ast.Call) -> Iterator[str]:
    """The sentences among the arguments of a call: what is written there, or in a constant of the module."""
    constants = {
        _target(node): node.value
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value
    }
    for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
        value = constants.get(argument.id) if isinstance(argument, ast.Name) else argument
        text = _template(value) if value is not None else ""
        if " " in text.strip():
            yield text


def _template(node: ast.expr) -> str:
    """A text with its variables in braces; "" for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        pieces = (
            f"{{{ast.unparse(it.value)}}}" if isinstance(it, ast.FormattedValue) else _template(it)
            for it in node.values
        )
        return "".join(pieces)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _template(node.left) + _template(node.right)
    return ""


def methods() -> dict[str, str]:
    """Every method that is served, and its versions."""
    found: dict[str, set[str]] = {}
    for route in surfaces().routes:
        if not route.lenient:
            found.setdefault(f"{route.service.partition('.')[0]}.{route.id}", set()).add(route.version)
    return {name: " ".join(sorted(versions)) for name, versions in sorted(found.items())}


def brought_up_to_date(table: Table) -> Table:
    """The table with a row for everything the code has, and none for what it has not."""
    found = list(sources())
    marked = choices(found)
    there = {where for source in found for where in places(source)}

    def is_marked(where: str) -> bool:
        """Whether the place says so, or its module of everything in it."""
        return where in marked or f"{where.partition(': ')[0]}: module" in marked

    known = {_key(row): row for rows in table.values() for row in rows}
    moved = {_key_without_module(row): row for row in known.values() if row.get("where") not in there}

    def kept(**named: str) -> Row:
        """A row as it was rated, also after a move to another module.

        What was our choice and is no longer said to be has to be rated anew.
        """
        old = known.get(_key(named)) or moved.get(_key_without_module(named), {})
        gone = old.get("level") == CHOICE and "where" in named and not is_marked(named["where"])
        return named | {name: "" if gone else old.get(name, "") for name in ("level", "source", "date")}

    served = methods()
    rated = [kept(where=where, sentence=text) for where, text in sentences(found)]
    said = {row["where"] for row in rated if row["level"] == CHOICE}
    others = {row["where"] for row in table["behaviours"] if row["level"] != CHOICE}
    described = []
    for where in sorted((others & there) | (marked - said)):
        row = kept(where=where)
        text = (known.get(_key(row)) or moved.get(_key_without_module(row), {})).get("what", "")
        described.append({"where": where, "what": text} | row | {"level": row["level"] or CHOICE})
    return {
        "methods": [kept(method=name) | {"versions": served[name]} for name in served],
        "sentences": rated,
        "behaviours": described,
    }


def _key(row: Row) -> tuple[str, ...]:
    """What a row is about."""
    return (row["method"],) if "method" in row else (row["where"], row.get("sentence", ""))


def _key_without_module(row: Row) -> tuple[str, ...]:
    """What a row is about, wherever it stands: a sentence, or the last name of a place."""
    if "method" in row:
        return (row["method"],)
    return (row["sentence"],) if "sentence" in row else ("", row["where"].rpartition(": ")[2])


def problems(table: Table) -> list[str]:
    """Where file and code disagree, and what nobody has rated."""
    said = []
    for kind, rows in brought_up_to_date(table).items():
        written = {_key(row): row for row in table[kind]}
        needed = {_key(row): row for row in rows}
        said += [f"{kind}: no row for {' | '.join(key)}" for key in needed if key not in written]
        said += [f"{kind}: nothing in the code for {' | '.join(key)}" for key in written if key not in needed]
        said += [
            f"{kind}: {' | '.join(key)} is to be {needed[key]}"
            for key in needed
            if written.get(key, needed[key]) != needed[key]
        ]
        said += [
            f"{kind}: {' | '.join(key)} has no level" for key, row in written.items() if row["level"] not in LEVELS
        ]
        said += [
            f"{kind}: {' | '.join(key)} has no source"
            for key, row in written.items()
            if row["level"] != CHOICE and not row["source"]
        ]
    said += [f"behaviours: {row['where']} does not say what it is" for row in table["behaviours"] if not row["what"]]
    if not said and (not PAGE.exists() or PAGE.read_text() != page(table)):
        said.append("docs/evidence.md is not what the file says: run scripts/evidence.py --write")
    return said


def page(table: Table) -> str:
    """The page of the documentation."""
    counts = {
        kind: {level: sum(row["level"] == level for row in rows) for level in LEVELS} for kind, rows in table.items()
    }
    lines = [
        "# How sure we are",
        "",
        "<!-- written by `python scripts/evidence.py --write` from mockserver/inspection/evidence.json -->",
        "",
        "| level | means | " + " | ".join(table) + " |",
        "|---|---|" + "---|" * len(table),
        *(
            f"| {level} | {text} | " + " | ".join(str(counts[kind][level]) for kind in table) + " |"
            for level, text in LEVELS.items()
        ),
        "",
    ]
    for kind, rows in table.items():
        columns = [column for column in rows[0] if column != "where"]
        lines += [f"## {kind.capitalize()}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        lines += [f"| {' | '.join(_cell(row[column]) for column in columns)} |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    shown = text.replace("|", "\\|").replace("<", "&lt;").replace("\t", " ").replace("\n", " ")
    return shown.replace("{", "\\{")


def dumped(table: Table) -> str:
    """The file: one row a line, so that a change is a line."""
    blocks = []
    for kind, rows in table.items():
        lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
        blocks.append(f' "{kind}": [\n{lines}\n ]')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> int:
    """Check, or write."""
    table: Table = json.loads(DATA.read_text()) if DATA.exists() else {"methods": [], "sentences": [], "behaviours": []}
    if "--write" in sys.argv[1:]:
        table = brought_up_to_date(table)
        DATA.write_text(dumped(table))
        PAGE.write_text(page(table))
    said = problems(table)
    for line in said:
        print(line)
    return int(bool(said))


if __name__ == "__main__":
    sys.exit(main())
