"""`mockserver run`: programs that nothing was changed in, and how the command treats them."""

import contextlib
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract_tests.environment import HANGS, ROOT, client_python, do_without, node, program
from contract_tests.use import programs
from contract_tests.use.isolation import isolated, permitted
from contract_tests.use.programs import PROGRAMS, environment, said
from contract_tests.use.serving import serving
from mockserver import MockServer

RUN = (sys.executable, "-m", "mockserver", "run", "--clock", "600x", "--seed", "1")

DOCUMENT = (ROOT / "docs" / "run.md").read_text()

GEMINI = "generativelanguage.googleapis.com"


def run(folder: Path, *words: str | Path, text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """What became of `mockserver run WORDS`."""
    return programs.end([*RUN, *words], folder, variables, text)


def run_alone(folder: Path, *words: str | Path, text: str = "", **variables: str) -> str:
    """What a program printed from which no packet could leave this machine. AssertionError if it fails."""
    found = {"PYTHONPATH": os.environ.get("PYTHONPATH", str(Path.cwd()))}
    return programs.run(isolated([*RUN, *words]), folder, variables | found, text)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("sh", "-c", "exit 0"), 0),
        (("sh", "-c", "exit 7"), 7),
        (("sh", "-c", "kill -TERM $$"), 143),
        (("no-such-program",), 127),
        (("/",), 126),
    ],
)
def test_exit_status_is_the_commands(command: tuple[str, ...], status: int, tmp_path: Path) -> None:
    """That of a signal and of a program that cannot be run are a shell's."""
    done = run(tmp_path, "--", *command)

    assert status == done.returncode
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [(), ("--shell", "--", "true"), ("--pass-host", GEMINI, "--", "true")])
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    """No command, two of them, the real service."""
    assert 2 == run(tmp_path, *words).returncode


WAITING = "import time; print('ready', flush=True); time.sleep(600)"


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that waits, without a terminal."""
    command = [*RUN, "--", sys.executable, "-c", WAITING]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "ready\n" == process.stdout.readline()
        yield process


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_signals_reach_the_program(waiting: subprocess.Popen[str], number: signal.Signals, status: int) -> None:
    """Whoever signals us means it."""
    waiting.send_signal(number)
    errors = waiting.communicate(timeout=HANGS)[1]

    assert status == waiting.returncode
    assert "mockserver/" not in errors


def test_a_terminal_interrupts_the_program_once(tmp_path: Path) -> None:
    """Ctrl-C goes to both; we do not send it a second time, and say nothing."""
    counting = """
import time
interrupts = 0
for seconds in (600, 0.5):
    try:
        print("ready", flush=True)
        time.sleep(seconds)
    except KeyboardInterrupt:
        interrupts += 1
print("interrupts:", interrupts, flush=True)
"""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(RUN[0], [*RUN, "--", sys.executable, "-c", counting], environment({}))  # noqa: S606 - the test's own
    output = b""
    while b"ready" not in output:
        output += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    with contextlib.suppress(OSError):  # so ends what comes from a terminal
        while piece := os.read(terminal, 1000):
            output += piece
    _, status = os.waitpid(child, 0)

    assert 0 == os.waitstatus_to_exitcode(status), output
    assert output.replace(b"\r", b"").endswith(b"interrupts: 1\n")


def test_no_private_key_is_written_and_nothing_is_left(tmp_path: Path) -> None:
    """What the program is given is in a folder of the user's alone, which is gone afterwards."""
    tell = 'folder=$(dirname "$SSL_CERT_FILE"); stat -c %a "$folder"; grep -rl "PRIVATE KEY" "$folder" "$TMPDIR" || echo no key'
    done = run(tmp_path, "--", "sh", "-c", tell, TMPDIR=str(tmp_path))

    assert "700\nno key\n" == done.stdout
    assert [] == list(tmp_path.iterdir())


def test_hosts_that_are_not_emulated_are_refused(tmp_path: Path) -> None:
    """With a sentence, over TLS and in plaintext, once for each host."""
    asks = "curl -s https://example.com; curl -s https://example.com:444; curl -s http://example.com/a"
    done = run(tmp_path, "--", "sh", "-c", asks)

    sentence = "mockserver run: example.com is not emulated, so the connection was refused"
    assert done.stdout.startswith(sentence)
    assert "--pass-host example.com" in done.stderr
    assert 1 == done.stderr.count(sentence)


