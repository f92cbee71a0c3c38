"""The command line: `mockserver serve`, `mockserver check-dataset`."""

import argparse
import errno
import io
import logging
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from mockserver import __version__, settings
from mockserver.cli.recordings import add_commands
from mockserver.rpc.loopback import is_loopback
from mockserver.settings import BadOption
from mockserver.state.clock import to_datetime, today
from mockserver.state.world import Settings, World, Worlds

DESCRIPTION = """\
A local mock server for Google's Gemini tuning APIs: the Developer API (tunedModels) and Vertex AI
(tuningJobs). Tuning jobs run on a clock of your choosing, cost nothing, and fail when told to.
"""

EPILOG = """\
examples:
  mockserver serve                          on http://127.0.0.1:8765, thirty times as fast as life
  mockserver serve --clock manual --seed 7  time moves only when told to; ids and losses repeat
  mockserver serve --as-of 2024-03-14       the service as it was on that day
  mockserver serve --as-of today            what old code meets now
  mockserver record -- python tune.py       write down what tune.py and Google say to each other
  mockserver check transcripts/             does the mock server still answer as Google did?

Every option of `serve` can be a variable too: --start-time is MOCKSERVER_START_TIME.
"""

CHECK_DESCRIPTION = """\
What the service would say of a file of training data: every problem with its line, in the service's words;
how many examples and tokens there are; how many steps tuning takes, and how long. No server is needed,
nothing leaves this machine.

  JSONL for Vertex AI      one {"contents": [...]} a line; with "completions", preference data; the older
                           {"messages": [...]}, {"input_text", "output_text"} and {"prompt", "completion"}
  for the Developer API    {"text_input": "...", "output": "..."} in JSON, in JSON Lines or in columns of CSV
"""

