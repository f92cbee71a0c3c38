"""What the README and the pages of docs/ show is run, and what they list is compared with what there is."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path

import pytest

from contract_tests.environment import ROOT, client_python, node, program
from contract_tests.official import GEMINI, VERTEX, not_supported
from contract_tests.use.programs import run, run_bash
from contract_tests.use.serving import Served, greeting_of, serving
from contract_tests.use.suites import OURS, run_text
from mockserver.inspection.services import route_table

README = ROOT / "README.md"
DOCS = ROOT / "docs"
SHOWN = [DOCS / name for name in ("tutorial.md", "clients.md", "server.md")]
"""The pages whose examples follow each other: the tutorial makes a model, the last one deletes it."""
PRINTED_URL = "http://127.0.0.1:8765"

# Which of the clients' environments an example runs in, by what it imports.
CLIENTS = {"google.generativeai": "generativeai", "vertexai": "google", "from google import genai": "genai-3"}


@dataclass(frozen=True, slots=True)
class Example:
    """A block of a page, and the block of text after it, which shows its output."""

    language: str
    code: str
    output: str = ""

    @property
    def promised(self) -> list[str]:
        """The lines it shows: in the block after it, or in comments behind what prints them."""
        in_comments = re.findall(r"^(?:print|console\.log)\(.*(?:  #|; //) (.+)$", self.code, re.MULTILINE)
        return self.output.splitlines() or in_comments


def blocks(*pages: Path) -> list[Example]:
    """Every block of code, in order."""
    text = "\n".join(page.read_text() for page in pages)
    found = re.findall(r"^```(\w+)\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?", text, re.DOTALL | re.MULTILINE)
    return [Example(*parts) for parts in found]


@pytest.fixture
def as_told(tmp_path: Path) -> Iterator[Served]:
    """A server without options but the port, as `make serve` starts it."""
    with serving(tmp_path / "log") as server:
        yield server


def printed(example: Example, server: Served, folder: Path) -> list[str]:
    """The lines an example prints, asking our server instead of the one on the usual port."""
    code = example.code.replace(PRINTED_URL, server.base_url)
    if example.language == "bash":
        return run_bash(code, folder).splitlines()
    if example.language == "javascript":
        modules = ROOT / "clients" / "node"
        return run([node(), "--input-type=module", "-"], modules, {}, code).splitlines()
    python = client_python(next(name for words, name in CLIENTS.items() if words in code))
    return run([python, "-W", "ignore", "-"], folder, {}, code).splitlines()


def is_test(example: Example) -> bool:
    """Whether pytest runs it."""
    return "def test_" in example.code


@pytest.mark.parametrize("example", [*filter(is_test, blocks(*SHOWN))], ids=("first", "old", "all sides"))
def test_tests_pass(example: Example, tmp_path: Path) -> None:
    """Each block is a test file of its own. google-genai warns that its tuning is experimental."""
    client = next((name for words, name in CLIENTS.items() if words in example.code), "")
    python, warnings = (client_python(client), "ignore") if client else (OURS, "error")

    ran = run_text(python, example.code, tmp_path, "-W", warnings)

    assert {"passed": example.code.count("def test_")} == ran.outcome


@pytest.mark.parametrize("at", [0, 1], ids=("before", "after"))
def test_the_program_of_the_readme_is_tested(at: int, tmp_path: Path) -> None:
    """Both tests pass, the one with a mock of the client and the one with the fixture, and no loop waits a minute."""
    program_text, *tests = (each.code for each in blocks(README) if each.language == "python")
    (tmp_path / "bot.py").write_text(program_text)

    ran = run_text(client_python("genai-3"), tests[at], tmp_path, "-W", "ignore", "-p", "no:randomly")

    assert 2 == len(tests)
    assert {"passed": tests[at].count("def test_")} == ran.outcome
    assert ran.seconds("test_tune") < 60


def test_examples_print_what_they_show(as_told: Served, tmp_path: Path) -> None:
    """One after the other, from the first run to the delete; clients may log between the lines."""
    languages = {"bash", "python", "javascript"}
    shown = [example for example in blocks(*SHOWN) if example.language in languages and not is_test(example)]

    assert shown
    for example in shown:
        lines = printed(example, as_told, tmp_path)
        assert example.promised
        assert example.promised == [line for line in lines if line in example.promised], "\n".join(lines)


def first_run() -> Example:
    """The script of the tutorial."""
    return next(each for each in blocks(DOCS / "tutorial.md") if each.language == "bash")


def test_first_run_can_be_repeated(tmp_path: Path) -> None:
    """In the same terminal, and without jq."""
    with serving(tmp_path / "log", "--clock", "600x") as server:
        outputs = [printed(first_run(), server, tmp_path) for _ in range(2)]

    assert [first_run().promised] * 2 == outputs
    assert "jq" not in first_run().code


def test_first_run_without_a_server_says_so_and_ends(tmp_path: Path) -> None:
    """It does not wait for a server that was never started."""
    nobody = Served("http://127.0.0.1:1", "", tmp_path, 0)
    script = Example("bash", first_run().code + "true\n")

    assert ["Nothing answers on http://127.0.0.1:1. Start it: mockserver serve"] == printed(script, nobody, tmp_path)


@pytest.mark.parametrize("page", [README, *sorted(DOCS.glob("*.md"))], ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """To a file, and to a heading that it has."""
    for target in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", page.read_text()):
        path, _, heading = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        headings = (
            [
                re.sub(r"[^\w -]", "", line).lower()
                for line in re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            ]
            if heading
            else []
        )
        assert not heading or heading in [each.replace(" ", "-") for each in headings], target


def test_make_serves() -> None:
    """The first of the two commands greets with the address and everything else, and ends with Ctrl-C."""
    command = [str(program("make")), "serve", "ARGS=--port 0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        greeting = greeting_of(process)
        os.killpg(process.pid, signal.SIGINT)

    assert "  base URL " in greeting
    assert "make serve " in "".join(each.code for each in blocks(README) if each.language == "console")


def expanded(pattern: str) -> Iterator[str]:
    """`a.{b,c}` as a shell expands it: a.b, a.c."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = [part.split(",") if at % 2 else [part] for at, part in enumerate(parts)]
    return map("".join, product(*choices))


