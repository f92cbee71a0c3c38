"""Mutation tests: makes each of these mistakes in a copy of the repository and checks that a test fails.

    make mutations                  all of them
    make mutations ARGS=paging      those with the word in their name or file

The working tree is only read. A mutation names the exact code that it replaces. If that code is gone, the script says
so; write the mutation again for the new code.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("mockserver", "contract_tests", "fixtures", "scripts", "docs", "pyproject.toml", "README.md", "CHANGELOG.md")

OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "--target", "inprocess", "--hypothesis-profile", "hasty")

FAILED = 1
"""The exit status of pytest when tests failed."""


@dataclass(frozen=True)
class Mutation:
    """A mistake: the code in a file, its replacement, and the tests that must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def make(self, folder: Path) -> None:
        """Change the file below that folder. LookupError unless the code occurs exactly once."""
        path = folder / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            msg = f"{self.file} contains this code {text.count(self.old)} times, not once: {self.old}"
            raise LookupError(msg)
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


API = "contract_tests/api"
ATTACKS = ("contract_tests/attacks/test_attacks.py",)
LAWS = "contract_tests/laws"

MUTATIONS = (
    Mutation(
        "one request more than the quota",
        "mockserver/dispatch/quotas.py",
        "if usages[name].amount + amounts[unit] > limit:",
        "if usages[name].amount > limit:",
        (f"{API}/test_quotas.py",),
    ),
    Mutation(
        "a refused request counts",
        "mockserver/dispatch/quotas.py",
        "        if not violations:\n",
        "        if True:\n",
        (f"{API}/test_quotas.py",),
    ),
    Mutation(
        "a create is retried as anything else",
        "mockserver/inspection/resilience.py",
        "elif _is_create(call) and call.status not in NOT_CARRIED_OUT:",
        "elif False:",
        (f"{LAWS}/inspection/test_resilience.py",),
    ),
    Mutation(
        "a link leads out of the buckets",
        "mockserver/datasets/object_store.py",
        "if not existing.resolve().is_relative_to(self._root.resolve()):",
        "if False:",
        (f"{LAWS}/datasets/test_object_store.py",),
    ),
    Mutation(
        "a repeated piece is stored twice",
        "mockserver/cloud_storage/uploads.py",
        "piece = body[upload.size - first :] if",
        "piece = body if",
        (f"{LAWS}/cloud_storage",),
    ),
    Mutation(
        "the first recorded answer again and again",
        "mockserver/http/recorded_answers.py",
        "exchanges[min(number, len(exchanges) - 1)].response",
        "exchanges[0].response",
        ("contract_tests/use/test_recorded_answers.py",),
    ),
    Mutation(
        "members of another version",
        "mockserver/dispatch/dispatcher.py",
        "return trim_message(route.response, result)",
        "return result",
        (f"{LAWS}/dispatch",),
    ),
    Mutation(
        "the last outcome for other training data",
        "mockserver/generation/pipeline.py",
        "if examples is last_examples and magic is last_magic and seed == last_seed:",
        "if magic is last_magic and seed == last_seed:",
        (f"{LAWS}/generation",),
    ),
    Mutation(
        "a pattern whose sample stands elsewhere too",
        "mockserver/protojson/variations.py",
        "if one == other and indexes else None",
        "if indexes else None",
        (f"{LAWS}/protojson",),
    ),
    Mutation(
        "a request with a secret is kept",
        "mockserver/http/face.py",
        "may_keep=not secret",
        "may_keep=True",
        (f"{LAWS}/http",),
    ),
    Mutation(
        "a stream's first error as an event",
        "mockserver/dispatch/dispatcher.py",
        "beginning = list(_take_first_message(result))",
        "beginning: list[Any] = []",
        (f"{LAWS}/dispatch",),
    ),
    Mutation(
        "no hint for a refused call",
        "mockserver/dispatch/dispatcher.py",
        "answer.hint = head.service.refusal_hint(request.world, head.route, answer.message, answer.result)",
        "pass",
        (f"{LAWS}/dispatch",),
    ),
    Mutation(
        "the Developer API's lost paths answered with a page",
        "mockserver/gemini/service.py",
        "    empty_404=True,\n",
        "",
        (f"{API}/test_front_end.py",),
    ),
    Mutation(
        "Vertex AI's servers under one name",
        "mockserver/vertex/service.py",
        'return "ESF" if _ASKS_MODELS',
        'return "scaffolding on HTTPServer2" if _ASKS_MODELS',
        (f"{API}", f"{LAWS}/http"),
    ),
    Mutation(
        "prompts cannot ask for faults",
        "mockserver/vertex/service.py",
        "    prompt_text=last_text,\n",
        "",
        (f"{API}/test_vertex_generation.py",),
    ),
    Mutation(
        "no regions",
        "mockserver/vertex/service.py",
        "    regional=True,\n",
        "",
        ("contract_tests/use/test_record.py", "contract_tests/use/test_intercepting.py"),
    ),
    Mutation(
        "steps rounded down",
        "mockserver/simulation/tuning.py",
        "steps = -(-self.examples * self.epochs // self.batch)",
        "steps = self.examples * self.epochs // self.batch",
        (f"{API}/test_api_machine.py",),
    ),
    Mutation(
        "a range includes its end",
        "mockserver/catalog/ranges.py",
        "or value < self.below))",
        "or value <= self.below))",
        (f"{API}/test_numbers.py",),
    ),
    Mutation(
        "a Google host serves every path",
        "mockserver/dispatch/route_table.py",
        'and service in {"", route.service}',
        "and True",
        (f"{API}/test_front_end.py",),
    ),
    Mutation(
        "a refreshed operation at every look",
        "mockserver/simulation/tuning.py",
        "    if period <= 0:",
        "    if True:",
        (f"{API}/test_operations.py",),
    ),
    Mutation(
        "a step done as soon as it is due",
        "mockserver/simulation/tuning.py",
        "low, high = max(min(due - 1, high), 0), max(min(due + 1, high), 0)",
        "low, high = max(min(due, high), 0), max(min(due + 1, high), 0)",
        (f"{LAWS}/simulation/test_tuning.py",),
    ),
    Mutation(
        "time that goes back",
        "mockserver/state/clock.py",
        "min(now + distance(now), LAST)",
        "min(now - distance(now), LAST)",
        (f"{API}/test_api_machine.py",),
    ),
    Mutation(
        "a clock that runs on after the end of time",
        "mockserver/state/clock.py",
        "return time if time < END else LAST",
        "return time",
        (f"{LAWS}/state/test_clock.py",),
    ),
    Mutation(
        "a snapshot that stops the clock for good",
        "mockserver/state/world.py",
        "if own is not None and not self._is_of_this_kind(own):",
        "if False:",
        (f"{LAWS}/state/test_clock.py",),
    ),
    Mutation(
        "an expiration that cannot be shown",
        "mockserver/generation/cached_content.py",
        "if end is not None and end >= (LAST_SECOND + 1) * SECOND:",
        "if False:",
        (f"{API}/test_cached_contents.py",),
    ),
    Mutation(
        "no newline at the end",
        "mockserver/protojson/layout.py",
        "orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE",
        "orjson.OPT_INDENT_2",
        (f"{API}/test_tuned_models.py",),
    ),
    Mutation(
        "events divided by bare newlines",
        "mockserver/protojson/writing.py",
        r'b"data: %b\r\n\r\n"',
        r'b"data: %b\n\n"',
        (f"{LAWS}/protojson/test_writing.py",),
    ),
    Mutation(
        "camelCase only",
        "mockserver/protojson/schema.py",
        "for spelling in (field.name, field.json_name)}",
        "for spelling in (field.json_name,)}",
        (f"{API}/test_identities.py",),
    ),
    Mutation(
        "done: false printed",
        "mockserver/protojson/writing.py",
        "        tree = {}\n",
        '        tree = {"done": False} if message.endswith("longrunning.Operation") and "done" not in value else {}\n',
        (f"{API}/test_tuned_models.py",),
    ),
    Mutation(
        "epoch 0 printed",
        "mockserver/protojson/writing.py",
        "    if field.has_presence:\n",
        '    if field.has_presence or field.name == "epoch":\n',
        (f"{API}/test_tuned_models.py",),
    ),
    Mutation(
        "int64 as a number",
        "mockserver/protojson/writing.py",
        "_int64 = _integer(-(2**63), 2**63 - 1, as_string=True)",
        "_int64 = _integer(-(2**63), 2**63 - 1)",
        (f"{API}/test_tuning_jobs.py",),
    ),
    Mutation(
        "enums as numbers",
        "mockserver/http/parameters.py",
        '"enum-encoding=int" in options',
        '"enum-encoding=int" not in options',
        (f"{API}/test_tuned_models.py",),
    ),
    Mutation(
        "the percentage rounded",
        "mockserver/gemini/tuned_model_views.py",
        "100 * progress.completed_steps / progress.total_steps",
        "round(100 * progress.completed_steps / progress.total_steps)",
        (f"{API}/test_operations.py",),
    ),
    Mutation(
        "another list's page token taken",
        "mockserver/rpc/paging.py",
        " or not token.name.startswith(_collection(scope))",
        "",
        (f"{LAWS}/rpc/test_paging.py", f"{API}/test_tuned_models.py"),
    ),
    Mutation(
        "page after page begins with the last member",
        "mockserver/state/lists.py",
        "bisect_right(self.keys, after",
        "-1 + bisect_right(self.keys, after",
        (f"{API}/test_identities.py",),
    ),
    Mutation(
        "a page of a list at hand begins with the last member",
        "mockserver/rpc/paging.py",
        "return bisect_right(items, (token.rank, token.name)",
        "return -1 + bisect_right(items, (token.rank, token.name)",
        (f"{LAWS}/rpc/test_paging.py",),
    ),
    Mutation(
        "a change kept though a record has changed",
        "mockserver/state/memory.py",
        "if (row[_VERSION] if row else 0) != version:",
        "if False:",
        (f"{API}/test_concurrency.py",),
    ),
    Mutation(
        "a change kept though a list has changed",
        "mockserver/state/memory.py",
        "if (table.list_revision(index, partition) if table else 0) != revision:",
        "if False:",
        (f"{API}/test_concurrency.py",),
    ),
    Mutation(
        "a deployment outside of a transaction",
        "mockserver/vertex/endpoints.py",
        "@transactional\ndef deploy_model",
        "def deploy_model",
        (f"{API}/test_concurrency.py",),
    ),
    Mutation(
        "an order that moves while pages are turned",
        "mockserver/vertex/tuning_jobs.py",
        "at_first_page = Repository(call.world, page.moment or call.now)",
        "at_first_page = repository",
        (f"{API}/test_tuning_jobs.py",),
    ),
    Mutation(
        "another process's commit is overlooked",
        "mockserver/state/database.py",
        "if header and header == self._last_header:",
        "if header:",
        (f"{LAWS}/state/test_wal_index.py",),
    ),
    Mutation(
        "another process's change is overwritten",
        "mockserver/state/sql.py",
        "                if not self._is_current(transaction):",
        "                if self._is_current(transaction) is None:",
        (f"{LAWS}/state/test_database.py",),
    ),
    Mutation(
        "a cleared world goes on with old numbers",
        "mockserver/state/sql_counters.py",
        "if block.next < block.end and block.epoch == epoch:",
        "if block.next < block.end:",
        (f"{LAWS}/state/test_sql_counters.py",),
    ),
    Mutation(
        "numbers that are left are not given back",
        "mockserver/state/sql_counters.py",
        "UPDATE counters SET value = :new_end, holder = NULL",
        "UPDATE counters SET holder = NULL",
        (f"{LAWS}/state/test_sql_counters.py",),
    ),
    Mutation(
        "a busy process keeps numbers that another one waits for",
        "mockserver/state/sql_counters.py",
        "{_OF_BLOCK} AND asked = 0 RETURNING asked",
        "{_OF_BLOCK} RETURNING asked",
        (f"{LAWS}/state/test_sql_counters.py",),
    ),
    Mutation(
        "the end of a stream replaces another call",
        "mockserver/state/call_batches.py",
        "if calls.get(number) != old:",
        "if number not in calls:",
        (f"{LAWS}/state/test_call_batches.py",),
    ),
    Mutation(
        "calls that are written together are not in the order of their answers",
        "mockserver/state/call_batches.py",
        "key=lambda each: (each[1].time, each[0])",
        "key=lambda each: each[0]",
        (f"{LAWS}/state/test_sql_calls.py",),
    ),
    Mutation(
        "a stream without its messages in the log",
        "mockserver/dispatch/dispatcher.py",
        "replace(call, response=messages, fault=fault)",
        "call",
        (f"{API}/test_concurrency.py",),
    ),
    Mutation(
        "404 for 403",
        "mockserver/gemini/store.py",
        "raise errors.access_denied(name)",
        "raise errors.tuned_model_not_found(name)",
        (f"{API}/test_api_machine.py",),
    ),
    Mutation(
        "everybody's models listed",
        "mockserver/gemini/filters.py",
        'if call.settings.auth == "off" and not operators:',
        "if not operators:",
        (f"{API}/test_api_machine.py",),
    ),
    Mutation(
        "an API key may share",
        "mockserver/gemini/routes.py",
        'credentials="bearer" if ".PermissionService." in rpc.full_name else "any"',
        'credentials="any"',
        (f"{API}/test_permissions.py",),
    ),
    Mutation(
        "safety ratings in the order of another era",
        "mockserver/gemini/eras.py",
        "        categories=_OLD_ORDER,\n        index=True,",
        "        categories=_NEW_ORDER,\n        index=True,",
        (f"{API}/test_generation.py",),
    ),
    Mutation(
        "a rating at the threshold passes",
        "mockserver/generation/safety.py",
        "_LEVEL_RANK[level] >= blocks_from",
        "_LEVEL_RANK[level] > blocks_from",
        (f"{LAWS}/gemini/test_generation.py",),
    ),
    Mutation(
        "functions count in every service's prompts",
        "mockserver/generation/prompt.py",
        "        elif count_functions:",
        "        else:",
        (f"{LAWS}/generation/test_prompt.py",),
    ),
    Mutation(
        "default answers before the tester's rules",
        "mockserver/generation/pipeline.py",
        "    if answer is None:",
        '    if answer is None or "[mock:" in request.prompt.text:',
        (f"{LAWS}/generation/test_answer.py",),
    ),
    Mutation(
        "a predicate asked though other conditions failed",
        "mockserver/scripting/answers.py",
        "if self.predicate is not None and not mismatches and not self.predicate(prompt):",
        "if self.predicate is not None and not self.predicate(prompt):",
        (f"{API}/test_rules_and_faults.py",),
    ),
    Mutation(
        "a stream cut one message later",
        "mockserver/dispatch/fault_injection.py",
        "while sent != fault.cut_after_chunks:",
        "while fault.cut_after_chunks is None or sent <= fault.cut_after_chunks:",
        (f"{API}/test_rules_and_faults.py",),
    ),
    Mutation(
        "an empty body for an empty message",
        "mockserver/http/reply.py",
        "return self._print_whole(200, body, content_type=",
        'return self._print_whole(200, body if result else b"", content_type=',
        (f"{API}/test_tuned_models.py",),
    ),
    Mutation(
        "credentials after the body",
        "mockserver/dispatch/dispatcher.py",
        "    answer.caller = authenticate(",
        "    request.bind()\n    answer.caller = authenticate(",
        (f"{API}/test_front_end.py",),
    ),
    Mutation(
        "cancelled jobs cancelled again",
        "mockserver/vertex/tuning_jobs.py",
        "if state not in {State.PENDING, State.RUNNING}:",
        "if state is State.SUCCEEDED:",
        (f"{API}/test_api_machine.py",),
    ),
    Mutation(
        "project ids in names",
        "mockserver/vertex/locations.py",
        "return project_number(self.project)",
        "return self.project",
        (f"{API}/test_tuning_jobs.py",),
    ),
    Mutation(
        "the additional bindings of a rule left out",
        "mockserver/dispatch/http_rules.py",
        "for rule in rpc.http:",
        "for rule in rpc.http[:1]:",
        (f"{API}/test_official_contract.py",),
    ),
    Mutation(
        "a base model that overrides nothing it inherits",
        "mockserver/catalog/base_models.py",
        "(inherited | row).items()",
        "(row | inherited).items()",
        (f"{LAWS}/catalog",),
    ),
    Mutation(
        "a path of our own invention",
        "mockserver/gemini/routes.py",
        '"GET /{version}/{name=tunedModels/*}/operations"',
        '"GET /{version}/{name=tunedModels/*}/history"',
        (f"{LAWS}/gemini/test_routes.py",),
    ),
    Mutation(
        "the oldest interceptor answers",
        "mockserver/doors/patching.py",
        "return users[-1][1] if users else None",
        "return users[0][1] if users else None",
        (f"{LAWS}/doors/test_patching.py",),
    ),
    Mutation(
        "a variable that the test has set is put back",
        "mockserver/doors/environment.py",
        "if os.environ.get(name) == value:",
        "if True:",
        (f"{LAWS}/doors/test_environment.py",),
    ),
    Mutation(
        "a library that was probed first is not patched",
        "mockserver/doors/import_hook.py",
        "        if fullname not in self._names:\n            return None\n",
        "        if fullname not in self._names:\n            return None\n        self._names -= {fullname}\n",
        (f"{LAWS}/doors/test_import_hook.py",),
    ),
    Mutation(
        "a reset connection ends like any other",
        "mockserver/doors/intercept/http_client.py",
        "if aborted.reset:",
        "if False:",
        ("contract_tests/use/test_intercepted_as_on_a_socket.py",),
    ),
    Mutation(
        "a variable wins over the option",
        "mockserver/state/new_world.py",
        "(text := options.get(name)) is not None",
        "not environment.get(it.variable) and (text := options.get(name)) is not None",
        (f"{LAWS}/test_settings.py",),
    ),
    Mutation(
        "an option that turns off turns on",
        "mockserver/settings/declaration.py",
        "return value is not self.default if self.is_flag else value",
        "return value",
        (f"{LAWS}/test_settings.py",),
    ),
    Mutation(
        "a secret setting shown",
        "mockserver/control/worlds.py",
        "for name, it in declarations(Settings).items() if not it.is_secret)",
        "for name, it in declarations(Settings).items())",
        (f"{API}/test_control.py",),
    ),
    Mutation(
        "the spaces before magic words are searched again and again",
        "mockserver/scripting/magic_words.py",
        r'r"\[mock:", re.IGNORECASE',
        r'r"\s*\[mock:", re.IGNORECASE',
        ATTACKS,
    ),
    Mutation(
        "a long body is read on the event loop",
        "mockserver/http/face.py",
        "if not may_block and len(http.body) > QUICK_BYTES:",
        "if False:",
        ATTACKS,
    ),
    Mutation(
        "a body that ends early is a whole one",
        "mockserver/datasets/storage.py",
        "if not size and missing:",
        "if False:",
        ("contract_tests/use/test_slow_storage.py",),
    ),
    Mutation(
        "a page of any site is answered",
        "mockserver/http/host_guard.py",
        "if origin is not None:",
        "if False:",
        ("contract_tests/use/test_foreign_pages.py",),
    ),
    Mutation(
        "headers have no limit",
        "mockserver/doors/live.py",
        "if size > self.header_bytes or self._count > self.header_count:",
        "if self._count > self.header_count:",
        ("contract_tests/use/test_slow_clients.py",),
    ),
    Mutation(
        "a time before 1970 over gRPC",
        "mockserver/grpc/codec.py",
        "target.seconds, target.nanos = divmod(value, SECOND)",
        "target.seconds, target.nanos = int(value / SECOND), abs(value) % SECOND",
        ("contract_tests/laws/grpc/test_codec.py",),
    ),
    Mutation(
        "a route that was found for a world of another day",
        "mockserver/http/face.py",
        "if found is None or found[0] is not self._table or found[1] is not settings:",
        "if found is None:",
        (f"{LAWS}/http",),
    ),
    Mutation(
        "a secret that is kept",
        "mockserver/http/request.py",
        "if size <= KEPT_BYTES and not head.secret:",
        "if size <= KEPT_BYTES:",
        (f"{LAWS}/http",),
    ),
    Mutation(
        "any name is a job without a project",
        "mockserver/dispatch/route_table.py",
        "if matches and names <= matched and route.is_live(as_of):",
        "if matches and route.is_live(as_of):",
        ("contract_tests/laws/grpc/test_server.py",),
    ),
    Mutation(
        "a route that is kept for other names too",
        "mockserver/grpc/face.py",
        "key = (grpc.method, grpc.pairs, grpc.authority, names)",
        "key = (grpc.method, grpc.pairs, grpc.authority)",
        ("contract_tests/laws/grpc/test_kept_requests.py",),
    ),
    Mutation(
        "a deadline that only real time passes",
        "mockserver/grpc/server.py",
        "if self._end is not None and self._clock.now() > self._end:",
        "if self._end is None:",
        ("contract_tests/laws/grpc/test_server.py",),
    ),
    Mutation(
        "errors over gRPC without details",
        "mockserver/grpc/reply.py",
        "    if not error.details:",
        "    if error.details:",
        ("contract_tests/laws/grpc/test_server.py",),
    ),
    Mutation(
        "call credentials that stay behind",
        "mockserver/doors/intercept/grpc.py",
        "local = originals[0](local, *calls)",
        "originals[0](local, *calls)",
        ("contract_tests/use/test_intercepting_grpc.py",),
    ),
)