CHECK_EPILOG = """\
examples:
  mockserver check-dataset train.jsonl                                   is it fit to tune any model?
  mockserver check-dataset train.jsonl --base-model gemini-2.5-flash     or this one?
  mockserver check-dataset train.jsonl --epochs 3 --format json | jq .estimate.seconds
  mockserver check-dataset examples.csv

Tokens are estimates: Google's tokenizer is not public. The exit status is 0 if all is well, 1 if there are
problems, 2 if the file cannot be read.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. The exit status is the command's, or 2 for a bad option or a port that is taken."""
    given = _parser().parse_args(argv)
    try:
        return int(given.run(given))
    except BadOption as bad:
        print(f"mockserver: {bad}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="mockserver", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"mockserver {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve", help="serve both APIs over HTTP", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw
    )
    _add_serve_options(serve)
    serve.set_defaults(run=_serve)
    check = commands.add_parser(
        "check-dataset",
        help="check a file of training data",
        description=CHECK_DESCRIPTION,
        epilog=CHECK_EPILOG,
        formatter_class=raw,
    )
    _add_check_options(check)
    check.set_defaults(run=_check_dataset)
    add_commands(commands)
    return parser


def _add_serve_options(serve: argparse.ArgumentParser) -> None:
    def option(name: str, help: str, default: str | None = None, **more: Any) -> None:
        shown = f" (default: {default})" if default else ""
        serve.add_argument(f"--{name}", default=_variable(name) or default, help=help + shown, **more)

    def flag(name: str, help: str) -> None:
        serve.add_argument(f"--{name}", action="store_true", default=_variable(name) or "no", help=help)

    option("host", "the address to listen on", "127.0.0.1", metavar="ADDRESS")
    option("port", "the port to listen on; 0 takes a free one", "8765", metavar="PORT")
    option("grpc-port", "the port to serve gRPC on too; 0 takes a free one; no gRPC if absent", metavar="PORT")
    option("grpc-certificate", "the server's certificate (PEM): serve gRPC by TLS, not in plaintext", metavar="FILE")
    option("grpc-key", "the private key of that certificate (PEM)", metavar="FILE")
    option("clock", "real, manual, or a factor: at 60x an hour passes in a minute", "30x", metavar="CLOCK")
    option("start-time", "the date or time the clock starts at, as 2024-03-14T15:00:00Z", metavar="TIME")
    option("as-of", "be the service of that day: a date, or today; all days at once if absent", metavar="DATE")
    option("seed", "makes ids, losses and answers repeat; random if absent", metavar="N")
    option("auth", "any: something must be sent; off; strict: only --credential", "any", metavar="MODE")
    option("credential", "an API key or token that `--auth strict` takes; several with commas", metavar="TEXT")
    option(
        "metadata-refresh",
        "simulated seconds between two refreshes of a tuning operation's metadata",
        "61",
        metavar="SECONDS",
    )
    option("safety-ratings", "of Vertex AI answers: always, or real (as the real ones)", "always", metavar="WHEN")
    where = "the folder where gs://bucket/object is DIR/bucket/object; the emulator STORAGE_EMULATOR_HOST names is asked too"
    option("gcs-root", where, metavar="DIR")
    option("max-concurrent-jobs", "Vertex AI tuning jobs a project may run at once", metavar="N")
    option("over-quota", "what further jobs do: wait, or refuse (429)", "wait", metavar="WHAT")
    option("answers", "what to answer, and which calls to spoil: a YAML or JSON file", metavar="FILE")
    option(
        "control-token",
        "what a program must know to control the server (default: nothing on this machine only, else made up)",
        metavar="TEXT",
    )
    flag("refuse-real-credentials", "answer keys and tokens that look real with an error")
    flag("lenient-routes", "serve tunedModels on /v1/ too, where the real service has none")
    flag("no-magic", "take words such as mock-fail-at-step-10 in names and prompts as plain text")
    flag("quiet", "no line per request")


def _variable(option: str) -> str:
    """What the environment says of an option; "" if nothing."""
    return os.environ.get("MOCKSERVER_" + option.upper().replace("-", "_"), "")


def _is_on(given: argparse.Namespace, flag: str) -> bool:
    """Whether a flag was given, or its variable says yes."""
    said = getattr(given, flag.replace("-", "_"))
    return said is True or settings.yes_or_no(flag, said)


def _add_check_options(check: argparse.ArgumentParser) -> None:
    check.add_argument("file", type=Path, metavar="FILE", help="a .jsonl, .json or .csv file")
    check.add_argument("--base-model", metavar="ID", help="the model to be tuned (default: any, timed as a usual one)")
    check.add_argument(
        "--epochs", metavar="N", help="how often to go through the data (default: as the service chooses)"
    )
    check.add_argument(
        "--format", choices=["text", "json"], default="text", help="for people or programs (default: text)"
    )


def _check_dataset(given: argparse.Namespace) -> int:
    """Print what there is to say of a file: 0 if that is nothing bad, 1 if it is, 2 if it cannot be read."""
    import orjson

    from mockserver.cli.dataset_check import check

    epochs = settings.whole_number("epochs", given.epochs, 1, 10_000) if given.epochs is not None else None
    try:
        report = check(given.file, base_model=given.base_model, epochs=epochs)
    except OSError as error:
        msg = f"cannot read {given.file}: {error.strerror}"
        raise BadOption(msg) from None
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # whatever a file holds, on whatever terminal
    as_json = given.format == "json"
    print(orjson.dumps(report.tree(), option=orjson.OPT_INDENT_2).decode() if as_json else report.text().rstrip())
    return 1 if report.problems else 0


def _serve(given: argparse.Namespace) -> int:
    """Serve until interrupted."""
    # Here and not above: `--help` should not wait for an HTTP server to load.
    from mockserver.app import create_app
    from mockserver.control.guard import Guard
    from mockserver.doors.live import CannotListen, serve

    day = today()
    as_of = settings.parse_as_of(given.as_of, day) if given.as_of else None
    start = settings.parse_moment(given.start_time) if given.start_time else None
    clock = settings.parse_clock(given.clock, settings.start_of(as_of, start, day))
    world = World(clock, _settings(given, as_of))
    if given.answers:
        _script(world, given.answers)
    token = given.control_token or (None if is_loopback(given.host) else secrets.token_urlsafe(16))
    port = settings.whole_number("port", given.port, 0, 65535)
    _log_to_stderr(quiet=_is_on(given, "quiet"))
    worlds = Worlds(world)
    target, stop = _serve_grpc(given, worlds) if given.grpc_port is not None else ("", lambda: None)
    try:
        app = create_app(worlds, Guard(token))
        serve(app, given.host, port, lambda url: _greet(url, given.clock, world, token, target))
    except CannotListen as taken:
        other = "--port" if taken.errno == errno.EADDRINUSE else "--host"
        msg = f"cannot listen on {given.host}:{port}: {taken.strerror}. Choose another {other}."
        raise BadOption(msg) from None
    finally:
        stop()
    return 0


def _serve_grpc(given: argparse.Namespace, worlds: Worlds) -> tuple[str, Callable[[], None]]:
    """Serve gRPC beside HTTP: where, and what stops it."""
    from mockserver.doors.grpc_port import CannotServe, open_port

    port = settings.whole_number("grpc-port", given.grpc_port, 0, 65535)
    certificate, key = (Path(file) if file else None for file in (given.grpc_certificate, given.grpc_key))
    try:
        return open_port(worlds, given.host, port, certificate=certificate, key=key)
    except CannotServe as reason:
        raise BadOption(str(reason)) from None


def _settings(given: argparse.Namespace, as_of: date | None) -> Settings:
    texts = {
        "seed": given.seed,
        "auth": given.auth,
        "accepted_credentials": given.credential,
        "metadata_refresh_seconds": given.metadata_refresh,
        "safety_ratings": given.safety_ratings,
        "gcs_root": given.gcs_root,
        "max_concurrent_jobs": given.max_concurrent_jobs,
        "over_quota": given.over_quota,
    }
    return settings.parse_settings(
        texts,
        as_of=as_of,
        lenient_routes=_is_on(given, "lenient-routes"),
        magic=not _is_on(given, "no-magic"),
        refuse_real_credentials=_is_on(given, "refuse-real-credentials"),
    )


def _script(world: World, file: str) -> None:
    """Let the world say and spoil what an answers file says."""
    from mockserver.scripting.answer_file import BadFile, read_answers

    try:
        scripted = read_answers(file)
    except BadFile as bad:
        raise BadOption(str(bad)) from None
    world.scenario.add(*scripted.answers)
    for fault in scripted.faults:
        world.scenario.add_fault(fault, world.clock.now())


def _log_to_stderr(*, quiet: bool) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    if quiet:
        logging.getLogger("mockserver.access").setLevel(logging.WARNING)


def _greet(url: str, speed: str, world: World, token: str | None, grpc_target: str) -> None:
    """Say what is served, how to point clients at it, and where time stands."""
    moment = to_datetime(world.clock.now()).isoformat(timespec="seconds")
    era = f"as of {world.settings.as_of}" if world.settings.as_of else "all eras at once"
    control = f"with the header X-Mockserver-Token: {token}" if token else "from this machine"
    grpc = f"\n  gRPC                 {grpc_target}" if grpc_target else ""
    print(
        f"""\
Gemini tuning mock server {__version__}: the Developer API and Vertex AI, {era}
  base URL             {url}{grpc}
  time                 {moment}, running at {speed}
  seed                 {world.settings.seed}
  control              {url}/_mock/openapi.json {control}

  curl                 curl '{url}/v1beta/tunedModels?key=any-key'
  google-genai         genai.Client(api_key="any-key", http_options={{"base_url": "{url}", "api_version": "v1beta"}})
  google-generativeai  genai.configure(api_key="any-key", transport="rest", client_options={{"api_endpoint": "{url}"}})
  vertexai             vertexai.init(project="p", location="us-central1", api_endpoint="{url}", api_transport="rest",
                                     credentials=google.oauth2.credentials.Credentials(token="any-token"))

Stop with Ctrl-C.""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
