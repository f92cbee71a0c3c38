"""The face of Cloud Storage: finds the method of a request, calls its handler, prints and logs the answer."""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from mockserver.cloud_storage import HOST, buckets, errors, objects, uploads
from mockserver.cloud_storage.call import Result, StorageCall
from mockserver.cloud_storage.errors import StorageError
from mockserver.dispatch.access_log import LogCall, hints, log_call
from mockserver.dispatch.credential_guard import complete_secret, refusal
from mockserver.dispatch.dispatcher import BUG, WouldBlock
from mockserver.http.headers import http_date, retry_after_seconds
from mockserver.http.reply import HttpReply, Pieces, garble, truncate
from mockserver.http.request import HttpRequest
from mockserver.limits import OBJECT_BYTES, QUICK_BYTES
from mockserver.rpc.credentials import identify, read_credentials
from mockserver.rpc.hosts import hostname
from mockserver.rpc.redaction import redact, redact_fields
from mockserver.scripting.faults import STATUSES, CallTarget, Fault
from mockserver.scripting.scenario import Scenario
from mockserver.scripting.summary import describe_fields
from mockserver.state.calls import RecordedCall
from mockserver.state.clock import SECOND, Nanos, SystemClock, machine_time, stopwatch
from mockserver.state.store import Unavailable
from mockserver.state.world import World, Worlds

log = logging.getLogger("mockserver")

Handler = Callable[[StorageCall], Result]

_BUCKET, _OBJECT = "([^/]+)", "([^/]+)"
ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    ("GET", "/storage/v1/b", "storage.buckets.list", buckets.list_buckets),
    ("POST", "/storage/v1/b", "storage.buckets.insert", buckets.insert_bucket),
    ("GET", f"/storage/v1/b/{_BUCKET}", "storage.buckets.get", buckets.get_bucket),
    ("DELETE", f"/storage/v1/b/{_BUCKET}", "storage.buckets.delete", buckets.delete_bucket),
    ("GET", f"/storage/v1/b/{_BUCKET}/o", "storage.objects.list", objects.list_objects),
    ("GET", f"/storage/v1/b/{_BUCKET}/o/{_OBJECT}", "storage.objects.get", objects.get_object),
    ("DELETE", f"/storage/v1/b/{_BUCKET}/o/{_OBJECT}", "storage.objects.delete", objects.delete_object),
    ("GET", f"/download/storage/v1/b/{_BUCKET}/o/{_OBJECT}", "storage.objects.get", objects.download_object),
    ("POST", f"/upload/storage/v1/b/{_BUCKET}/o", "storage.objects.insert", uploads.insert_object),
    ("PUT", f"/upload/storage/v1/b/{_BUCKET}/o", "storage.objects.insert", uploads.continue_upload),
    ("DELETE", f"/upload/storage/v1/b/{_BUCKET}/o", "storage.objects.insert", uploads.cancel_upload),
)
_COMPILED = [(verb, re.compile(path), method, handler) for verb, path, method, handler in ROUTES]


class StorageFace:
    """Answers HTTP requests to Cloud Storage."""

    def __init__(self, worlds: Worlds, log_call: LogCall = log_call) -> None:
        self._worlds = worlds
        self._log_call = log_call

    def answer(self, http: HttpRequest, *, may_block: bool = True) -> HttpReply:
        """Answer any request. Raises WouldBlock for one that takes long, if `may_block` is false."""
        elapsed_ms = stopwatch()
        try:
            with self._worlds.check_version_once():
                method, reply = self._answer_in_world(http, may_block=may_block)
        except Unavailable as error:
            log.error("%s", error)  # noqa: TRY400 - the sentence says it all
            method, reply = "", _print_unavailable()
        if not http.is_unrecorded:
            label = method or redact(f"{http.head.sent_verb} {http.head.path}")
            self._log_call(label, reply.status, elapsed_ms(), "")
        return reply

    def _answer_in_world(self, http: HttpRequest, *, may_block: bool) -> tuple[str, HttpReply]:
        """Return the method of a request, and the reply."""
        world = self._worlds.choose(http.head.texts)
        if not may_block and (len(http.body) > QUICK_BYTES or world.settings.gcs_root is not None):
            raise WouldBlock(outside=False)
        secret = complete_secret(http.head.secret, b"", self._worlds.warn_once)
        return _answer(http, world, world.clock.now(), secret)


def _print_unavailable() -> HttpReply:
    """Reply with 503. The world's clock cannot be read either."""
    headers, body = _print(Result(errors.injected(503, None).body, 503), machine_time())
    return HttpReply(503, headers, body, SystemClock())