def copy_repository(folder: Path) -> None:
    """Copy the repository without its environments."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        elif source.exists():
            shutil.copy(source, folder / name)


def run_tests(folder: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run the tests with the package of that folder."""
    command = [sys.executable, "-m", "pytest", *OPTIONS, *tests]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("CI", None)  # the copy has no client environments; CI would fail without them
    return subprocess.run(  # noqa: S603 - our own suite
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def find_verdict(mutation: Mutation | None, tests: tuple[str, ...]) -> str:
    """Make a mistake and run the tests; return the test that failed, or what is wrong."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as name:
        folder = Path(name)
        copy_repository(folder)
        try:
            if mutation:
                mutation.make(folder)
        except LookupError as error:
            return f"LOST      {error}"
        done = run_tests(folder, tests)
    failures = [
        line.removeprefix("FAILED ").partition(" - ")[0] for line in done.stdout.splitlines() if "FAILED " in line
    ]
    if done.returncode == FAILED and failures:
        return f"caught    {failures[0].rpartition('/')[2]}"
    if done.returncode == 0:
        return "SURVIVED"
    return f"BROKEN    pytest ended with {done.returncode}: {done.stdout[-300:]} {done.stderr[-300:]}"


def main(word: str = "") -> int:
    """Print a line for each mistake; return 0 if tests noticed all of them."""
    mutations = [mutation for mutation in MUTATIONS if word in f"{mutation.name} {mutation.file}"]
    tests = tuple(sorted({test for mutation in mutations for test in mutation.tests}))
    baseline = find_verdict(None, tests)
    if baseline != "SURVIVED":
        print(f"Without any mistake the tests fail: {baseline}")
        return 1
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        verdicts = list(threads.map(lambda mutation: find_verdict(mutation, mutation.tests), mutations))
    for mutation, verdict in zip(mutations, verdicts, strict=True):
        print(f"{mutation.name:45} {verdict}")
    unnoticed = [verdict for verdict in verdicts if not verdict.startswith("caught")]
    print(f"{len(mutations) - len(unnoticed)} of {len(mutations)} mistakes were noticed.")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
