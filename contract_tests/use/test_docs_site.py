"""The site of the documentation: its pages are those there are, and it can be built without a network."""

import json
import re
import runpy
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from contract_tests.environment import HANGS, ROOT, client_python
from contract_tests.use.suites import OURS, run_text
from mockserver.doors.child_environment import server_environment
from mockserver.scripting.answers import BLOCK_REASONS, FINISH_REASONS
from mockserver.scripting.faults import REASONS
from mockserver.settings import GROUPS, By, declarations
from mockserver.state.world import world_credentials

DOCS = ROOT / "docs"
HOOK = runpy.run_path(str(ROOT / "scripts" / "docs_pages.py"))


def navigation() -> list[str]:
    """Every page in the navigation."""
    tree = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    return re.findall(r"[\w/-]+\.md", str(tree))


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a page in a language."""
    text = (DOCS / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("names", [REASONS, FINISH_REASONS, BLOCK_REASONS], ids=["errors", "finish", "block"])
def test_the_reference_lists_the_words_of_answers_and_faults(names: tuple[str, ...]) -> None:
    """All of them, in their order."""
    assert ", ".join(f"`{name}`" for name in names) in (DOCS / "reference/python.md").read_text()


def test_every_page_is_in_the_navigation() -> None:
    """Those in docs/, and those that are made."""
    written = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}

    assert sorted({*written, *(path for path, _ in HOOK["pages"]())}) == sorted(navigation())


def test_picture_is_of_the_layers() -> None:
    """`make settings` draws it again."""
    assert HOOK["architecture"]() == HOOK["PICTURE"].read_text()


@pytest.mark.parametrize("text", re.findall(r"^### `([^`]+)`", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE))
def test_errors_that_are_explained_exist(text: str) -> None:
    """In our code, or in that of a client."""
    theirs = {
        "Your default credentials were not found",
        "Could not load the default credentials",
        "Reauthentication is needed",
        "the client has been closed",
        "'Resource' object has no attribute 'media'",
        "The project/location from the environment variables will take precedence",
        "Both GOOGLE_API_KEY and GEMINI_API_KEY are set",
        "No API key was provided",
        "client_options.api_key and credentials are mutually exclusive",
    }
    code = "".join(path.read_text() for path in (ROOT / "mockserver").rglob("*.py"))

    assert text in theirs or text in code


def test_tests_of_the_pages_pass(tmp_path: Path) -> None:
    """The example of the page of migration. Those of other pages have tests of their own."""
    (block,) = blocks("migration.md", "python")

    assert {"passed": 1} == run_text(OURS, block, tmp_path, "-W", "error").outcome


def test_recipes_name_what_there_is() -> None:
    """Inputs and outputs of the action, variables of the server, an editor's task. testcontainers needs an engine."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    action_recipe, service_recipe, compose_recipe = map(yaml.safe_load, blocks("ci.md", "yaml"))
    steps, services, composed = action_recipe["steps"], service_recipe["services"], compose_recipe["services"]
    variables = {it.variable for it in declarations(*GROUPS, by=By.SERVE).values()}
    (task,) = json.loads(*blocks("ci.md", "json"))["tasks"]
    (python,) = blocks("ci.md", "python")

    assert steps[0]["with"].keys() <= action["inputs"].keys()
    assert set(re.findall(r"outputs\.([\w-]+)", str(steps))) <= action["outputs"].keys()
    assert services["mockserver"]["env"].keys() <= variables
    assert composed["mockserver"]["environment"].keys() <= variables
    assert composed["tune"]["environment"].keys() <= server_environment("", world_credentials(), Path()).keys()
    assert "service_healthy" == composed["tune"]["depends_on"]["mockserver"]["condition"]
    assert task["command"].startswith("mockserver serve ")
    compile(python, "ci.md", "exec")


@pytest.mark.parametrize(
    ("page", "link", "is_outside"),
    [
        ("run.md", "../compose.yaml", True),
        ("run.md", "../SECURITY.md", False),
        ("run.md", "clients.md#credentials", False),
        ("run.md", "https://example.com/../x", False),
        ("reference/python.md", "../clients.md", False),
        ("reference/python.md", "../../fixtures/tests", True),
    ],
)
def test_link_out_of_the_site_is_a_warning(
    caplog: pytest.LogCaptureFixture, page: str, link: str, *, is_outside: bool
) -> None:
    """MkDocs lets it pass, and the page would lead to a file that the site does not have."""
    HOOK["on_page_markdown"](f"See [this]({link}).", SimpleNamespace(file=SimpleNamespace(src_uri=page)), None, None)

    assert is_outside == bool(caplog.records)


def test_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Each warning is an error. Proxies and hosts that do not answer would stop a build that asks for something."""
    command = [str(client_python("docs")), "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path)]
    proxies = {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **proxies},
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
    )
    pages = [path.read_text() for path in tmp_path.rglob("*.html")]
    loaded = re.findall(r"(?:src=|<link [^>]*href=)\"?https?://[^ >]*", "".join(pages))

    assert (0, []) == (built.returncode, loaded), built.stderr
    assert len(navigation()) <= len(pages)
