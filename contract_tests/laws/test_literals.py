"""Only a service's own room knows its hosts, methods and resources: no other module has their names in its code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract_tests.environment import ROOT
from mockserver.inspection.services import route_table

PACKAGE = ROOT / "mockserver"
SURFACES = {"gemini", "vertex"}

# What may name them all the same, and why.
EXCEPTIONS = {
    "recordings": "they are of these two services, and what they show is prepared before they are replayed",
    "catalog/base_models.json": "data",
    "inspection/resources.py": "puts a tuned model or a tuning job there by the surfaces' own handlers",
    "testing/keywords.py": "keyword arguments, written from the schema",
    "settings/world.py": "help texts for people",
    "control/dashboard/exports.py": "a copied test puts the tuned model there by name",
    "control/calls.py": "help texts for people",
    "cli/serve.py": "the greeting shows a request that works",
    "cli/main.py": "help texts for people",
}


def names() -> set[str]:
    """Hosts, method ids with a dot, and collections of resources."""
    routes = route_table().routes
    hosts = set(route_table().services)
    ids = {route.id for route in routes} | {".".join(route.id.split(".")[-2:]) for route in routes}
    collections = {part for id_ in ids for part in id_.split(".")[:-1] if re.search("[A-Z]", part)}
    return hosts | {id_ for id_ in ids if "." in id_} | collections


def modules() -> list[Path]:
    """Every module outside of the surfaces that is no exception."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        if name.parts[0] not in SURFACES and not {str(name), name.parts[0]} & EXCEPTIONS.keys():
            found.append(path)
    return found


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """The texts in the code of a module, with their lines; docstrings and descriptions for people are none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    prose |= {id(word.value) for word in ast.walk(tree) if isinstance(word, ast.keyword) and word.arg == "description"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_names_nothing_of_a_service(path: Path) -> None:
    """A new method or host is added in its surface, and nobody else has to know."""
    pattern = re.compile("|".join(rf"(?<![\w.]){re.escape(name)}(?![\w])" for name in sorted(names(), key=len)[::-1]))
    found = [f"{path.name}:{line}: {text}" for line, text in literals(path) if pattern.search(text)]

    assert [] == found


def test_every_exception_is_needed() -> None:
    """One that is not is removed."""
    assert [] == [name for name in EXCEPTIONS if not (PACKAGE / name).exists()]
