"""The printed tutorials of the Developer API run as printed; what is broken in print gets the real front end's answer.

Only base URL and access token are put in. A reader takes a moment between two cells, and so do we.
"""

import ast
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from contract_tests.environment import client_python, program
from contract_tests.use.programs import run, run_bash, run_notebook
from contract_tests.use.seeds import curl_commands, python_statements, section, seed
from contract_tests.use.serving import Served
from mockserver.rpc.credentials import Credentials, identify

HOST = "https://generativelanguage.googleapis.com"

# The time a job of a few dozen steps takes: five minutes of the server's.
A_MOMENT = "sleep 0.5\n"

# How the cells of the Python half begin. Those that only set credentials up ("!gcloud ...") need a notebook.
CELLS = (
    "import requests",
    "headers=",
    "result",
    "operation",
    "name",
    "tuned_model",
    "import time",
    "op_json",
    "response",
    "error",
    "while",
    "if error",
    "m = ",
    "import pprint",
    "pprint",
)


def variables(served: Served, reader: str) -> dict[str, str]:
    """What the tutorials export, with the base URL of ours and a reader's token."""
    return {"base_url": served.base_url, "access_token": f"{reader}@example.com", "project_id": "my-project-id"}


def printed_answer(seeds: Path) -> Any:
    """The answer to LXIII as it is printed in full."""
    lines = seed(seeds, "001").splitlines()
    begin = lines.index("        }' 2> /dev/null") + 1
    end = lines.index("}", lines.index('"promptFeedback": {')) + 1
    return json.loads("\n".join(lines[begin : end + 1]))


@pytest.mark.parametrize("number", ["001", "003"])
def test_curl_cells_print_what_the_tutorial_shows(number: str, seeds: Path, served: Served, tmp_path: Path) -> None:
    """List, create, state and answer: thirty-eight steps, ACTIVE, LXIV with its ratings."""
    text, given = seed(seeds, number), variables(served, f"curl-{number}")
    list_models, create, get, generate = curl_commands(text)
    reading = section(text, "first_page", "print(os.environ['modelname'])")

    listed = run_bash(list_models, tmp_path, **given)
    created = run_bash(create, tmp_path, **given)
    name = run([program("python3"), "-c", f"import json, os\n{reading}"], tmp_path, given).strip()
    state = run_bash(A_MOMENT + get, tmp_path, **given, modelname=name)
    answer = run_bash(generate, tmp_path, **given, modelname=name)

    assert "{}\n" == listed
    assert 38 == json.loads(created)["metadata"]["totalSteps"]
    assert re.fullmatch(r"tunedModels/number-generator-model-[a-z0-9]{12}", name)
    assert '  "state": "ACTIVE",\n' == state
    assert printed_answer(seeds) == json.loads(answer)


def test_create_answer_has_the_printed_bytes(seeds: Path, served: Served, tmp_path: Path) -> None:
    """With the ids of the tutorial the answer is the 296 bytes of its transcript, for 1984 sent."""
    create = curl_commands(seed(seeds, "001"))[1]

    measured = create.replace(
        "curl ", "curl -sw '%{stderr}%{size_upload} %{size_download} %header{content-length}' ", 1
    )
    body = run_bash(f"({measured}) 2> sizes", tmp_path, **variables(served, "bytes"))
    sent, received, announced = (tmp_path / "sizes").read_text().split()
    model = re.sub(r"/operations/.*", "", json.loads(body)["name"])
    body = re.sub(r"operations/\w+", "operations/bvl8dymw0fhw", body)
    body = body.replace(model, "tunedModels/number-generator-model-dzlmi0gswwqb")

    assert (
        b"{\n"
        b'  "name": "tunedModels/number-generator-model-dzlmi0gswwqb/operations/bvl8dymw0fhw",\n'
        b'  "metadata": {\n'
        b'    "@type": "type.googleapis.com/google.ai.generativelanguage.v1beta.CreateTunedModelMetadata",\n'
        b'    "totalSteps": 38,\n'
        b'    "tunedModel": "tunedModels/number-generator-model-dzlmi0gswwqb"\n'
        b"  }\n"
        b"}\n"
    ) == body.encode()
    assert [296, 1984, 296, 296] == [len(body), int(sent), int(received), int(announced)]


