"""Attacks on every regular expression of the package, each made from the expression itself.

An engine that backtracks is slow where two parts of an expression can match the same text, or where a search that fails
begins again at each place. For each repetition in an expression there are texts that repeat what it repeats, then break
off; what a text costs is measured at some length and at twice that length. Only ratios count, never seconds.
"""

import ast
import gc
import importlib
import pkgutil
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import mockserver
from contract_tests.attacks.tally import Tally
from mockserver.dispatch.routing import compile_path
from mockserver.inspection.services import route_table

_parser: Any = import_module("re._parser")

PACKAGE = Path(mockserver.__file__).parent
FUNCTIONS = {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
ANCHORED = {"match", "fullmatch"}

MADE_AT_RUN_TIME = {
    "control/table.py": "paths of our own operations",
    "dispatch/diagnostics.py": "paths that have a hint, as the services write them",
    "dispatch/route_table.py": "host names with one free part",
    "dispatch/service.py": "host names with one free part",
    "doors/intercept/interceptors.py": "host names with one free part",
    "dispatch/routing.py": "paths of Google's published rules",
    "recordings/id_mapping.py": "alternatives that are escaped texts",
    "recordings/redaction.py": "alternatives that are escaped texts",
    "protojson/variations.py": "one of a few texts of ours, in a message of ours",
    "scripting/expressions.py": "one character, or one place",
    "state/world.py": "a name, whose pattern stands beside it",
}
"""Where an expression is made at run time, and of what: of nothing that somebody else may choose the repetitions of."""

LONGEST = 16_000
WORTH_MEASURING = 0.004
MOST_GROWTH = 3.0
"""Twice the text may take so many times as long: 2 is linear, 4 is quadratic."""


@dataclass(frozen=True)
class Use:
    """An expression of the package and how it is applied."""

    place: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]

    def apply(self, text: str) -> None:
        """What the package does with it, on a text of somebody else's."""
        subject: Any = text if isinstance(self.pattern.pattern, str) else text.encode("latin-1", "replace")
        for method in self.methods:
            if method in ANCHORED:
                getattr(self.pattern, method)(subject)
            else:
                for _ in self.pattern.finditer(subject):
                    pass


@cache
def uses() -> tuple[Use, ...]:
    """Every regular expression in the package. AssertionError for one that cannot be found."""
    by_name, literals, unresolved = _read_sources()
    assert unresolved <= MADE_AT_RUN_TIME.keys(), unresolved - MADE_AT_RUN_TIME.keys()
    found = {}
    for module in _modules():
        for name, pattern in _patterns(module):
            methods = frozenset(by_name[module.__name__, name] or by_name["", name]) or frozenset({"finditer"})
            found[pattern.pattern, pattern.flags] = Use(f"{module.__name__}.{name}", pattern, methods)
    for path in {route.path for route in route_table().routes}:
        pattern = compile_path(path)[0]
        found[pattern.pattern, pattern.flags] = Use(path, pattern, frozenset({"fullmatch"}))
    for place, method, literal, flags in literals:
        pattern = re.compile(literal, flags)
        known = found.get((pattern.pattern, pattern.flags))
        methods = frozenset({method}) | (known.methods if known else frozenset())
        found[pattern.pattern, pattern.flags] = Use(known.place if known else place, pattern, methods)
    return tuple(found.values())


def _modules() -> Iterator[Any]:
    for info in pkgutil.walk_packages(mockserver.__path__, "mockserver."):
        if info.name.rpartition(".")[2] not in {"__main__", "respx", "aiohttp", "grpc", "httplib2", "virtual_trio"}:
            yield importlib.import_module(info.name)


def _patterns(module: Any) -> Iterator[tuple[str, re.Pattern[Any]]]:
    for name, value in vars(module).items():
        if getattr(value, "__module__", module.__name__) == module.__name__ or isinstance(value, re.Pattern):
            yield from ((name, pattern) for pattern in _inside(value, 3))


