"""`mockserver watch`: the jobs and the calls of a running server, in the terminal."""

import argparse
import json
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from mockserver.cli.extras import missing_extra
from mockserver.cli.server_address import find_url
from mockserver.settings import BadOption

if TYPE_CHECKING:
    from rich.console import Group

HELP = "show jobs and calls of a running server (needs rich)"

DESCRIPTION = """\
Show the jobs of a running server with their progress, and the newest calls below them, until Ctrl-C. It needs the extra
[watch]. A browser shows more at the server's own address.
"""

EPILOG = """\
examples:
  mockserver watch                              the server on http://127.0.0.1:8765
  mockserver watch http://127.0.0.1:9000        another one
  mockserver watch --once                       print the state once, for a script
"""

REFRESH_SECONDS = 0.5
JOBS, CALLS = 15, 12

COLORS = {"SUCCEEDED": "green", "FAILED": "red", "CANCELLED": "red", "RUNNING": "blue"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    default = "that of the port file or the port in the environment, else http://127.0.0.1:8765"
    parser.add_argument("url", nargs="?", metavar="URL", help=f"the address of the server (default: {default})")
    parser.add_argument("--port-file", metavar="FILE", help="the port file of the server")
    parser.add_argument("--world", default="default", metavar="NAME", help="the world to show (default: %(default)s)")
    parser.add_argument("--token", metavar="TEXT", help="the control token (default: $MOCKSERVER_CONTROL_TOKEN)")
    parser.add_argument("--once", action="store_true", help="print once and exit")


def run(arguments: argparse.Namespace) -> int:
    """Show the server until interrupted. The exit status is 2 if it cannot be reached."""
    try:
        from rich.console import Console
        from rich.live import Live
    except ModuleNotFoundError as error:
        raise missing_extra(error, "watch") from None
    from mockserver.state.clock import Machine

    arguments.url = find_url(arguments)
    console = Console()
    if arguments.once:
        console.print(_show(arguments))
        return 0
    try:
        with Live(_show(arguments), console=console, screen=console.is_terminal, refresh_per_second=4) as live:
            while True:
                Machine.sleep(REFRESH_SECONDS)
                live.update(_show(arguments))
    except KeyboardInterrupt:
        return 0


def _show(arguments: argparse.Namespace) -> "Group":
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    clock, runs = _ask(arguments, "/clock"), _ask(arguments, "/runs")["runs"]
    jobs = Table("job", "state", "progress", "steps", title=f"{len(runs)} jobs", expand=True, title_justify="left")
    for job in runs[::-1][:JOBS]:
        bar = ProgressBar(total=max(job["total_steps"], 1), completed=job["completed_steps"], width=24)
        steps = f"{job['completed_steps']}/{job['total_steps']}"
        jobs.add_row(Text(job["name"]), Text(job["state"], COLORS.get(job["state"], "yellow")), bar, steps)
    calls = Table("time", "status", "method", "request", title="calls", expand=True, title_justify="left")
    for call in _ask(arguments, "/calls", last=CALLS)["calls"][::-1]:
        color = "green" if call["status"] < 400 else "red"
        request = f"{call['verb']} {call['path']}"
        calls.add_row(
            call["time"][:19], Text(str(call["status"]), color), Text(call["method"] or "no method"), Text(request)
        )
    speed = "stopped" if clock["factor"] == 0 else f"at {clock['factor']:g}x"
    return Group(Text(f"{arguments.url}   {clock['now'][:19]} UTC, {speed}"), jobs, calls)


def _ask(arguments: argparse.Namespace, path: str, **query: object) -> Any:
    """Call an operation of the control API. Raises BadOption if the server does not answer as ours does."""
    words = "&".join(f"{name}={value}" for name, value in {"world": arguments.world, **query}.items())
    url = f"{arguments.url.rstrip('/')}/_mock{path}?{words}"
    if not url.startswith(("http://", "https://")):
        raise BadOption(f"{arguments.url!r} is not an address such as http://127.0.0.1:8765")
    token = arguments.token or os.environ.get("MOCKSERVER_CONTROL_TOKEN", "")
    request = urllib.request.Request(url, headers={"x-mockserver-token": token} if token else {})  # noqa: S310 - checked
    try:
        # Without a proxy: the server is this machine's, or one that the user names.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        raise BadOption(f"{arguments.url} refused: {_sentence(error.read())}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise BadOption(f"no server answers at {arguments.url} ({reason}): start one with `mockserver serve`") from None


def _sentence(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return body[:200].decode("utf-8", "replace")