def test_a_passed_host_is_reached(tmp_path: Path) -> None:
    """Through a tunnel, and in plaintext with the request as the host expects it."""
    serve = """
import http.server, subprocess, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(f"{self.path} {self.headers['Host']}\\n".encode())
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.2:{server.server_address[1]}/a?b"
for words in ([], ["--proxytunnel"]):
    subprocess.run(["curl", "-s", *words, url], check=True)
"""
    serve = serve.replace('("127.0.0.1", 0)', '("", 0)')
    done = run(tmp_path, "--pass-host", "127.0.0.2", "--", sys.executable, "-c", serve)

    assert re.fullmatch(r"(/a\?b 127\.0\.0\.2:\d+\n){2}", done.stdout), (done.stdout, done.stderr)


def test_what_is_no_request_to_a_proxy_is_told_so(tmp_path: Path) -> None:
    """For example a browser's visit to its address."""
    done = run(tmp_path, "--", "sh", "-c", 'curl -s --noproxy "*" "$https_proxy/path"')

    assert "mockserver: this is a proxy" in done.stdout


def test_own_credentials_stay_and_real_ones_do_not(tmp_path: Path) -> None:
    """A key and a project of the tester's are theirs; what looks real is replaced, and base URLs are taken away."""
    tell = "echo $GOOGLE_API_KEY $GEMINI_API_KEY $GOOGLE_CLOUD_PROJECT ${GOOGLE_GEMINI_BASE_URL-none}"
    given = {"GEMINI_API_KEY": "mine", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_GEMINI_BASE_URL": "http://elsewhere"}
    own = run(tmp_path, "--", "sh", "-c", tell, **given)
    real = run(tmp_path, "--", "sh", "-c", tell, GEMINI_API_KEY=f"AIza{'x' * 35}")

    assert "mine mine p none\n" == own.stdout
    assert "mockserver-key mockserver-key mockserver none\n" == real.stdout


ASK = """
import os, subprocess, urllib.error, urllib.request, google.auth, google.auth.transport.requests
def ask(url, **headers):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers)).status
    except urllib.error.HTTPError as error:
        return error.code
gemini = "https://generativelanguage.googleapis.com/v1beta/tunedModels?key="
jobs = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/tuningJobs"
credentials, _ = google.auth.default()
credentials.refresh(google.auth.transport.requests.Request())
by_gcloud = subprocess.check_output(["gcloud", "auth", "print-access-token"], text=True).strip()
print(ask(gemini + os.environ["GEMINI_API_KEY"]), ask(gemini + "listed"), ask(gemini + "other"))
print(*(ask(jobs, Authorization=f"Bearer {token}") for token in (credentials.token, by_gcloud, "listed", "other")))
"""


@pytest.mark.parametrize(
    ("options", "statuses"),
    [
        ((), "200 200 200\n200 200 200 200\n"),
        (("--auth", "strict"), "200 400 400\n200 200 401 401\n"),
        (("--auth", "strict", "--credential", "listed"), "200 200 400\n200 200 200 401\n"),
    ],
)
def test_credentials_of_the_program_are_accepted(options: tuple[str, ...], statuses: str, tmp_path: Path) -> None:
    """By strict authentication too: its key, ADC, and what gcloud prints. Others must be listed."""
    done = run(tmp_path, *options, "--", sys.executable, "-c", ASK)

    assert statuses == done.stdout, done.stderr


WITHOUT_GRPC = """
import sys
sys.modules["grpc"] = sys.modules["google.protobuf"] = None
from mockserver.cli.main import main
sys.exit(main(sys.argv[1:]))
"""

BOTH = """
import grpc, os, urllib.request
url = "https://generativelanguage.googleapis.com/v1beta/tunedModels?key=any-key"
print(urllib.request.urlopen(url).status)
with grpc.secure_channel("generativelanguage.googleapis.com", grpc.ssl_channel_credentials()) as channel:
    for _ in range(2):
        try:
            channel.unary_unary("/google.ai.generativelanguage.v1beta.ModelService/ListTunedModels")(b"", timeout=5)
        except grpc.RpcError as error:
            print(error.code().name)
print(urllib.request.urlopen(url).status)
"""


def test_without_the_extra_http_works_and_grpc_is_refused(tmp_path: Path) -> None:
    """With a sentence that names the extra, once, however often the client connects."""
    words = ("run", "--", sys.executable, "-c", BOTH)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_GRPC, *words],
        cwd=tmp_path,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
    )

    assert ["200", "UNAVAILABLE", "UNAVAILABLE", "200"] == done.stdout.split(), done.stderr
    assert 1 == done.stderr.count(
        "mockserver run: gRPC needs grpcio and protobuf, one of which is not installed. Run: "
    )
    assert "pip install 'grpcio>=1.62' 'protobuf>=4.25'  # the extra [grpc]\n" in done.stderr