def _inside(value: Any, depth: int) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        for member in value.values():
            yield from _inside(member, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for member in value:
            yield from _inside(member, depth - 1)


def _read_sources() -> tuple[dict[tuple[str, str], set[str]], list[tuple[str, str, Any, int]], set[str]]:
    """Methods by module and name of a pattern ("" for any module), unnamed expressions, files with any other use."""
    by_name: dict[tuple[str, str], set[str]] = defaultdict(set)
    literals = []
    unresolved = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        place = str(path.relative_to(PACKAGE))
        module = f"mockserver.{place.removesuffix('.py').replace('/', '.')}".removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        at_import = {node for statement in tree.body for node in _outside_functions(statement)}
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            method, owner = node.func.attr, node.func.value
            if method not in FUNCTIONS or not isinstance(owner, ast.Name):
                continue
            if owner.id != "re":
                by_name[module, owner.id].add(method)
                by_name["", owner.id].add(method)
            elif node in at_import and method == "compile":
                continue
            elif isinstance(node.args[0], ast.Constant):
                flags = next((_flags(word.value) for word in node.keywords if word.arg == "flags"), 0)
                literals.append((f"{place}:{node.lineno}", method, node.args[0].value, flags))
            else:
                unresolved.add(place)
    return by_name, literals, unresolved


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from _outside_functions(child)


def _flags(node: ast.expr) -> int:
    return int(eval(ast.unparse(node), {"re": re}))  # noqa: S307 - our own source


def attacks(pattern: re.Pattern[Any]) -> Iterator[Callable[[int], str]]:
    """Makers of texts of a given length, each from one repetition in the expression."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = _parser.parse(source, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags)
    made = set()
    for prefix, pump in _pumps(tree, ""):
        for head, repeated, tail in (
            (prefix, pump, ""),
            (prefix, pump, "\x00"),
            (prefix, pump, "!\n"),
            ("", prefix + pump, ""),
            ("", prefix + pump, "\x00"),
            ("", prefix, "\x00"),
            ("", f"{prefix}{pump}\x00", ""),
            ("", pump, f"\x00{prefix}"),
        ):
            if repeated and (head, repeated, tail) not in made:
                made.add((head, repeated, tail))
                yield _repeating(head, repeated, tail)


def _repeating(head: str, repeated: str, tail: str) -> Callable[[int], str]:
    def text(length: int) -> str:
        return head + repeated * max(length // len(repeated), 1) + tail

    text.__doc__ = f"{head!r} + {repeated!r} * n + {tail!r}"
    return text


def _pumps(tree: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """What stands before each repetition, and what it may repeat."""
    for operation, value in tree:
        match str(operation):
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                _, most, inner = value
                if most > 8:
                    yield from ((prefix, pump) for pump in _samples(inner))
                yield from _pumps(inner, prefix)
            case "SUBPATTERN":
                yield from _pumps(value[3], prefix)
            case "ATOMIC_GROUP":
                yield from _pumps(value, prefix)
            case "BRANCH":
                for arm in value[1]:
                    yield from _pumps(arm, prefix)
            case "ASSERT" | "ASSERT_NOT":
                yield from _pumps(value[1], prefix)
        prefix += _sample([(operation, value)])


def _samples(tree: Any) -> Iterator[str]:
    """Some texts that it matches: for a class, one of each of its members."""
    items = list(tree)
    if len(items) == 1 and str(items[0][0]) == "IN":
        members = items[0][1]
        if str(members[0][0]) != "NEGATE":
            yield from {_member(member) for member in members}
            return
        yield from {_sample(items), " ", "[", '"'}
        return
    if len(items) == 1 and str(items[0][0]) in {"SUBPATTERN", "BRANCH"}:
        arms = items[0][1][1] if str(items[0][0]) == "BRANCH" else [items[0][1][3]]
        for arm in arms:
            yield from _samples(arm) if len(arms) > 1 else [_sample(arm)]
        return
    yield _sample(items)


def _sample(tree: Any) -> str:
    """A short text that it matches."""
    text = ""
    for operation, value in tree:
        match str(operation):
            case "LITERAL":
                text += chr(value)
            case "NOT_LITERAL":
                text += "a" if value != ord("a") else "b"
            case "ANY":
                text += "a"
            case "IN":
                text += _class_sample(value)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                text += _sample(value[2]) * min(max(value[0], 1 if value[1] else 0), 40)
            case "SUBPATTERN":
                text += _sample(value[3])
            case "ATOMIC_GROUP":
                text += _sample(value)
            case "BRANCH":
                text += _sample(value[1][0])
    return text


def _class_sample(members: Any) -> str:
    if str(members[0][0]) != "NEGATE":
        return _member(members[0])
    one = re.compile("[" + "".join(_class_text(member) for member in members) + "]")
    return next((character for character in "a1 -_x.\n\"'/" if one.match(character)), "\x01")


def _class_text(member: Any) -> str:
    operation, value = str(member[0]), member[1]
    if operation == "NEGATE":
        return "^"
    if operation == "LITERAL":
        return re.escape(chr(value))
    if operation == "RANGE":
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    return {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}.get(str(value).removeprefix("CATEGORY_"), r"\W")


def _member(member: Any) -> str:
    operation, value = str(member[0]), member[1]
    if operation == "LITERAL":
        return chr(value)
    if operation == "RANGE":
        return chr(value[0])
    return {"CATEGORY_DIGIT": "7", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "w", "CATEGORY_NOT_SPACE": "x"}.get(
        str(value), "-"
    )


def growth(apply: Callable[[str], object], text: Callable[[int], str], longest: int = LONGEST) -> float:
    """How many times as long twice the text takes, at a length that takes long enough to be measured; else 0."""
    length = 8
    while cost(apply, text(length)) < WORTH_MEASURING:
        length += length // 2
        if length > longest:
            return 0.0
    base = best(apply, text(length))
    for more in range(4, length // 2, max(length // 16, 4)):
        if cost(apply, text(length + more)) > 20 * base:
            return float("inf")  # twice the text would take for ever
    # Another program on the machine makes a measurement longer, never shorter: the smallest ratio is the nearest one.
    ratio = min(best(apply, text(2 * length)) / best(apply, text(length)) for _ in range(3))
    if (
        ratio > MOST_GROWTH
    ):  # once more: there is a step where texts become so large that the system clears their memory
        ratio = min(ratio, best(apply, text(4 * length)) / best(apply, text(2 * length)))
    return ratio


def best(apply: Callable[[str], object], text: str) -> float:
    """The least that it costs, of three times."""
    return min(cost(apply, text) for _ in range(3))


def cost(apply: Callable[[str], object], text: str) -> float:
    """The processor's time for it, in seconds."""
    gc.disable()  # it would add the other tests' garbage to what is measured
    try:
        start = time.thread_time()
        apply(text)
        return time.thread_time() - start
    finally:
        gc.enable()


def double(tally: Tally, name: str, apply: Callable[[str], object], text: Callable[[int], str], longest: int) -> None:
    """Count a text, note the longest time it takes at any length, and an error if that grows too fast."""

    def timed(value: str) -> None:
        start = time.thread_time()
        apply(value)
        tally.note_seconds(name, time.thread_time() - start)

    ratio = growth(timed, text, longest)
    tally.tried += 1
    tally.expect(f"{name}: {ratio:.1f} times as long for twice the text", right=ratio <= MOST_GROWTH)


def attack_expression(tally: Tally, use: Use, longest: int) -> None:
    """Every text that is made from the expression."""
    for text in attacks(use.pattern):
        double(tally, f"{use.place}, {text.__doc__}", use.apply, text, longest)


def attack(tally: Tally, *, long: bool) -> None:
    """Every expression."""
    for use in uses():
        attack_expression(tally, use, 64_000 if long else 6_000)
