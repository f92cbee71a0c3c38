"""The settings of `mockserver serve`."""

from dataclasses import dataclass
from typing import Literal

from mockserver.settings.declaration import By, Checked, setting
from mockserver.settings.types import Switch, Text, Texts, Whole, Word


@dataclass(frozen=True, slots=True)
class Serving(Checked):
    """How `mockserver serve` serves."""

    config: str | None = setting(
        Text(),
        "a TOML file with settings by name, such as `seed = 7`; options and variables win",
        more="`mockserver config` prints each setting, where it comes from, and writes such a file.",
        by=By.SERVE,
        metavar="FILE",
        default=None,
    )
    host: str = setting(
        Text(),
        "the address to listen on; :: is every address of this machine, those of IPv4 too",
        by=By.SERVE,
        metavar="ADDRESS",
        default="127.0.0.1",
    )
    port: int = setting(
        Whole(0, 65535),
        "the port to listen on; 0 takes a free one",
        by=By.SERVE,
        metavar="PORT",
        default=8765,
    )
    port_file: str | None = setting(
        Text(),
        "a file that says, as JSON, where the server listens, as long as it does",
        more="It has `url`, `grpc`, `pid` and `token`: the header for the control token and the file that holds it."
        " `mockserver health --wait 10` reads it.",
        by=By.SERVE,
        metavar="FILE",
        default=None,
    )
    grpc_port: int | None = setting(
        Whole(0, 65535),
        "the port to serve gRPC on too; 0 takes a free one",
        by=By.SERVE,
        metavar="PORT",
        absent="no gRPC",
        default=None,
    )
    grpc_certificate: str | None = setting(
        Text(),
        "the server's certificate (PEM), to serve gRPC over TLS",
        by=By.SERVE,
        metavar="FILE",
        absent="gRPC in plaintext",
        default=None,
    )
    grpc_key: str | None = setting(
        Text(),
        "the private key of that certificate (PEM)",
        by=By.SERVE,
        metavar="FILE",
        default=None,
    )
    store: str = setting(
        Text(),
        "where everything is stored: memory:, sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE",
        more="A database needs the extra `[sql]`. Servers with the same database are one server. What it has stored"
        " holds when a server starts again, except options that are given.",
        by=By.SERVE,
        metavar="URL",
        is_secret=True,
        default="memory:",
    )
    data_dir: str | None = setting(
        Text(),
        "store everything in a SQLite file in this directory, which is created if need be",
        by=By.SERVE,
        metavar="DIR",
        absent="the store above",
        default=None,
    )
    workers: int = setting(
        Whole(1, 64),
        "how many processes serve; more than one needs a store that they can share, such as --data-dir",
        by=By.SERVE,
        default=1,
    )
    control_token: str | None = setting(
        Text(),
        "the token that programs need to control the server under /_mock/",
        by=By.SERVE,
        absent="none if only this machine can connect, else a random one",
        is_secret=True,
        default=None,
    )
    allow_host: frozenset[str] = setting(
        Texts(),
        "a name under which requests may reach the server, beside this machine's and Google's, and whose web pages may"
        " use it, beside this machine's; several with commas, * for all",
        by=By.SERVE,
        metavar="NAME",
        absent="none if only this machine can connect, else all",
        default=frozenset(),
    )
    watch: bool = setting(
        Switch(),
        "read the answers file again when it changes",
        more="Its answers and faults replace all there are; resources in it are added at the start only. A file with a"
        " mistake changes nothing, and the log says what is wrong.",
        by=By.SERVE,
        default=False,
    )
    shutdown_seconds: int = setting(
        Whole(0, 3600),
        "how many seconds requests and streams may take to end when the server is stopped",
        more="gRPC has as many again. A second signal ends the server at once.",
        by=By.SERVE,
        metavar="SECONDS",
        default=4,
    )
    quiet: bool = setting(
        Switch(),
        "print no line for each request",
        by=By.SERVE,
        default=False,
    )
    log_format: Literal["text", "json"] = setting(
        Word("text", "json"),
        "how lines of the log are written to standard error: as text, or each as a JSON object",
        more="Lines that nobody reads are dropped and counted; no request waits for them.",
        by=By.SERVE,
        metavar="FORMAT",
        default="text",
    )