def test_gcloud_is_a_stand_in(tmp_path: Path) -> None:
    """It prints tokens where gcloud prints them, keeps a project, and says what it does not know."""
    script = """
gcloud auth login me@example.com
gcloud auth application-default login --no-browser --client-id-file client_secret.json --scopes=a,b
gcloud --quiet auth print-access-token
gcloud auth print-access-token ada@example.com --project p
gcloud auth application-default print-access-token
gcloud config get-value project
gcloud config set project other
gcloud config get project
gcloud storage ls
echo $?
"""
    done = run(tmp_path, "--", "sh", "-c", script)

    assert "mockserver-token\nada@example.com\nmockserver-token\nmockserver\nother\n2\n" == done.stdout
    assert "You are now logged in as [me@example.com]." in done.stderr
    assert "Credentials saved to file: [" in done.stderr
    assert "'gcloud storage ls' is not available here. This is the stand-in of `mockserver run`" in done.stderr


def test_without_the_stand_in_gcloud_is_the_users_own(tmp_path: Path) -> None:
    """The PATH is as it was."""
    tell = 'echo "$PATH"'

    assert f"{os.environ['PATH']}\n" == run(tmp_path, "--no-gcloud", "--", "sh", "-c", tell).stdout
    assert f"{os.environ['PATH']}\n" != run(tmp_path, "--", "sh", "-c", tell).stdout


def test_shell_is_the_users(tmp_path: Path) -> None:
    """In it every program is answered."""
    done = run(
        tmp_path, "--shell", text=f"curl -s https://{GEMINI}/v1beta/tunedModels?key=k; exit 3\n", SHELL="/bin/sh"
    )

    assert (3, "{}\n") == (done.returncode, done.stdout)
    assert "answers for Google in this shell; leave with exit" in done.stderr


def test_the_program_controls_the_server(tmp_path: Path) -> None:
    """At MOCKSERVER_URL, for example its clock."""
    advance = (
        """curl -s "$MOCKSERVER_URL/_mock/clock/advance" -H 'content-type: application/json' -d '{"seconds": 60}'"""
    )
    done = run(tmp_path, "--clock", "manual", "--start-time", "2024-03-14T15:00:00Z", "--", "sh", "-c", advance)

    assert "2024-03-14T15:01:00Z" in done.stdout


def test_only_a_client_that_offers_h2_alone_speaks_grpc(tmp_path: Path) -> None:
    """A client that offers both is answered over HTTP/1.1."""
    url = f"https://{GEMINI}/v1beta/tunedModels?key=k"
    ask = f"curl -s --http2 -o /dev/null -w '%{{http_version}} %{{http_code}}' '{url}'"

    assert "1.1 200" == run(tmp_path, "--", "sh", "-c", ask).stdout


def test_faults_reach_the_program(tmp_path: Path) -> None:
    """A connection that is reset is reset through TLS, too."""
    script = f"""
curl -s "$MOCKSERVER_URL/_mock/faults" -H 'content-type: application/json' -d '{{"faults": [{{"reset": true}}]}}'
curl -sS "https://{GEMINI}/v1beta/tunedModels?key=k"
"""
    done = run(tmp_path, "--", "sh", "-c", script)

    assert done.returncode in {35, 52, 56}, done.stderr
    assert "reset" in done.stderr.lower()


def test_no_packet_can_leave_where_these_tests_run(tmp_path: Path) -> None:
    """Beside loopback there is no interface, so a connection to anywhere else fails at once, and a run does not."""
    if not permitted():
        pytest.skip("this machine permits no network namespaces (unshare --map-root-user --net)")
    script = """
cat /proc/net/dev | tail -n +3 | cut -d: -f1
curl -s --noproxy '*' --max-time 5 http://192.0.2.1; echo $?
"""

    assert ["lo", "7"] == run_alone(tmp_path, "--", "sh", "-c", script).split()


