"""Where a command finds the server: an option, the port file, or the port in a variable."""

import argparse
import os
from pathlib import Path
from urllib.parse import urlsplit

from mockserver.cli.port_file import read_url
from mockserver.settings import BadOption, Serving, declarations


class NoPortFile(BadOption):
    """There is no such port file, at least not yet."""


def add_address(parser: argparse.ArgumentParser) -> None:
    """Add the options for the address of the server."""
    default = f"http://127.0.0.1:{declarations(Serving)['port'].default}"
    parser.add_argument(
        "--url", metavar="URL", type=read_url_argument, help=f"the address of the server (default: {default})"
    )
    parser.add_argument("--port-file", metavar="FILE", help="the port file of the server")


def find_url(arguments: argparse.Namespace) -> str:
    """Return the URL of --url, else of the port file, else of this machine with the port in MOCKSERVER_PORT."""
    settings = declarations(Serving)
    if arguments.url:
        return str(arguments.url)
    if file := arguments.port_file or os.environ.get(settings["port_file"].variable):
        try:
            return read_url(Path(file))
        except OSError as error:
            raise NoPortFile(f"there is no port file {file}: {error.strerror}", "--port-file") from None
        except ValueError as error:
            raise BadOption(f"{error}", "--port-file") from None
    port = settings["port"]
    return f"http://127.0.0.1:{port.read(os.environ.get(port.variable) or port.default, called=port.variable)}"


def read_url_argument(text: str) -> str:
    """Return the URL without a slash at its end. Raises ArgumentTypeError if it is none."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise argparse.ArgumentTypeError(f"not a URL: {text!r}; give one like http://127.0.0.1:8765")
    return text.rstrip("/")
