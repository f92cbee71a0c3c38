"""The command line: what it says, what its options do, how it ends."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from contract_tests.environment import HANGS, ROOT, do_without
from contract_tests.use.programs import run_bash
from contract_tests.use.serving import Served, greeting_of, serving
from mockserver import __version__


def command(*words: str, variables: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """The exit status of `mockserver WORDS`, and what it printed and complained."""
    done = subprocess.run(
        [sys.executable, "-m", "mockserver", *words],
        env=os.environ | dict(variables or {}),
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def base_models(server: Served) -> str:
    """The answer to somebody who asks for models on v1beta."""
    return httpx.get(f"{server.base_url}/v1beta/models?pageSize=1000&key=any-key").text


def test_greeting_says_what_is_served_and_how_to_reach_it(served: Served) -> None:
    """Version, address, time, speed, seed, and a line of code for each client."""
    url = re.escape(served.base_url)

    for pattern in (
        rf"^Gemini tuning mock server {re.escape(__version__)}: the Developer API and Vertex AI, base models of all dates \(--as-of\)$",
        rf"^  base URL +{url}$",
        r"^  time +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00, running at 600x$",
        r"^  seed +1$",
        rf"^  curl +curl '{url}/v1beta/tunedModels\?key=mockserver-key'$",
        rf"^  any client +.*mockserver run --url {url} -- COMMAND$",
        rf'^  most clients +eval "\$\(.*mockserver env --url {url}\)"   \(google-generativeai and vertexai read no variable\)$',
        rf'^  \.\.\. for Vertex AI +genai\.Client\(vertexai=True, project="mockserver".*\n.*{url}.*token="mockserver-token"',
        rf"^  google-genai .*{url}",
        rf"^  google-generativeai .*{url}",
        rf"^  vertexai .*{url}",
    ):
        assert re.search(pattern, served.greeting, re.MULTILINE), pattern


def test_greeting_names_the_program_as_it_can_be_typed(tmp_path: Path) -> None:
    """By its whole path where no environment is active, as after `make serve`; by its name where the shell finds it."""
    program = tmp_path / "mockserver"
    program.write_text(f"#!{sys.executable}\nfrom mockserver.cli.main import main\nmain()\n")
    program.chmod(0o755)
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    greetings = []
    for path in (os.defpath, f"{tmp_path}{os.pathsep}{os.defpath}"):
        words, environment = ["./mockserver", "serve", "--port", "0"], variables | {"PATH": path}
        with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
            greetings.append(greeting_of(process))
            process.terminate()

    assert f'eval "$({program} env --url http://127.0.0.1:' in greetings[0]
    assert 'eval "$(mockserver env --url http://127.0.0.1:' in greetings[1]


def test_requests_are_logged_by_method(tmp_path: Path) -> None:
    """Time, method id, status, milliseconds; nothing of it with --quiet; a lost request with what it may have meant."""
    with serving(tmp_path / "log") as server, serving(tmp_path / "quiet", "--quiet") as quiet:
        for each in (server, quiet):
            httpx.get(f"{each.base_url}/v1beta/tunedModels?key=any-key")
            httpx.get(f"{each.base_url}/v1/tunedModels/any?key=any-key")
    log = (tmp_path / "log").read_text()

    assert re.search(r"^\d\d:\d\d:\d\d tunedModels\.list 200 \d+\.\d ms$", log, re.MULTILINE)
    assert re.search(r"^\d\d:\d\d:\d\d GET /v1/tunedModels/any 404 \d+\.\d ms$", log, re.MULTILINE)
    for said in (log, (tmp_path / "quiet").read_text()):
        assert "start the server with --lenient-routes" in said
    assert "tunedModels.list" not in (tmp_path / "quiet").read_text()


def test_refused_requests_are_logged_with_path_and_reason(tmp_path: Path) -> None:
    """One line each, whatever the client sent; a forgotten Content-Type is named, and real secrets are not."""
    body, generate = '{"contents": []}', "/v1beta/models/gemini-2.0-flash:generateContent"
    with serving(tmp_path / "log") as server:
        url, key = server.base_url, {"x-goog-api-key": "any-key"}
        form = {"content-type": "application/x-www-form-urlencoded"}
        httpx.get(f"{url}/v1beta/tunedModels/lost", headers=key)
        httpx.get(f"{url}/v1beta/tunedModels/AIza{'x' * 35}", headers=key)
        httpx.post(f"{url}{generate}", content=body, headers=key | form)
        httpx.post(f"{url}{generate}", content=body, headers=key)
        httpx.post(f"{url}{generate}", json={"new\nline": 1}, headers=key)
        httpx.get(f"{url}/v1beta/corpora", headers=key)
        httpx.get(f"{url}/v1beta/models")
    lines = [line.partition(" ")[2] for line in (tmp_path / "log").read_text().splitlines()]
    log = "\n".join(lines)

    assert "  GET /v1beta/tunedModels/lost: Tuned model tunedModels/lost does not exist." in log
    assert "x" * 35 not in log
    assert "because Content-Type is application/x-www-form-urlencoded: send application/json)" in log
    assert "because Content-Type is missing: send application/json)" in log
    assert 1 == sum("not supported by this server, on purpose: Corpora, documents and chunks" in line for line in lines)
    assert 3 == sum(f"  POST {generate}: Invalid JSON payload received." in line for line in lines)
    assert "(no credentials were sent: add ?key=mockserver-key" in log
    assert 7 == sum(bool(re.match(r"\S.* 4\d\d \d+\.\d ms", line)) for line in lines)


def test_injected_errors_are_logged_as_such(tmp_path: Path) -> None:
    """With the fault, so that nobody takes the error for one of the service's."""
    with serving(tmp_path / "log") as server:
        fault = {"method": "tunedModels.list", "status": 429, "nth": 2}
        httpx.post(f"{server.base_url}/_mock/faults", json={"faults": [fault]})
        for _ in range(3):
            httpx.get(f"{server.base_url}/v1beta/tunedModels?key=any-key")
    lines = [line for line in (tmp_path / "log").read_text().splitlines() if "tunedModels.list" in line]

    assert [False, True, False] == [
        line.endswith("(fault: method='tunedModels.list', status=429, nth=2)") for line in lines
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - what it does is tested
def test_base_url_of_all_addresses_can_be_asked(tmp_path: Path, host: str) -> None:
    """The greeting names an address of this machine; `::` listens on IPv4 too."""
    with serving(tmp_path / "log", "--host", host) as server:
        status = httpx.get(f"{server.base_url}/v1beta/models?key=any-key").status_code
        port = urlsplit(server.base_url).port
        with socket.create_connection(("::1" if host == "::" else "127.0.0.1", port or 0)):
            pass

    assert (200, f"http://127.0.0.1:{port}") == (status, server.base_url)


def test_greeting_of_a_strict_server_with_a_stopped_clock(tmp_path: Path) -> None:
    """Its key is accepted, unless it looks real: then it is not printed. Its command moves the clock."""
    real = f"AIza{'x' * 35}"
    options = ("--auth", "strict", "--credential", f"{real},good-key", "--clock", "manual")
    with serving(tmp_path / "log", *options) as server:
        command = re.search(r"stopped; advance it with: (curl .*)$", server.greeting, re.MULTILINE)
        shown = re.search(r"curl +curl '(\S+)'", server.greeting)
        assert command
        assert shown
        assert "GOOGLE_APPLICATION_CREDENTIALS" not in server.greeting  # nobody has listed their token
        before = httpx.get(f"{server.base_url}/_mock/clock").json()["now"]
        run_bash(command[1], tmp_path)
        moved = httpx.get(f"{server.base_url}/_mock/clock").json()["now"]
        status = httpx.get(shown[1]).status_code

    assert 200 == status
    assert real not in server.greeting
    assert timedelta(minutes=5) == datetime.fromisoformat(moved) - datetime.fromisoformat(before)


def test_clock_starts_where_it_is_told(tmp_path: Path) -> None:
    """A manual clock stands at the start time, and says so in what is made."""
    with serving(tmp_path / "log", "--clock", "manual", "--start-time", "2024-03-14T15:09:26Z") as server:
        body = {
            "displayName": "pi",
            "baseModel": "models/gemini-1.0-pro-001",
            "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "3", "output": "1"}]}}},
        }
        url = f"{server.base_url}/v1beta"
        headers = {"Authorization": "Bearer any-token"}
        name = httpx.post(f"{url}/tunedModels", json=body, headers=headers).json()["metadata"]["tunedModel"]
        model = httpx.get(f"{url}/{name}", headers=headers).json()

    assert "2024-03-14T15:09:26+00:00, stopped; advance it with: curl" in server.greeting
    assert ("CREATING", "2024-03-14T15:09:26Z") == (model["state"], model["createTime"])


def test_server_is_as_of_a_day(tmp_path: Path) -> None:
    """In March 2024 there is no Gemini 1.5 to tune, and no streaming from tuned models; the clock starts then."""
    with serving(tmp_path / "log", "--as-of", "2024-03-14") as server:
        listed = base_models(server)

    assert "as of 2024-03-14" in server.greeting
    assert "2024-03-14T12:0" in server.greeting  # plus what it took to start
    assert "models/gemini-1.0-pro-001" in listed
    assert "gemini-1.5-flash" not in listed


def test_variables_are_options_and_options_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--seed is MOCKSERVER_SEED, for containers; an empty one is none; what stands on the command line goes first."""
    monkeypatch.setenv("MOCKSERVER_SEED", "7")
    monkeypatch.setenv("MOCKSERVER_CLOCK", "60x")
    monkeypatch.setenv("MOCKSERVER_AS_OF", "")
    monkeypatch.setenv("MOCKSERVER_QUIET", "Yes")
    with serving(tmp_path / "log", "--clock", "90x") as server:
        greeting = server.greeting
        httpx.get(f"{server.base_url}/v1beta/models?key=any-key")

    assert re.search(r"^  seed +7$", greeting, re.MULTILINE)
    assert "running at 90x" in greeting
    assert "" == (tmp_path / "log").read_text()


def test_same_seed_makes_the_same_ids(tmp_path: Path) -> None:
    """Two servers of one seed name the same things alike; one of another seed does not."""
    names = []
    body = '{"baseModel": "gemini-2.0-flash-001", "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/o.jsonl"}}'
    for at, seed in enumerate(("5", "5", "6")):
        with serving(tmp_path / f"log{at}", "--seed", seed) as server:
            url = f"{server.base_url}/v1/projects/p/locations/us-central1/tuningJobs"
            headers = {"Authorization": "Bearer any-token", "Content-Type": "application/json"}
            names.append(httpx.post(url, content=body, headers=headers).json()["name"])

    assert names[0] == names[1] != names[2]


def test_it_ends_cleanly_when_terminated(tmp_path: Path) -> None:
    """What `docker stop` sends ends it like Ctrl-C: exit status 0, no traceback."""
    with serving(tmp_path / "log", end_with=signal.SIGTERM) as server:
        answer = httpx.get(f"{server.base_url}/v1beta/models?key=any-key")

    assert 200 == answer.status_code


def test_port_in_use_is_one_sentence() -> None:
    """Exit status 2, the address, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, printed, complained = command("serve", "--port", str(port))

    assert (2, "") == (status, printed)
    assert (
        complained
        == f"mockserver serve: cannot listen on 127.0.0.1:{port}: Address already in use. Choose another --port.\n"
    )


def test_of_three_servers_started_at_once_one_listens() -> None:
    """The others say that the port is in use; who notices late sees that a mock server has it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "mockserver", "serve", "--port", str(port)]
    started = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    waiting = list(started)
    while len(waiting) > 1:
        waiting = [process for process in waiting if process.poll() is None]
    for process in waiting:
        assert "base URL" in greeting_of(process)
        process.send_signal(signal.SIGINT)
    ended = [(*process.communicate(timeout=HANGS), process.returncode) for process in started]

    taken = f"mockserver serve: cannot listen on 127.0.0.1:{port}: Address already in use"
    late = f": a mock server answers on http://127.0.0.1:{port} already. Use that one, or choose another --port.\n"
    refused = [(printed, complained) for printed, complained, status in ended if status == 2]
    assert 2 == len(refused)
    assert set(refused) <= {("", f"{taken}{late}"), ("", f"{taken}. Choose another --port.\n")}


def test_it_says_that_it_is_out_of_file_descriptors(tmp_path: Path) -> None:
    """Nobody else would: further connections are closed unheard, until it has noticed that others have ended."""
    resource = pytest.importorskip("resource")
    prlimit = getattr(resource, "prlimit", None) or do_without("no prlimit on this machine")
    with serving(tmp_path / "log") as server, contextlib.ExitStack() as connections:
        address = urlsplit(server.base_url)
        prlimit(server.pid, resource.RLIMIT_NOFILE, (40, 40))
        for _ in range(60):
            connection = socket.create_connection((address.hostname, address.port), timeout=HANGS)
            connections.enter_context(connection)
        while "Out of file descriptors" not in (tmp_path / "log").read_text():
            pass
        connections.close()
        answers: list[int] = []
        while not answers:
            with contextlib.suppress(httpx.TransportError):
                answers.append(httpx.get(f"{server.base_url}/_mock/healthz").status_code)

        assert [200] == answers


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--port high", "--port: 'high' is not a whole number from 0 to 65535"),
        ("--clock sometimes", "--clock: 'sometimes' is not manual, real, or a factor up to 1000000x such as 60x"),
        ("--clock 0x", "--clock: '0x' is not manual, real, or a factor up to 1000000x such as 60x"),
        ("--clock 1e9x", "--clock: '1e9x' is not manual, real, or a factor up to 1000000x such as 60x"),
        ("--clock nan", "--clock: 'nan' is not manual, real, or a factor up to 1000000x such as 60x"),
        ("--start-time 9999-01-01", "--start-time: time begins on 1970-01-01 and ends on 2262-04-11"),
        ("--as-of 1960-01-01", "--as-of: time begins on 1970-01-01 and ends on 2262-04-11"),
        ("--start-time noon", "--start-time: 'noon' is not a date or time such as 2024-03-14 or 2024-03-14T15:09:26Z"),
        ("--as-of 2024-02-30", "--as-of: '2024-02-30' is not today or a day such as 2024-03-14"),
        ("--seed x", "--seed: 'x' is not a whole number from 0 to 9223372036854775807"),
        ("--metadata-refresh often", "--metadata-refresh: 'often' is not a number of seconds from 0 to 31536000"),
        ("--auth strict", "--auth: strict accepts only listed credentials, so list them with --credential"),
        ("--watch", "--watch: there is no file to watch, so name one with --answers"),
        ("--config nowhere.toml", "--config: cannot read nowhere.toml: No such file or directory"),
        ("--gcs-root nowhere", "--gcs-root: 'nowhere' is not an existing directory"),
    ],
)
def test_bad_option_is_one_sentence(words: str, sentence: str) -> None:
    """Exit status 2, the option, what was given, what would do."""
    assert (2, "", f"mockserver serve: {sentence}\n") == command("serve", "--port", "0", *words.split())


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("CLOCK", "MOCKSERVER_CLOCK: 'sometimes' is not manual, real, or a factor up to 1000000x such as 60x"),
        (
            "REFUSE_REAL_CREDENTIALS",
            "MOCKSERVER_REFUSE_REAL_CREDENTIALS: 'sometimes' is not one of 1, true, yes, on, 0, false, no, off",
        ),
        ("QUIET", "MOCKSERVER_QUIET: 'sometimes' is not one of 1, true, yes, on, 0, false, no, off"),
    ],
)
def test_bad_variable_is_one_sentence(name: str, sentence: str) -> None:
    """A variable is checked like the option it stands for; one that is to be on or off is one of the two."""
    said = command("serve", "--port", "0", variables={f"MOCKSERVER_{name}": "sometimes"})

    assert (2, "", f"mockserver serve: {sentence}\n") == said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "serve --prt 9000",
            "mockserver serve: there is no option --prt; did you mean --port? See `mockserver serve --help`",
        ),
        (
            "run --clok=60x -- true",
            "mockserver run: there is no option --clok; did you mean --clock? See `mockserver run --help`",
        ),
        (
            "run --clock 60x python -c print(1)",
            (
                "mockserver run: there is no option -c;"
                " if python has it, put -- before the program: mockserver run ... -- python -c ..."
            ),
        ),
        ("serve --xyzzy", "mockserver serve: there is no option --xyzzy. See `mockserver serve --help`"),
        ("serv", "mockserver: there is no command 'serv'; did you mean 'serve'? (see `mockserver --help`)"),
        (
            "record",
            (
                "mockserver record: name the program: mockserver record -- python tune.py."
                " To start the program yourself instead: mockserver record --port 9000"
            ),
        ),
    ],
)
def test_wrong_word_is_answered_with_the_right_one(words: str, sentence: str) -> None:
    """One sentence, not the list of all options."""
    assert (2, "", f"{sentence}\n") == command(*words.split())


def test_command_without_a_word_prints_the_help() -> None:
    """Whoever types its name wants to know what there is."""
    status, printed, errors = command()

    assert (2, "", command("--help")[1]) == (status, errors, printed)


def test_word_too_many_is_answered_with_the_usage_of_its_command() -> None:
    """Not with that of the whole program."""
    status, printed, complained = command("env", "foo", "bar")

    assert (2, "") == (status, printed)
    assert complained.startswith("usage: mockserver env [")
    assert complained.endswith("\nmockserver env: unrecognized arguments: foo bar\n")
    assert command("env", "--shell", "csh")[2].splitlines()[-1].startswith("mockserver env: argument --shell: invalid")


@pytest.mark.parametrize("words", [(), ("run",), ("check-dataset",)])
def test_help_is_a_command_too(words: tuple[str, ...]) -> None:
    """With or without the name of a command."""
    assert command(*words, "--help") == command("help", *words)


def test_port_of_another_mock_server_says_so(tmp_path: Path) -> None:
    """Most often it is one's own, in another terminal. Another program at the port is not taken for one."""
    with serving(tmp_path / "log") as server, socket.create_server(("127.0.0.1", 0)) as other:
        ours, theirs = (str(port) for port in (urlsplit(server.base_url).port, other.getsockname()[1]))
        taken, foreign = (command("serve", "--port", port)[2] for port in (ours, theirs))

    assert f": a mock server answers on {server.base_url} already. Use that one, or choose another --port." in taken
    assert "mock server answers" not in foreign
    assert "Choose another --port." in foreign


def test_misspelt_variable_is_named() -> None:
    """With the nearest one there is, before anything else is said."""
    _, _, complained = command("serve", "--port", "x", variables={"MOCKSERVER_CLOK": "60x"})

    assert complained.startswith(
        "mockserver serve: warning: MOCKSERVER_CLOK is not a setting; did you mean MOCKSERVER_CLOCK?\n"
    )


def test_state_says_which_store_it_wants() -> None:
    """What a server keeps in memory cannot be exported."""
    status, _, complained = command("state", "export", "state.json")

    sentence = "what a server keeps in memory cannot be exported; add --store URL or --data-dir DIR, the same as for"
    assert (2, f"mockserver state: {sentence} `mockserver serve`\n") == (status, complained)


@pytest.mark.parametrize(("server", "warns"), [("http://127.0.0.1:2", True), ("http://127.0.0.1:1", False)])
def test_an_emulator_that_does_not_answer_is_named(server: str, *, warns: bool) -> None:
    """But not the server of an earlier `mockserver env`, which is not asked."""
    variables = {"STORAGE_EMULATOR_HOST": "http://me:secret@127.0.0.1:1", "MOCKSERVER_URL": server}

    _, _, complained = command("serve", "--port", "x", variables=variables)

    start = "mockserver serve: warning: STORAGE_EMULATOR_HOST=http://127.0.0.1:1 cannot be reached: "
    assert warns == complained.startswith(start)
    assert warns == ("Start the emulator, or unset STORAGE_EMULATOR_HOST." in complained)
    assert "secret" not in complained


def test_help_teaches() -> None:
    """Every option with its default, examples, and the rule for variables; the version on its own."""
    status, printed, _ = command("serve", "--help")

    assert 0 == status
    for words in ("--clock CLOCK", "(default: 30x)", "--as-of DATE", "examples:", "MOCKSERVER_START_TIME"):
        assert words in printed
    status, versions, errors = command("--version")
    assert (0, "") == (status, errors)
    assert re.fullmatch(
        rf"mockserver {re.escape(__version__)} \(gemini-tuning-mockserver\)\nPython 3\.\S+, .+\nstarlette \d.*\n",
        versions,
    )


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    """By the script that we print, in a real shell."""
    status, script, _ = command("--print-completion", "bash")
    (tmp_path / "completion.bash").write_text(script)
    complete = (
        "source completion.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE='{words}';"
        " $(complete -p mockserver | sed 's/.*-F \\([^ ]*\\).*/\\1/') 2>/dev/null; echo ${{COMPREPLY[@]}}"
    )

    assert 0 == status
    assert "serve" in run_bash(complete.format(words="mockserver ser"), tmp_path).split()
    assert "--start-time" in run_bash(complete.format(words="mockserver serve --sta"), tmp_path).split()


def test_completion_without_its_library_says_what_to_install() -> None:
    """As every extra does."""
    program = "import sys; sys.modules['shtab'] = None; from mockserver.cli import run; sys.exit(run())"
    done = subprocess.run(
        [sys.executable, "-c", program, "--print-completion", "bash"], capture_output=True, text=True, check=False
    )

    assert (2, True) == (done.returncode, "Run: pip install 'shtab>=1.7'  # the extra [completion]\n" in done.stderr)


@pytest.mark.parametrize("words", ["--help", "check-dataset --help"])
def test_reader_that_has_gone_gets_no_traceback(tmp_path: Path, words: str) -> None:
    """A pager that was left, or head. What `serve` does then is a test of running servers."""
    run_bash(f"{sys.executable} -m mockserver {words} 2> errors | true", tmp_path)

    assert "" == (tmp_path / "errors").read_text()


def test_ctrl_c_ends_a_command_without_a_traceback() -> None:
    """As it ends other programs: the shell sees the signal."""
    command = [sys.executable, "-m", "mockserver", "health", "--wait", "60", "--url", "http://127.0.0.1:9"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=HANGS)

    assert (-signal.SIGINT, "") == (process.returncode, errors)