def run_node_alone(name: str, folder: Path = ROOT / "clients" / "node") -> dict[str, str]:
    """What one of our programs says under Node, which looks for packages from the folder it runs in."""
    return said(run_alone(folder, "--", node(), "--input-type=module", "-", text=(PROGRAMS / name).read_text()))


def test_genai_in_node() -> None:
    """@google/genai on both services, with nothing set."""
    assert {"state": "JOB_STATE_SUCCEEDED", "answer": "true", "streamed": "true"} == run_node_alone("unchanged.mjs")


def test_aiplatform_in_node() -> None:
    """@google-cloud/aiplatform over gRPC, and over REST, where it connects past every proxy."""
    lines = {"answer": "true", "streamed": "true", "state": "JOB_STATE_SUCCEEDED"}

    assert {
        **{f"grpc {what}": value for what, value in lines.items()},
        **{f"rest {what}": value for what, value in lines.items()},
        "grpc listed": "1",
        "grpc missing": "5",
        "rest listed": "2",
        "rest missing": "404",
    } == run_node_alone("aiplatform.mjs")


@pytest.mark.parametrize("which", ["pinned", "the machine's"])
def test_node_connects_nowhere_else(which: str, tmp_path: Path) -> None:
    """Not through an agent of its own either; old versions know no proxy at all."""
    text = f"""
import https from "node:https";
import net from "node:net";
const get = (host) => new Promise((end) => {{
  https.get({{ host, path: "/v1beta/tunedModels?key=k", agent: new https.Agent() }}, (answer) => end(answer.statusCode))
    .on("error", (error) => end(error.message));
}});
console.log("emulated:", await get("{GEMINI}"));
console.log("by fetch:", (await fetch("https://{GEMINI}/v1beta/tunedModels?key=k")).status);
console.log("other:", await get("example.com"));
console.log("port:", await new Promise((end) => net.connect(1, "127.0.0.1").on("error", (error) => end(error.code))));
"""
    of_machine = program("node") if which != "pinned" else node()
    done = run(tmp_path, "--", of_machine, "--input-type=module", "-", text=text)

    lines = said(done.stdout)
    assert ("200", "200", "ECONNREFUSED") == (lines["emulated"], lines["by fetch"], lines["port"]), done.stderr
    assert lines["other"].startswith("mockserver run: example.com is not emulated")


GO_PACKAGES = Path("/usr/share/gocode")


def run_go(name: str, package: str, folder: Path) -> dict[str, str]:
    """What a program in Go says that uses Google's packages as Debian has them; `package` is the one it needs most."""
    if shutil.which("go") is None or not (GO_PACKAGES / "src" / package).exists():
        do_without(
            f"no Go with {package}: apt install golang-go golang-golang-x-oauth2-google-dev golang-google-api-dev"
        )
    of_debian = {"GO111MODULE": "off", "GOPATH": str(GO_PACKAGES), "GOCACHE": str(folder / "cache")}
    return said(run_alone(folder, "--", "go", "run", PROGRAMS / name, **of_debian))


def test_go(tmp_path: Path) -> None:
    """Google's own credentials library, and the standard library's client."""
    assert {
        "state": "JOB_STATE_PENDING",
        "other host": 'Get "https://example.com": Forbidden',
    } == run_go("default_credentials.go", "golang.org/x/oauth2/google", tmp_path)


def test_go_over_grpc(tmp_path: Path) -> None:
    """The transport of Google's clients, and a generated client."""
    metadata = "type.googleapis.com/google.ai.generativelanguage.v1beta.CreateTunedModelMetadata"

    assert {"same name": "true", "metadata": metadata, "missing": "NotFound"} == run_go(
        "operations.go", "google.golang.org/api/transport/grpc", tmp_path
    )


JAVA_PACKAGES = Path("/usr/share/java")


