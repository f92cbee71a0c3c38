"""A hook of MkDocs: the pages of the site that are made from the code, or from files at the root of the repository.

index, contributing, security, changelog   README.md and the other files at the root, with their links moved
reference/settings.md                      from the declarations of the settings
reference/control.md                       from the table of the control API's operations

images/architecture.svg, from the layers in pyproject.toml, is in the repository: `python scripts/docs_pages.py` writes
it.
"""

import logging
import posixpath
import re
import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from mockserver.control.openapi import document
from mockserver.control.table import OPERATIONS
from mockserver.settings import Beginning, By, InterceptionSettings, Serving, Setting, Settings, declarations

log = logging.getLogger("mkdocs.hooks.docs_pages")  # MkDocs counts the warnings of its loggers

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "architecture.svg"

AT_ROOT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "CHANGELOG.md": "changelog.md",
}
"""Files at the root, and their pages."""

GROUPS = {
    Serving: "The server",
    Beginning: "How a world begins",
    Settings: "How a world behaves",
    InterceptionSettings: "The fixture",
}


def on_files(files: Any, config: Any) -> Any:
    """Add the pages; MkDocs calls this when it has found the files in docs/."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - only the site's environment has it

    for path, content in pages():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - MkDocs passes them
    """Point links from pages in docs/ to files at the root at their pages, and warn of links out of docs/.

    MkDocs does not look at those: they lead to files that the site does not have.
    """
    path = page.file.src_uri
    text = _at_root(markdown, r"\.\./") if path not in AT_ROOT.values() else markdown
    for target in re.findall(r"\]\((?!\w+:)([^)\s#]+)", text):
        if posixpath.normpath(posixpath.join(posixpath.dirname(path), target)).startswith("../"):
            log.warning("%s links to %s, which is not in the site", path, target)
    return text


def pages() -> Iterator[tuple[str, str]]:
    """Yield the path of each page and its content."""
    for source, path in AT_ROOT.items():
        text = (ROOT / source).read_text(encoding="utf-8").replace("](docs/", "](")
        yield path, _at_root(text, "")
    yield "reference/settings.md", settings_page()
    yield "reference/control.md", control_page()


def _at_root(markdown: str, prefix: str) -> str:
    """Replace links to files at the root by links to their pages; the licence has none, so its link becomes text."""
    for source, path in AT_ROOT.items():
        markdown = re.sub(rf"\]\({prefix}{re.escape(source)}(?=[)#])", f"]({path}", markdown)
    return re.sub(rf"\[([^]]*)\]\({prefix}LICENSE\)", r"\1", markdown)


OVERVIEW = """\
An option wins over its variable. The marker `@pytest.mark.mockserver(...)` and `MockServer(...)` take a setting by its
name, and an ini file by its name with the prefix `mockserver_`. The control API changes the behaviour of a world that
runs: [PATCH /settings](control.md)."""


def settings_page() -> str:
    """Return a table of each group of settings, with every way to set one."""
    parts = [
        "# Settings",
        OVERVIEW,
    ]
    for group, title in GROUPS.items():
        rows = [f"| {' | '.join(_setting_row(name, it))} |" for name, it in declarations(group).items()]
        parts += [
            f"## {title}",
            "\n".join(["| name | option | variable | default | what it does |", "|---" * 5 + "|", *rows]),
        ]
    return "\n\n".join(parts) + "\n"


def _setting_row(name: str, it: Setting) -> Iterator[str]:
    serve = By.SERVE in it.by
    yield f"`{name}`"
    yield f"`{it.flag}`" if serve else ""
    yield f"`{it.variable}`" if serve else ""
    yield it.default_of(By.SERVE if serve else By.TEST)
    yield f"{it.help[0].upper()}{it.help[1:]}. {it.more}".strip()


def control_page() -> str:
    """Return the operations of the control API with their parameters and bodies."""
    api = document(OPERATIONS)
    schemas = api["components"]["schemas"]
    parts = ["# Control API", api["info"]["description"], "A running server describes it under `/_mock/openapi.json`."]
    for path, verbs in api["paths"].items():
        for verb, operation in verbs.items():
            parts += [f"## {verb.upper()} {path}", _sentence(operation["summary"])]
            query = [each for each in operation["parameters"] if each["in"] == "query"]
            parts.append("\n".join(f"- `?{each['name']}`: {each['description']}" for each in query))
            for title, holder in (
                ("Request", operation.get("requestBody")),
                ("Response", operation["responses"]["200"]),
            ):
                if holder:
                    parts += [f"{title}:", _members(holder, schemas)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}".rstrip(".") + "."


def _members(holder: Any, schemas: Any) -> str:
    """Return the members of a body: name and type."""
    schema = schemas[holder["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]
    rows = [f"| `{name}` | {_type(member)} |" for name, member in schema.get("properties", {}).items()]
    return "\n".join(["| member | type |", "|---|---|", *rows]) if rows else "no members"


def _type(schema: Any) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if choices := schema.get("anyOf"):
        return " or ".join(dict.fromkeys(map(_type, choices)))
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    inner = f" of {_type(schema['items'])}" if schema.get("items") else ""
    return str(schema.get("type", "any")) + inner


def architecture() -> str:
    """Return the picture of the layers: a row for each, and a room imports only from rows below its own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    width, height, gap = 640, 34, 8
    parts = []
    for row, layer in enumerate(layers):
        rooms = [room.strip() for room in layer.split("|")]
        each = (width - gap * (len(rooms) - 1)) / len(rooms)
        for column, room in enumerate(rooms):
            x, y = column * (each + gap), row * (height + gap)
            parts.append(
                f'<rect x="{x:.0f}" y="{y}" width="{each:.0f}" height="{height}" rx="5" fill="#e8eaf6" stroke="#3f51b5"/>'
                f'<text x="{x + each / 2:.0f}" y="{y + 22}" text-anchor="middle">{escape(room)}</text>'
            )
    total = len(layers) * (height + gap)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" width="{width}" height="{total}" '
        'font-family="sans-serif" font-size="15" fill="#1a237e" role="img">'
        f"<title>The rooms, from the command line down to limits</title>{''.join(parts)}</svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(architecture(), encoding="utf-8")
