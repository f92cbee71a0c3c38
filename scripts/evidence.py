"""Checks mockserver/inspection/evidence.json against the code and writes docs/evidence.md.

    python scripts/evidence.py          report differences; exit status 1 if there are any
    python scripts/evidence.py --write  add missing rows, drop obsolete ones, write the page

Every served method has a row, and so has every sentence that is passed to a constructor of errors. Every comment or
docstring with "our choice" belongs to a scope (a function, a class, a constant) that has a row of that level, and every
row of that level names such a scope. A note in base_models.json that says so is such a scope too. A new row has no
level: a person must add level, source and date.
"""

import ast
import io
import json
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mockserver.inspection.services import route_table

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mockserver"
DATA = PACKAGE / "inspection" / "evidence.json"
PAGE = ROOT / "docs" / "evidence.md"
BASE_MODELS = PACKAGE / "catalog" / "base_models.json"


LEVELS = {
    "seen": "the real service was recorded or quoted doing it",
    "oracle": "measured on Google's own code: protobuf's reader and writer, or another service behind the same front end",
    "doc": "documented by Google, not seen",
    "derived": "follows from something seen",
    "our choice": "not known; we chose",
}
CHOICE = "our choice"

# Our own, without a real counterpart: the tester's API and tools.
OWN = ("cli/", "control/", "inspection/evidence.py", "recordings/")

Row = dict[str, str]
Table = dict[str, list[Row]]


@dataclass(frozen=True, slots=True)
class Source:
    """A module: its syntax tree, and its lines with "our choice"."""

    name: str
    tree: ast.Module
    choices: frozenset[int]


def sources() -> Iterator[Source]:
    """Yield every module that imitates something real."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if name.startswith(OWN):
            continue
        text = path.read_text()
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        texts = (token for token in tokens if token.type in {tokenize.COMMENT, tokenize.STRING})
        lines = {
            token.start[0] + offset
            for token in texts
            for offset, line in enumerate(token.string.splitlines())
            if CHOICE in line
        }
        yield Source(name, ast.parse(text), frozenset(lines))


def find_scope(source: Source, line: int) -> str:
    """Return the innermost function or class around a line, else the constant on or after it: `rpc/paging.py: page`."""
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
    """Return the name of an assignment, a function or a class."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return next((ast.unparse(target).strip("()") for target in targets), "")


def find_choices(modules: list[Source]) -> set[str]:
    """Return every scope with "our choice"."""
    return {find_scope(source, line) for source in modules for line in source.choices}


def noted_choices() -> set[str]:
    """Every base model whose row has a note that says so: `catalog/base_models.json: gemini-3-pro-preview`."""
    rows = json.loads(BASE_MODELS.read_text())
    name = BASE_MODELS.relative_to(PACKAGE)
    return {f"{name}: {row['id']}" for row in rows if CHOICE in row.get("note", "")}


def find_scopes(source: Source) -> set[str]:
    """Return every scope of a module, for rows that a person wrote."""
    nodes = (node for node in ast.walk(source.tree) if isinstance(node, ast.stmt))
    named = {find_scope(source, node.lineno) for node in nodes}
    return named | {f"{source.name}: module"}


def find_sentences(modules: list[Source]) -> dict[tuple[str, str], None]:
    """Return every sentence passed to a constructor of errors, with its scope, in the order of the code."""
    constructors = {"ApiError", "InvalidValue"} | {
        node.name
        for source in modules
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and node.returns is not None and ast.unparse(node.returns) == "ApiError"
    }
    return {
        (find_scope(source, call.lineno), text): None
        for source in modules
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and _name(call.func) in constructors
        for text in _texts(source, call)
    }