def test_java_with_what_the_documents_say(tmp_path: Path) -> None:
    """The JVM needs properties and a trust store; then Google's own credentials library works."""
    if shutil.which("javac") is None or not (JAVA_PACKAGES / "google-auth-library-oauth2-http.jar").exists():
        do_without("no JDK with Google's library: apt install default-jdk-headless libgoogle-auth-java")
    blocks = re.findall(r"```console\n(.*?)```", DOCUMENT, re.DOTALL)
    recipe = next(block for block in blocks if "keytool" in block)
    program = PROGRAMS / "DefaultCredentials.java"
    command = f"{recipe} java -cp '{JAVA_PACKAGES}/*' {shlex.quote(str(program))}"

    assert {"status": "200", "pending": "true"} == said(run_alone(tmp_path, "--", "sh", "-ec", command))


def test_the_documents_name_every_variable(tmp_path: Path) -> None:
    """The table of runtimes has what leads them to the server."""
    printed = run(tmp_path, "--", sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))").stdout
    given = environment({})
    new = {name.upper() for name, value in json.loads(printed).items() if given.get(name) != value}

    assert {"HTTPS_PROXY", "CURL_CA_BUNDLE", "NODE_OPTIONS", "MOCKSERVER_URL"} < new
    known = {"NO_PROXY", "NO_GRPC_PROXY", "HTTP_PROXY", "PATH", "LC_CTYPE"}
    secondary = {name for name in new if name.startswith(("GCE_", "GEMINI_", "GOOGLE_CLOUD_", "GOOGLE_API_"))}
    assert set() == {name for name in new - known - secondary if name not in DOCUMENT.upper()}


UNSET = {"TRANSPORT": "", "BASE_URL": ""}
"""Leaves a program of ours what its library does by default."""


def run_library(
    library: str, name: str, folder: Path, *, options: tuple[str, ...] = (), **variables: str
) -> dict[str, str]:
    """What a program says with the default transport of its library, gRPC, where no packet can leave."""
    command: tuple[str | Path, ...] = (client_python(library), "-W", "ignore", PROGRAMS / name)
    return said(run_alone(folder, *options, "--", *command, **UNSET, **variables))


def test_generativeai_over_grpc(tmp_path: Path) -> None:
    """Created, watched, listed, asked, streamed, renamed and deleted."""
    lines = run_library("generativeai", "generativeai.py", tmp_path, API_KEY="unchanged")

    assert {
        "again": "AlreadyExists",  # REST has another exception for it
        "state afterwards": "ACTIVE",
        "listed": "['tunedModels/days-of-the-week']",
        "answer": "saturday",
        "streamed": "saturday",
        "renamed": "weekdays",
        "deleted": "None",
    }.items() <= lines.items()


def test_permissions_of_generativeai_over_grpc(tmp_path: Path) -> None:
    """Given, changed and taken, and a new owner. The library takes no credentials where there is a key."""
    lines = run_library("generativeai", "generativeai_permissions.py", tmp_path, options=("--no-api-key",))

    assert {
        "listed": "['OWNER', 'READER', 'READER']",
        "updated": "WRITER",
        "left": "['OWNER']",
        "transferred": "[('OWNER', 'heir@example.com'), ('WRITER', 'owner@example.com')]",
    }.items() <= lines.items()


@pytest.mark.parametrize("library", ["google", "vertexai-2"])
def test_vertexai_over_grpc(library: str, tmp_path: Path) -> None:
    """vertexai.tuning.sft, its job, model and endpoint."""
    lines = run_library(library, "tuning_job.py", tmp_path, PROJECT="unchanged")

    assert {"state afterwards": "JOB_STATE_SUCCEEDED", "answer": "True", "left": "[]"}.items() <= lines.items()


def test_generated_clients_over_grpc(tmp_path: Path) -> None:
    """Those of both services, sync and with asyncio."""
    expected = "Gemini 2.0 Flash True True True NotFound"

    assert {"sync": expected, "asyncio": expected} == run_library("google", "generated_clients.py", tmp_path)


