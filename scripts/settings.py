"""Writes what follows from the settings: the documents' tables of options, and the keywords of `MockServer`.

    python scripts/settings.py          say which files are out of date; exit status 1 if one is
    python scripts/settings.py --write  write them

Settings come from the declarations in mockserver/settings, members of resources from the schema.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from mockserver.protojson.schema import Field, FieldType, message
from mockserver.settings import GROUPS, Beginning, By, InterceptionSettings, Setting, Settings, declarations, place_of
from mockserver.settings.interception import PYTEST_ONLY

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS = ROOT / "mockserver" / "testing" / "keywords.py"
TABLES = {ROOT / "docs" / "server.md": By.SERVE, ROOT / "docs" / "testing.md": By.TEST}

TUNED_MODEL = "google.ai.generativelanguage.v1beta.TunedModel"
TUNING_JOB = "google.cloud.aiplatform.v1beta1.TuningJob"

TYPES = {
    FieldType.STRING: "str",
    FieldType.BYTES: "str",
    FieldType.ENUM: "str",
    FieldType.BOOL: "bool",
    FieldType.FLOAT: "float",
    FieldType.DOUBLE: "float",
    FieldType.MESSAGE: "Mapping[str, Any]",
}

HEAD = '''\
"""The keywords of `MockServer`, for type checkers.

Written by `make settings` from mockserver/settings and the schema.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, TypedDict

from mockserver.state.clock import Clock
'''


def table(who: By) -> str:
    """The options of `mockserver serve`, or those of the marker."""
    heads = ["option", "default", "what it does"]
    if who is By.TEST:
        heads.insert(2, "without the marker")
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, setting in declarations(*GROUPS, by=who).items():
        cells = [f"`{_option(setting) if who is By.SERVE else name}`", _default(setting, who)]
        if who is By.TEST:
            cells.append(_place(name))
        rows.append(f"| {' | '.join([*cells, ' '.join(_sentences(setting, who))])} |")
    return "\n".join(rows)


def _place(name: str) -> str:
    """Where the option is given in Python: in `MockServer()` or in `intercepting()`."""
    return "" if name in PYTEST_ONLY else f"`{place_of(name).replace(f'{name}=...', '')}`"


def _option(setting: Setting) -> str:
    return setting.flag if setting.is_flag else f"{setting.flag} {setting.metavar or setting.kind.metavar}"


def _default(setting: Setting, who: By) -> str:
    text = setting.default_of(who)
    return f"`{text}`" if re.fullmatch(r"[\w.@]+", text) and text != setting.absent else text


def _sentences(setting: Setting, who: By) -> Iterator[str]:
    text = setting.option_text if who is By.SERVE else setting.help
    yield f"{text[0].upper()}{text[1:]}."
    if setting.more:
        yield setting.more


def keywords() -> str:
    """A module of TypedDicts."""
    beginning = {name: it for name, it in declarations(Beginning).items() if name != "answers"}
    interception = {name: it for name, it in declarations(InterceptionSettings).items() if name not in PYTEST_ONLY}
    world = {**beginning, **declarations(Settings)}
    blocks = [
        _typed_dict("WorldKeywords", "How a world begins and behaves.", _annotated(world)),
        _typed_dict("InterceptionKeywords", "What interception does to this process.", _annotated(interception)),
        _typed_dict("TunedModelKeywords", "The members of a tuned model that a create sets.", _members(TUNED_MODEL)),
        _typed_dict("TuningJobKeywords", "The members of a tuning job that a create sets.", _members(TUNING_JOB)),
    ]
    return "\n\n".join([HEAD, *blocks])


def _typed_dict(name: str, doc: str, annotations: dict[str, str]) -> str:
    members = "".join(f"    {member}: {annotation}\n" for member, annotation in annotations.items())
    return f'class {name}(TypedDict, total=False):\n    """{doc}"""\n\n{members}'


def _annotated(settings: dict[str, Setting]) -> dict[str, str]:
    return {name: f"{it.kind.annotation}{' | None' if it.default is None else ''}" for name, it in settings.items()}


def _members(resource: str) -> dict[str, str]:
    return {field.name: _annotation(field) for field in message(resource).fields if not field.output_only}


def _annotation(field: Field) -> str:
    """The Python type of a member: what JSON has for it."""
    if field.map:
        return "Mapping[str, Any]"
    inner = TYPES.get(field.kind, "int")
    return f"Sequence[{inner}]" if field.repeated else inner


def texts() -> Iterator[tuple[Path, str]]:
    """Each file and what it should hold."""
    yield KEYWORDS, keywords()
    for path, who in TABLES.items():
        mark = f"settings: {(who.name or '').lower()}"
        before, start, rest = path.read_text().partition(f"<!-- {mark} -->\n")
        _, end, after = rest.partition(f"\n<!-- end of {mark} -->")
        yield path, "".join([before, start, table(who), end, after])


def main() -> int:
    """Compare, or write."""
    stale = [(path, text) for path, text in texts() if not path.exists() or path.read_text() != text]
    if "--write" in sys.argv[1:]:
        for path, text in stale:
            path.write_text(text)
        return 0
    for path, _ in stale:
        print(f"{path.relative_to(ROOT)} is out of date: make settings")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