@pytest.fixture(scope="module")
def printed(seeds: Path, served: Served, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the programs print that wait five seconds between two looks, by tutorial: run side by side."""
    python = client_python("generativeai")

    def notebook(number: str) -> str:
        cells = python_statements(seed(seeds, number), CELLS)
        given = {
            "base_url": served.base_url,
            "access_token": f"python-{number}@example.com",
            "project": "my-project-id",
        }
        setting = "".join(f"{name} = {value!r}\n" for name, value in given.items())
        return run_notebook(python, setting + cells, tmp_path_factory.mktemp(number))

    def script(number: str) -> str:
        given = variables(served, "key-tutorial") | {"GOOGLE_API_KEY": "key-of-tutorial"}
        return run_bash(
            key_tutorial(seed(seeds, "002").replace(HOST, served.base_url)), tmp_path_factory.mktemp(number), **given
        )

    with ThreadPoolExecutor() as pool:
        running = {"001": pool.submit(notebook, "001"), "002": pool.submit(script, "002")}
        running |= {"003": pool.submit(notebook, "003")}
    return {number: each.result() for number, each in running.items()}


@pytest.mark.parametrize("number", ["001", "003"])
def test_python_cells_print_what_the_tutorial_shows(number: str, printed: dict[str, str]) -> None:
    """The polling loop ends at 100.00% of nineteen steps, and six in Japanese is followed by seven."""
    shown, pretty = printed[number].split("\n\n{", 1)
    answer = ast.literal_eval("{" + pretty)
    lines = shown.splitlines()

    assert ["{}", "<Response [200]>"] == lines[:2]
    assert 19 == ast.literal_eval(lines[2])["metadata"]["totalSteps"]
    assert re.fullmatch(r"'tunedModels/number-generator-[a-z0-9]{12}'", lines[3])
    assert re.fullmatch(
        r"100\.00% - {'step': 19, 'epoch': 5, 'meanLoss': [\d.]+, 'computeTime': '[\d-]{10}T[\d:]{8}\.\d{3,9}Z'}",
        lines[-1],
    )
    assert "七" == answer["candidates"][0]["content"]["parts"][0]["text"]
    assert expected_ratings(HARASSMENT="LOW") == answer["candidates"][0]["safetyRatings"]
    assert expected_ratings() == answer["promptFeedback"]["safetyRatings"]


def expected_ratings(**others: str) -> list[dict[str, str]]:
    """The four ratings of 2024-03 in their order, NEGLIGIBLE but for those given."""
    harms = ("SEXUALLY_EXPLICIT", "HATE_SPEECH", "HARASSMENT", "DANGEROUS_CONTENT")
    return [{"category": f"HARM_CATEGORY_{harm}", "probability": others.get(harm, "NEGLIGIBLE")} for harm in harms]


def key_tutorial(text: str) -> str:
    """The tutorial with an API key as one program, but for its next page."""
    commands = curl_commands(text)
    blocks = (
        section(text, "# Sending a page_size", "jq "),
        "cat tuned_models.json",
        next(command for command in commands if "tee" in command),
        section(text, "# Check the operation", "cat tuned_model.json"),
        next(command for command in commands if ":generateContent" in command),
        commands[-1],
    )
    return "\n".join(blocks)


def test_key_tutorial_runs_from_list_to_delete(printed: dict[str, str]) -> None:
    """The tutorial with an API key: an empty list, a loop that reaches 100%, ACTIVE, LXIV, {}."""
    said = re.fullmatch(r"({}\n)({.*?^}\n)(.*?)(\"\w+\"\n)({.*^}\n)(.*)", printed["002"], re.DOTALL | re.MULTILINE)
    assert said, printed["002"]
    _, created, progress, state, answer, deleted = said.groups()

    assert 38 == json.loads(created)["metadata"]["totalSteps"]
    assert progress.endswith("Tuning...100%\n")
    assert '"ACTIVE"\n' == state
    assert "LXIV" == json.loads(answer)["candidates"][0]["content"]["parts"][0]["text"]
    assert "{}\n" == deleted


def test_next_page_as_printed_is_no_program(seeds: Path, served: Served, tmp_path: Path) -> None:
    """The block has an unbalanced quote: bash says so, and nothing is asked of the server."""
    block = section(seed(seeds, "002").replace(HOST, served.base_url), "# Send the nextPageToken", "fi")

    with pytest.raises(AssertionError, match="unexpected EOF while looking for matching"):
        run_bash(block, tmp_path, GOOGLE_API_KEY="any-key")


def test_next_page_with_its_quotes_mended_sends_no_key(seeds: Path, served: Served, tmp_path: Path) -> None:
    """The second question mark makes the key part of the page token: the real 403 for unregistered callers."""
    page_of_key(served, tmp_path)

    run_bash(next_page(seeds, served), tmp_path, GOOGLE_API_KEY="key-of-pages")
    answer = json.loads((tmp_path / "tuned_models2.json").read_text())

    assert (403, "PERMISSION_DENIED") == (answer["error"]["code"], answer["error"]["status"])
    assert answer["error"]["message"].startswith("Method doesn't allow unregistered callers")


def test_next_page_mended_lists_the_rest(seeds: Path, served: Served, tmp_path: Path) -> None:
    """With `&key=` the second page holds what the first had no room for."""
    first = page_of_key(served, tmp_path)

    run_bash(next_page(seeds, served).replace("?key=", "\\&key="), tmp_path, GOOGLE_API_KEY="key-of-pages")
    second = json.loads((tmp_path / "tuned_models2.json").read_text())["tunedModels"]

    assert 5 == len(first)
    assert 2 == len(second)
    assert not {model["name"] for model in first} & {model["name"] for model in second}


def next_page(seeds: Path, served: Served) -> str:
    """The block for the next page, its quotes mended."""
    block = section(seed(seeds, "002").replace(HOST, served.base_url), "# Send the nextPageToken", "fi")
    return block.replace('"null""', '"null"')


def page_of_key(served: Served, folder: Path) -> list[dict[str, Any]]:
    """The first page of seven models made with a key, as the tutorial's own list command leaves it in a file.

    It is asked by a user for the key's project, who sees what belongs to it.
    """
    body = '{"display_name": "page", "base_model": "models/gemini-1.5-flash-001-tuning", "tuning_task": {"training_data": {"examples": {"examples": [{"text_input": "1", "output": "2"}]}}}}'
    url = f"{served.base_url}/v1beta/tunedModels?key=key-of-pages&tunedModelId=page"
    json_type = "-H 'Content-Type: application/json'"
    for number in range(7):
        run_bash(f"curl -s '{url}-{number}' {json_type} -d '{body}'", folder)
    project = identify(Credentials(key="key-of-pages")).project
    run_bash(
        f"curl -s '{served.base_url}/v1beta/tunedModels?page_size=5' -H 'Authorization: Bearer pages@example.com' "
        f"-H 'x-goog-user-project: {project}' > tuned_models.json",
        folder,
    )
    models: list[dict[str, Any]] = json.loads((folder / "tuned_models.json").read_text())["tunedModels"]
    return models


def test_bodies_without_braces_are_refused_as_really(seeds: Path, served: Served, tmp_path: Path) -> None:
    """In one copy every line that held only a brace is lost: 400, in the words of the real parser.

    The first body begins with a string, which is refused as a tuned model before what follows is read.
    """
    list_models, create, _, generate = curl_commands(seed(seeds, "000"))
    given = variables(served, "no-braces") | {"modelname": "tunedModels/any"}

    listed, refused, also_refused = (run_bash(cell, tmp_path, **given) for cell in (list_models, create, generate))

    assert "{}\n" == listed
    for body, words in (
        (refused, "Invalid value at 'tuned_model' (type.googleapis.com/"),
        (also_refused, "Invalid JSON payload received. Unexpected end of string."),
    ):
        error = json.loads(body)["error"]
        assert (400, "INVALID_ARGUMENT") == (error["code"], error["status"])
        assert error["message"].startswith(words)