def _answer(http: HttpRequest, world: World, now: Nanos, secret: str) -> tuple[str, HttpReply]:
    method, handler, call = _read(http, world, now)
    fault = None if http.is_unrecorded else _select_fault(method, call)
    refused: StorageError | None = None
    try:
        _check_request(http, call, secret, fault)
        result = handler(call)
    except StorageError as error:
        refused, result = error, _print_error(error, call)
        if fault is not None and fault.retry_after_header is not None:
            result = replace(result, headers={**result.headers, "retry-after": str(fault.retry_after_header)})
    except Unavailable:
        raise
    except Exception:  # a bug of ours
        log.exception(BUG, method)
        refused = errors.injected(500, None)
        result = Result(refused.body, 500)
    headers, body = _print(result, now)
    if http.is_unrecorded:
        return method, HttpReply(result.status, headers, body, world.clock)
    credentials = read_credentials(http.head.headers, tuple(call.query.items()))
    record = RecordedCall(
        method=method,
        verb=http.head.sent_verb,
        path=http.head.path,
        time=now,
        caller=identify(credentials, default_user=world.settings.default_user).principal,
        request=_describe(call),
        status=result.status,
        response=_logged(result) if refused is None else refused.log_entry,
        fault="" if fault is None else describe_fields(fault),
        hint="" if refused is None else refused.hint,
        retry_after=retry_after_seconds(result.headers.items()),
    )
    if secret:
        record = redact_fields(record)
    world.calls.append(record)
    if record.hint:
        hints.warning("%s was answered %d: %s", method, record.status, record.hint)
    if fault is None:
        return method, HttpReply(result.status, headers, body, world.clock)
    if fault.garble:
        body = garble(body)
    sent = Pieces(truncate(body)) if fault.truncate else body
    return method, HttpReply(result.status, headers, sent, world.clock, fault.latency_seconds, fault.reset)


def _read(http: HttpRequest, world: World, now: Nanos) -> tuple[str, Handler, StorageCall]:
    """Return method, handler and call. A request for anything else has no method, and a handler that refuses it."""
    host = http.head.headers.get("host", HOST)
    origin = f"{'https' if hostname(f'//{host}').endswith('.googleapis.com') else 'http'}://{host}"
    query = dict(parse_qsl(http.head.query, keep_blank_values=True))
    method, handler, names = _find(http.head.verb, http.head.path)
    bucket, name = [*map(unquote, names), "", ""][:2]
    return (
        method,
        handler,
        StorageCall(world, now, origin, http.head.path, bucket, name, query, http.head.headers, http.body),
    )


def _find(verb: str, path: str) -> tuple[str, Handler, tuple[str, ...]]:
    for its_verb, pattern, method, handler in _COMPILED:
        if its_verb == verb and (match := pattern.fullmatch(path)):
            return method, handler, match.groups()
    return "", _refuse, ()


def _print_error(error: StorageError, call: StorageCall) -> Result:
    """Return an error as JSON; where the content of an object is asked for, as plain text [documented]."""
    if call.query.get("alt") == "media":
        return Result(error.message.encode(), error.status, {"content-type": "text/html; charset=UTF-8"})
    return Result(error.body, error.status)


def _refuse(call: StorageCall) -> Result:
    raise errors.not_served(call.path)


def _check_request(http: HttpRequest, call: StorageCall, secret: str, fault: Fault | None) -> None:
    settings = call.world.settings
    if secret and settings.refuse_real_credentials:
        raise errors.invalid(refusal(secret).message)
    if fault is not None and fault.status is not None:
        # our choice: a reason that belongs to another service is a 403
        raise errors.injected(STATUSES.get(fault.status_name or "", 403), fault.message)
    credentials = read_credentials(http.head.headers, tuple(call.query.items()))
    # Without `strict` nobody needs any: a client that STORAGE_EMULATOR_HOST sent here has none.
    if settings.auth == "strict" and (credentials.bearer or credentials.key) not in settings.accepted_credentials:
        raise errors.unauthorized()
    if len(http.body) > OBJECT_BYTES:
        raise errors.too_large(OBJECT_BYTES, "a request")


def _select_fault(method: str, call: StorageCall) -> Fault | None:
    scenario = Scenario(call.world.store)
    if not scenario.faults:
        return None
    resource = f"b/{call.bucket}/o/{call.name}" if call.name else f"b/{call.bucket}"
    return scenario.select_fault(CallTarget(method, resource), call.now, call.world.rng("faults"))


def _describe(call: StorageCall) -> dict[str, str]:
    """Return what the log keeps of a request: the names in it."""
    names = {"bucket": call.bucket, "name": call.name or call.query.get("name", "")}
    return {name: value for name, value in names.items() if value}


def _logged(result: Result) -> dict[str, Any]:
    """Return what the log keeps of an answer: never the content of an object."""
    return result.body if isinstance(result.body, dict) else {}


def _print(result: Result, now: Nanos) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return headers and body."""
    headers = {"content-type": "application/json; charset=UTF-8"} if isinstance(result.body, dict) else {}
    headers |= result.headers
    body = json.dumps(result.body, indent=2).encode() if isinstance(result.body, dict) else result.body
    pairs = [(name.encode(), value.encode("utf-8")) for name, value in headers.items()]
    rest = [(b"date", http_date(now // SECOND)), (b"server", b"UploadServer")]
    return [*pairs, (b"content-length", str(len(body)).encode()), *rest], body