def _name(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def _texts(source: Source, call: ast.Call) -> Iterator[str]:
    """Yield the sentences among the arguments of a call: literals, or constants of the module."""
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
    """Return a text with its variables in braces; "" for any other expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (
            f"{{{ast.unparse(it.value)}}}" if isinstance(it, ast.FormattedValue) else _template(it)
            for it in node.values
        )
        return "".join(parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _template(node.left) + _template(node.right)
    return ""


def find_methods() -> dict[str, str]:
    """Return every served method and its versions."""
    versions_by_method: dict[str, set[str]] = {}
    for route in route_table().routes:
        if not route.lenient:
            versions_by_method.setdefault(f"{route.service.partition('.')[0]}.{route.id}", set()).add(route.version)
    return {name: " ".join(sorted(versions)) for name, versions in sorted(versions_by_method.items())}


def update_table(table: Table) -> Table:
    """Return the table with a row for everything in the code, and no other rows."""
    modules = list(sources())
    marked = find_choices(modules) | noted_choices()
    scopes = {where for source in modules for where in find_scopes(source)} | noted_choices()

    def is_marked(where: str) -> bool:
        """Return whether the scope, or its whole module, has "our choice"."""
        return where in marked or f"{where.partition(': ')[0]}: module" in marked

    old_rows = {_key(row): row for rows in table.values() for row in rows}
    moved = {_key_without_module(row): row for row in old_rows.values() if row.get("where") not in scopes}

    def carry_over(**named: str) -> Row:
        """Return a row with its old rating, also if the code moved to another module.

        A row that was our choice and no longer is must be rated again.
        """
        old = old_rows.get(_key(named)) or moved.get(_key_without_module(named), {})
        outdated = old.get("level") == CHOICE and "where" in named and not is_marked(named["where"])
        return named | {name: "" if outdated else old.get(name, "") for name in ("level", "source", "date")}

    served = find_methods()
    rated = [carry_over(where=where, sentence=text) for where, text in find_sentences(modules)]
    rated_choices = {row["where"] for row in rated if row["level"] == CHOICE}
    others = {row["where"] for row in table["behaviours"] if row["level"] != CHOICE}
    described = []
    for where in sorted((others & scopes) | (marked - rated_choices)):
        row = carry_over(where=where)
        text = (old_rows.get(_key(row)) or moved.get(_key_without_module(row), {})).get("what", "")
        described.append({"where": where, "what": text} | row | {"level": row["level"] or CHOICE})
    return {
        "methods": [carry_over(method=name) | {"versions": served[name]} for name in served],
        "sentences": rated,
        "behaviours": described,
    }


def _key(row: Row) -> tuple[str, ...]:
    """Return what identifies a row."""
    return (row["method"],) if "method" in row else (row["where"], row.get("sentence", ""))


def _key_without_module(row: Row) -> tuple[str, ...]:
    """Return what identifies a row in any module: a sentence, or the name of a scope."""
    if "method" in row:
        return (row["method"],)
    return (row["sentence"],) if "sentence" in row else ("", row["where"].rpartition(": ")[2])


def find_problems(table: Table) -> list[str]:
    """Return the differences between file and code, and the rows without a rating."""
    problems = []
    for kind, rows in update_table(table).items():
        written = {_key(row): row for row in table[kind]}
        needed = {_key(row): row for row in rows}
        problems += [f"{kind}: no row for {' | '.join(key)}" for key in needed if key not in written]
        problems += [f"{kind}: not in the code: {' | '.join(key)}" for key in written if key not in needed]
        problems += [
            f"{kind}: {' | '.join(key)} must be {needed[key]}"
            for key in needed
            if written.get(key, needed[key]) != needed[key]
        ]
        problems += [
            f"{kind}: {' | '.join(key)} has no level" for key, row in written.items() if row["level"] not in LEVELS
        ]
        problems += [
            f"{kind}: {' | '.join(key)} has no source"
            for key, row in written.items()
            if row["level"] != CHOICE and not row["source"]
        ]
    problems += [f"behaviours: {row['where']} has no description" for row in table["behaviours"] if not row["what"]]
    if not problems and (not PAGE.exists() or PAGE.read_text() != format_page(table)):
        problems.append("docs/evidence.md is out of date: run scripts/evidence.py --write")
    return problems


def format_page(table: Table) -> str:
    """Return the page of the documentation."""
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
        lines += dict.fromkeys(f"| {' | '.join(_cell(_readable(row[column])) for column in columns)} |" for row in rows)
        lines.append("")
    return "\n".join(lines)


def _readable(text: str) -> str:
    """Return a sentence with <name> for each expression in it, as `{call.version}`."""
    return re.sub(r"\{([^{}]+)\}", lambda found: f"<{_last_name(ast.parse(found[1], mode='eval').body)}>", text)


def _last_name(node: ast.expr) -> str:
    """Return the name of what an expression is about: of `limit` in `int(rule.limit or 1)`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_").lower()
        case ast.Call(func=ast.Attribute(value=inner)) | ast.Subscript(value=inner):
            return _last_name(inner)
        case (
            ast.Call(args=[inner, *_])
            | ast.BoolOp(values=[inner, *_])
            | ast.BinOp(left=inner)
            | ast.UnaryOp(operand=inner)
        ):
            return _last_name(inner)
    return "value"


def _cell(text: str) -> str:
    escaped = text.replace("|", "\\|").replace("<", "&lt;").replace("\t", " ").replace("\n", " ")
    return escaped.replace("{", "\\{").replace("[", "\\[")


def format_table(table: Table) -> str:
    """Return the file: one row a line, so that a diff shows the changed rows."""
    blocks = []
    for kind, rows in table.items():
        lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
        blocks.append(f' "{kind}": [\n{lines}\n ]')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> int:
    """Check or write the file."""
    table: Table = json.loads(DATA.read_text()) if DATA.exists() else {"methods": [], "sentences": [], "behaviours": []}
    if "--write" in sys.argv[1:]:
        table = update_table(table)
        DATA.write_text(format_table(table))
        PAGE.write_text(format_page(table))
    problems = find_problems(table)
    print(*problems, sep="\n", end="\n" if problems else "")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