def test_table_of_methods_is_the_routes() -> None:
    """Every method in every version that is served, under its host, and no other."""
    sections = re.split(r"^`(\w+\.googleapis\.com)`", (DOCS / "methods.md").read_text(), flags=re.MULTILINE)[1:]
    listed = {
        (host, method, version)
        for host, text in zip(sections[::2], sections[1::2], strict=True)
        for methods, versions in re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", text.partition("\n## ")[0], re.MULTILINE)
        for method in chain.from_iterable(map(expanded, re.findall(r"`([^`]*)`", methods)))
        for version in versions.split()
    }
    served = {(route.service, route.id, route.version) for route in route_table().routes if not route.lenient}

    assert served == listed


def test_not_supported_is_what_the_contract_leaves_out() -> None:
    """The list is the one the routes are held to, in its words and with its reasons."""
    known = [row for service in (GEMINI, VERTEX) for row in not_supported(service)]
    text = (DOCS / "methods.md").read_text().partition("\n## Not supported\n")[2].partition("\n## ")[0]

    assert [f"{each['what']}: {each['reason']}" for each in known] == re.findall(r"^- (.*)$", text, re.MULTILINE)


def test_options_are_those_of_the_command_line() -> None:
    """Every option of `serve` is named, and none that is not there."""
    help_text = run([sys.executable, "-m", "mockserver", "serve", "--help"], ROOT, {})
    options = set(re.findall(r"--[a-z][a-z-]+", help_text.partition("options:")[2].partition("examples:")[0]))
    named = set(re.findall(r"`(?:mockserver serve )?(--[a-z][a-z-]+)", (DOCS / "server.md").read_text()))

    assert options == named | {"--help"}