def join(url: str, folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """What became of `mockserver run --url URL WORDS`."""
    return programs.end([sys.executable, "-m", "mockserver", "run", "--url", url, *words], folder, UNSET)


ASK_MODEL = """
import os, requests
url = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.0-flash"
print(requests.get(url, params={"key": os.environ["GOOGLE_API_KEY"]}).json()["name"], os.environ["MOCKSERVER_URL"])
"""


def test_program_joins_a_running_server_over_http(tmp_path: Path) -> None:
    """No other server is started: the call is in the log of that one, and its answer that one's."""
    with MockServer().live() as server:
        done = join(server.url, tmp_path, "--", sys.executable, "-c", ASK_MODEL)

        assert f"models/gemini-2.0-flash {server.url}\n" == done.stdout, done.stderr
        server.calls.assert_called("models.get", times=1)


def test_program_joins_a_running_server_over_grpc(tmp_path: Path) -> None:
    """An old library with its default transport, which reads no variable for the address."""
    program = (client_python("generativeai"), "-W", "ignore", PROGRAMS / "generativeai.py")
    with MockServer(clock="600x").live() as server:
        done = join(server.url, tmp_path, "--", "env", "API_KEY=unchanged", *program)

        assert "saturday" == said(done.stdout)["answer"], done.stderr
        server.calls.assert_called("tunedModels.create")
        assert {"GRPC"} == {call.verb for call in server.calls}


def test_server_of_the_command_line_is_joined_over_grpc(tmp_path: Path) -> None:
    """It opens a port when the first client wants one; with one for TLS alone, the program is told."""
    program = (client_python("generativeai"), "-W", "ignore", "-c", LIST)
    with serving(tmp_path / "log") as server:
        done = join(server.base_url, tmp_path, "--", *program)

    assert "models\n" == done.stdout, done.stderr
    assert "models.list OK" in (tmp_path / "log").read_text()


LIST = """
import google.generativeai as genai
print(next(iter(genai.list_models())).name.partition("/")[0])
"""


@pytest.mark.parametrize(
    ("url", "words", "sentence"),
    [
        ("http://127.0.0.1:1", (), "http://127.0.0.1:1 cannot be reached: "),
        ("https://127.0.0.1:1", (), "--url: the server is reached by http:// only"),
        ("http://127.0.0.1:1", ("--seed", "1", "--verbose"), "has its own options, so leave out --seed, --verbose"),
        ("127.0.0.1:1", (), "not a URL: '127.0.0.1:1'"),
    ],
)
def test_server_that_cannot_be_joined_is_an_error(
    url: str, words: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    """Nothing is there, it is not reached so, or options are given that are its own."""
    done = join(url, tmp_path, *words, "--", "true")

    assert 2 == done.returncode
    assert sentence in done.stderr


def test_no_key_is_made_up_on_request(tmp_path: Path) -> None:
    """A key of the user's own that does not look real stays."""
    print_keys = ("sh", "-c", 'echo "$GOOGLE_API_KEY/$GEMINI_API_KEY"')

    assert "mockserver-key/mockserver-key\n" == run(tmp_path, "--", *print_keys).stdout
    assert "/\n" == run(tmp_path, "--no-api-key", "--", *print_keys).stdout
    assert "mine/mine\n" == run(tmp_path, "--no-api-key", "--", *print_keys, GEMINI_API_KEY="mine").stdout


FAILS = """
import requests, os
url, key = "https://generativelanguage.googleapis.com/v1beta", {"key": os.environ["GOOGLE_API_KEY"]}
for _ in range(2):
    requests.get(f"{url}/tuned_models", params=key)
    requests.get(f"{url}/tunedModels/days/permissions", params=key)
    requests.get("https://storage.googleapis.com/storage/v1/b/none/o", params=key)
"""
MISSING = ("--unknown-buckets", "missing")


@pytest.mark.parametrize("options", [(), ("--verbose",)])
def test_hints_of_failed_calls_are_printed(options: tuple[str, ...], tmp_path: Path) -> None:
    """All of them by one rule: once each, or beside each call where every call has a line."""
    errors = run(tmp_path, *options, *MISSING, "--", sys.executable, "-c", FAILS).stderr

    times = 2 if options else 1
    assert (0 if options else 3) == errors.count("mockserver run: hint: ")
    assert "see `hint:` above" not in errors  # the program has coped
    assert times == errors.count("was not found: did you mean GET /v1beta/tunedModels?")
    assert times == errors.count("this method takes OAuth tokens only")
    assert times == errors.count("nobody has created this bucket")


def test_program_that_fails_after_calls_with_hints_is_followed_by_a_line(tmp_path: Path) -> None:
    """Its own traceback is between the hints and the end."""
    errors = run(tmp_path, *MISSING, "--", sys.executable, "-c", f"{FAILS}\nraise SystemExit(1)").stderr

    assert "mockserver run: 6 calls have hints, see `hint:` above\n" == errors.splitlines(keepends=True)[-1]
