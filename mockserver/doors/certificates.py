"""A certificate authority that lasts as long as the process: its key stays in memory and is never written to a file."""

import ssl
from functools import cache
from pathlib import Path

import trustme


class CertificateAuthority:
    """Issues the certificates of the hosts that the proxy answers for. Raises ModuleNotFoundError without trustme."""

    def __init__(self) -> None:
        self._authority = trustme.CA(organization_name="gemini-tuning-mockserver")
        self.tls = cache(self._tls)
        """Returns what a server needs to be this host over TLS."""

    def write_bundle(self, path: Path, *, with_public: bool) -> None:
        """Write the certificates that clients are to trust, in PEM: ours, and on request those of public CAs."""
        public = _public_certificates() if with_public else b""
        path.write_bytes(self._authority.cert_pem.bytes() + public)

    def _tls(self, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host).configure_cert(context)
        # OpenSSL takes the first of these that the client offers: only a client that offers h2 alone gets it.
        context.set_alpn_protocols(["http/1.1", "h2"])
        return context


def _public_certificates() -> bytes:
    """Return the certificates that this Python trusts by default; those of a directory are not read."""
    paths = ssl.get_default_verify_paths()
    return Path(paths.cafile).read_bytes() if paths.cafile else b""
