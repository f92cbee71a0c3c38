"""A world that has one of everything, and a good request for every route."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

import httpx

from contract_tests.api.aiplatform import Vertex, turn
from contract_tests.api.generativelanguage import Gemini
from contract_tests.targets import Client, in_process
from mockserver.dispatch.routing import Route
from mockserver.inspection.services import route_table
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World

Json = dict[str, Any]
T = TypeVar("T")

START = datetime(2024, 3, 14, 15, 0, 0, tzinfo=UTC)
USER = {"authorization": "Bearer alice@example.com", "x-goog-api-key": ""}

PLACE = "projects/*/locations/*"
STORE = f"{PLACE}/metadataStores/*"
BOARD = f"{PLACE}/tensorboards/*"

EMBEDDINGS = {"models/*": "models/text-embedding-004"}
PUBLISHED = "publishers/google/models/gemini-embedding-001"

# Names for methods that want one of a kind of their own. "<...>" stands for a name of the world, here and below.
OF_METHOD = {
    "tunedModels.generateText": {"tunedModels/*": "tunedModels/words"},
    "models.generateText": {"models/*": "models/text-bison-001"},
    "projects.locations.tuningJobs.cancel": {f"{PLACE}/tuningJobs/*": "<running>"},
    "tuningJobs.cancel": {"tuningJobs/*": "<running in express>"},
    "projects.locations.publishers.models.embedContent": {f"{PLACE}/publishers/*/models/*": "<embedding model>"},
    "models.embedContent": EMBEDDINGS,
    "models.batchEmbedContents": EMBEDDINGS,
    "models.asyncBatchEmbedContent": EMBEDDINGS,
    "publishers.models.embedContent": {"publishers/*/models/*": PUBLISHED},
}

X = {"parts": [{"text": "x"}]}
INPUT = {"requests": {"requests": [{"request": {"contents": [X]}}]}}
TO_CACHE: Json = {"ttl": "864000s", "contents": [{"role": "user", "parts": [{"text": "word " * 1100}]}]}
PUBLISHER = "projects/test/locations/us-central1/publishers/google"
JOB = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": {"trainingDatasetUri": "gs://bucket/train.jsonl"}}

# By the end of the method's id; of two that fit, the first is taken.
BODIES: dict[str, Json] = {
    "tunedModels.create": {
        "displayName": "numbers",
        "baseModel": "models/gemini-1.0-pro-001",
        "tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "1", "output": "2"}]}}},
    },
    "tunedModels.patch": {"description": "new"},
    "permissions.create": {"granteeType": "USER", "emailAddress": "bob@example.com", "role": "READER"},
    "permissions.patch": {"role": "WRITER"},
    "transferOwnership": {"emailAddress": "bob@example.com"},
    "generateText": {"prompt": {"text": "x"}},
    "batchGenerateContent": {"batch": {"displayName": "b", "inputConfig": INPUT}},
    "asyncBatchEmbedContent": {
        "batch": {"displayName": "b", "inputConfig": {"requests": {"requests": [{"request": {"content": X}}]}}}
    },
    " cachedContents.create": TO_CACHE | {"model": "models/gemini-2.5-flash"},
    "locations.cachedContents.create": TO_CACHE | {"model": f"{PUBLISHER}/models/gemini-2.5-flash"},
    "cachedContents.patch": {"ttl": "600s"},
    "embedContent": {"content": X},
    "batchEmbedContents": {"requests": [{"model": EMBEDDINGS["models/*"], "content": X}]},
    "ontent": turn("x"),
    "Tokens": turn("x"),
    "tuningJobs.create": JOB,
    "rebaseTunedModel": {"tunedModelRef": {"tuningJob": f"<{PLACE}/tuningJobs/*>"}},
    "optimizePrompt": {"content": X},
    "processData": {
        "gcsSource": {"uris": ["gs://bucket/clips.jsonl"]},
        "gcsDestination": {"outputUriPrefix": "gs://bucket/out"},
        "veoSpec": {},
    },
    "validateReinforcementTuningReward": {
        "example": {"contents": [X | {"role": "user"}], "references": {"answer": "y"}},
        "sampleResponse": X | {"role": "model"},
        "singleRewardConfig": {
            "rewardName": "r",
            "stringMatchRewardScorer": {
                "correctAnswerReward": 1,
                "stringMatchExpression": {"matchOperation": "EXACT_MATCH", "expression": "y"},
            },
        },
    },
    "models.patch": {"displayName": "new"},
    "mergeVersionAliases": {"versionAliases": ["best"]},
    "endpoints.create": {"displayName": "e"},
    "endpoints.patch": {"displayName": "new"},
    "endpoints.update": {"endpoint": {"displayName": "new"}},
    "undeployModel": {"deployedModelId": "<deployedModelId>"},
    "deployModel": {"deployedModel": {"model": f"<{PLACE}/models/*>"}},
    "awPredict": {"httpBody": {"contentType": "text/plain", "data": "eA=="}},
    "serverStreamingPredict": {"inputs": [{"stringVal": ["x"]}]},
    "redict": {"instances": [{"x": 1}]},
}
MASKS = {
    "permissions.patch": "role",
    "cachedContents.patch": "ttl",
    "endpoints.patch": "displayName",
    "locations.models.patch": "displayName",
}

# What a method is there to refuse, or what a world of tuning has none of. Behind a blank: the whole id.
REFUSALS = {
    " operations.delete": 501,
    " projects.locations.operations.get": 404,
    " projects.locations.operations.delete": 404,
    " projects.locations.operations.cancel": 404,
    " projects.locations.operations.wait": 404,
    "tunedModels.asyncBatchEmbedContent": 404,
    "locations.models.generateContent": 400,
    "locations.models.streamGenerateContent": 400,
    "redict": 400,
    "deleteVersion": 400,
    "executions.get": 404,
}

_VARIABLE = re.compile(r"\{[^=}]*=([^}]*)\}")
_NAME = re.compile(r"<([^<>]*)>")


@dataclass(frozen=True, slots=True)
class Example:
    """A request that nothing is wrong with, and the status of its answer."""

    route: Route
    verb: str
    path: str
    params: Mapping[str, str]
    body: Json | None
    headers: Mapping[str, str]
    status: int

    def send(self, client: Client) -> httpx.Response:
        """The answer to it."""
        return client.request(self.verb, self.path, params=self.params, json=self.body, headers=self.headers)


@cache
def furnished() -> tuple[World, Mapping[str, str]]:
    """The world, to be forked, and the names of what it has by the rules that paths have for them."""
    world = World(ManualClock(START), Settings(seed=1))
    with in_process(world) as client:
        names = _of_gemini(Gemini(client)) | _of_express(client) | _of_vertex(Vertex(client))
        express = client.post("/v1/tuningJobs", json=JOB).json()["name"]
        names |= {
            "running": Vertex(client).tune()["name"],
            "running in express": f"tuningJobs/{express.rpartition('/')[2]}",
        }
    return world, names


def fork() -> World:
    """A world of its own with everything in it."""
    world, _ = furnished()
    return world.fork("fork")


def examples() -> Iterator[Example]:
    """One for every route the real service has."""
    _, names = furnished()
    return (_example(route, names) for route in route_table().routes if not route.lenient)


def _example(route: Route, names: Mapping[str, str]) -> Example:
    named = {**names, **OF_METHOD.get(route.id, {})}
    body = _ending(BODIES, f" {route.id}") or ({} if route.body else None)
    mask = _ending(MASKS, route.id)
    in_express = route.service.startswith("aiplatform") and "projects/" not in route.path
    return Example(
        route,
        route.verb,
        _NAME.sub(lambda found: names[found[1]], _VARIABLE.sub(lambda found: named[found[1]], route.path)),
        {"updateMask": mask} if mask else {},
        json.loads(_NAME.sub(lambda found: names[found[1]], json.dumps(body))),
        {} if in_express else USER,
        _ending(REFUSALS, f" {route.id}") or 200,
    )


def _ending(table: Mapping[str, T], method: str) -> T | None:
    return next((value for end, value in table.items() if method.endswith(end)), None)


def _of_gemini(gemini: Gemini) -> dict[str, str]:
    gemini.tune("models/text-bison-001", id="words")
    operation = gemini.tune(id="numbers")["name"]
    gemini.clock.advance(3600)
    permission = gemini.post("tunedModels/numbers/permissions", {"granteeType": "EVERYONE", "role": "READER"})
    batch = gemini.post("models/gemini-2.0-flash:batchGenerateContent", BODIES["batchGenerateContent"])
    return {
        "tunedModels/*": "tunedModels/numbers",
        "tunedModels/*/operations/*": operation,
        "tunedModels/*/permissions/*": permission["name"],
        "models/*": "models/gemini-2.0-flash",
        "batches": "batches",
        "batches/*": batch["name"],
        "cachedContents/*": gemini.post("cachedContents", BODIES[" cachedContents.create"])["name"],
        "operations": "operations",
        "operations/**": f"operations/{operation}",
    }


def _of_vertex(vertex: Vertex) -> dict[str, str]:
    doomed = vertex.tuned()["tunedModel"]["model"].partition("@")[0]
    job = vertex.tuned()
    model, endpoint = job["tunedModel"]["model"].partition("@")[0], job["tunedModel"]["endpoint"]
    rebased = vertex.post("tuningJobs:rebaseTunedModel", {"tunedModelRef": {"tuningJob": job["name"]}})
    updated = vertex.post(f"{endpoint}:update", {"endpoint": {"displayName": "e"}})
    names = {
        PLACE: vertex.parent,
        f"{PLACE}/operations/*": f"{vertex.parent}/operations/{updated['name'].rpartition('/')[2]}",
        f"{PLACE}/tuningJobs/*": job["name"],
        f"{PLACE}/cachedContents/*": vertex.post("cachedContents", BODIES["locations.cachedContents.create"])["name"],
        f"{PLACE}/tuningJobs/*/operations/*": rebased["name"],
        f"{PLACE}/models/*": model,
        f"{PLACE}/models/*/operations/*": vertex.delete(doomed)["name"],
        f"{PLACE}/endpoints/*": endpoint,
        f"{PLACE}/endpoints/*/operations/*": updated["name"],
        "deployedModelId": vertex.get(endpoint)["deployedModels"][0]["id"],
        f"{PLACE}/publishers/*/models/*": f"{vertex.parent}/publishers/google/models/gemini-2.5-flash",
        "embedding model": f"{vertex.parent}/publishers/google/models/gemini-embedding-001",
        "publishers/*": "publishers/google",
        "publishers/*/models/*": "publishers/google/models/gemini-2.5-flash",
        STORE: f"{vertex.parent}/metadataStores/default",
        f"{STORE}/contexts/*": job["experiment"],
        f"{STORE}/executions/*": f"{vertex.parent}/metadataStores/default/executions/1",
        f"{STORE}/artifacts/*": vertex.get("metadataStores/default/artifacts")["artifacts"][0]["name"],
    }
    return names | _boards(vertex)


def _boards(vertex: Vertex) -> dict[str, str]:
    found = {BOARD: vertex.get("tensorboards")["tensorboards"][0]["name"]}
    for parent, child, kind in (
        (BOARD, "experiments", "tensorboardExperiments"),
        (f"{BOARD}/experiments/*", "runs", "tensorboardRuns"),
        (f"{BOARD}/experiments/*/runs/*", "timeSeries", "tensorboardTimeSeries"),
    ):
        found[f"{parent}/{child}/*"] = vertex.get(f"{found[parent]}/{child}")[kind][0]["name"]
    return found


def _of_express(client: Client) -> dict[str, str]:
    """A job in the project that belongs to the client's key, and its endpoint."""
    job = client.post("/v1/tuningJobs", json=JOB).json()["name"]
    client.clock.advance(4 * 3600)
    endpoint = client.get(f"/v1/{job}").json()["tunedModel"]["endpoint"]
    parent = job.partition("/tuningJobs/")[0]
    rebasing = client.post(f"/v1/{parent}/tuningJobs:rebaseTunedModel", json={"tunedModelRef": {"tuningJob": job}})
    updating = client.post(f"/v1/{endpoint}:update", json={"endpoint": {"displayName": "e"}})
    named = {"tuningJobs/*": job, "tuningJobs/*/operations/*": rebasing.json()["name"]}
    named |= {"endpoints/*": endpoint, "endpoints/*/operations/*": updating.json()["name"]}
    return {rule: name.removeprefix(f"{parent}/") for rule, name in named.items()}
