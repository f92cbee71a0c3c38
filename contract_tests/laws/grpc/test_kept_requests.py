"""What the gRPC face keeps of the requests that clients send again: laws of `grpc.face`."""

import gc
from dataclasses import replace
from datetime import date

import pytest

from mockserver.grpc.codec import encode
from mockserver.grpc.face import KEPT_BYTES, KEPT_REQUESTS, DecodedRequest, GrpcFace, GrpcHead, GrpcRequest
from mockserver.inspection.services import route_table
from mockserver.protojson.memoized import MemoizedMessage
from mockserver.rpc.errors import ApiError
from mockserver.state.clock import ManualClock
from mockserver.state.world import Settings, World, Worlds

BETA = "google.ai.generativelanguage.v1beta"
GET_MODEL = f"/{BETA}.ModelService/GetModel"
GENERATE = f"/{BETA}.GenerativeService/GenerateContent"


class Client:
    """A face of a world of its own."""

    def __init__(self) -> None:
        self.world = World(ManualClock(), Settings(seed=1))
        self._face = GrpcFace(Worlds(self.world), route_table())

    def get_model(self, name: str = "models/gemini-2.0-flash", key: str = "key") -> str:
        """The name of the code of an answer."""
        return self.send(GET_MODEL, encode(f"{BETA}.GetModelRequest", {"name": name}), key)

    def generate(self, text: str, model: str = "models/gemini-2.0-flash", key: str = "key") -> str:
        """The name of the code of an answer to a prompt."""
        prompt = {"model": model, "contents": [{"parts": [{"text": text}]}]}
        return self.send(GENERATE, encode(f"{BETA}.GenerateContentRequest", prompt), key)

    def send(self, method: str, body: bytes, key: str = "key") -> str:
        """The name of the code of an answer."""
        try:
            list(self._face.answer(GrpcRequest(method, (("x-goog-api-key", key),), body)).pieces)
        except ApiError as error:
            return error.code.name
        return "OK"


def kept(client: Client) -> list[DecodedRequest]:
    """The requests that it keeps."""
    return [each for each in gc.get_referents(vars(client._face)["_requests"]) if isinstance(each, DecodedRequest)]  # noqa: SLF001 - nobody sees them else


def kept_heads(client: Client) -> list[GrpcHead]:
    """The heads that it keeps."""
    return [each for each in gc.get_referents(vars(client._face)["_heads"]) if isinstance(each, GrpcHead)]  # noqa: SLF001 - nobody sees them else


def test_a_read_is_kept_and_nobody_changes_it() -> None:
    """The log of calls shares its bytes."""
    client = Client()

    assert ["OK"] * 3 == [client.get_model() for _ in range(3)]
    assert [MemoizedMessage({"name": "models/gemini-2.0-flash"})] == [each.message for each in kept(client)]
    assert [{"name": "models/gemini-2.0-flash"}] * 3 == [call.request for call in client.world.calls]


@pytest.mark.parametrize(("name", "key"), [("models/x", "AIza" + "a" * 35), ("models/AIza" + "a" * 35, "key")])
def test_a_secret_is_not_kept(name: str, key: str) -> None:
    """Whether metadata or message has it; the log does not have it either."""
    client = Client()
    client.get_model(name, key)
    client.generate("x", name, key)

    assert not kept(client)
    assert not kept_heads(client)
    assert all("AIza" + "a" * 35 not in str(call.request) + call.path for call in client.world.calls)


def test_few_requests_are_kept() -> None:
    """However many come, and none that are long."""
    client = Client()
    client.get_model("models/" + "x" * KEPT_BYTES)
    assert not kept(client)
    assert not kept_heads(client)
    for number in range(2 * KEPT_REQUESTS):
        client.get_model(f"models/{number}")

    assert 0 < len(kept(client)) <= KEPT_REQUESTS
    assert 0 < len(kept_heads(client)) <= KEPT_REQUESTS


def test_a_request_that_is_kept_is_routed_as_the_world_says() -> None:
    """Settings change between two that are the same."""
    client, codes = Client(), []
    for settings in (
        {"auth": "any"},
        {"auth": "strict", "accepted_credentials": ("another",)},
        {"auth": "any", "as_of": date(2023, 1, 1)},
        {"auth": "any"},
    ):
        client.world.settings = replace(Settings(seed=1), **settings)
        codes.append(client.get_model())

    assert ["OK", "INVALID_ARGUMENT", "NOT_FOUND", "OK"] == codes


def test_the_head_of_new_prompts_is_kept() -> None:
    """Once for each model that they name; each is routed as the world says."""
    client, models = Client(), ("models/gemini-2.0-flash", "tunedModels/x", "models/gemini-2.0-flash", "nonsense")
    prompts = [(f"{number}", model) for number, model in enumerate(models * 2)]

    assert ["OK", "PERMISSION_DENIED", "OK", "INVALID_ARGUMENT"] * 2 == [client.generate(*each) for each in prompts]
    assert 3 == len(kept_heads(client))
    client.world.settings = Settings(seed=1, auth="strict", accepted_credentials=frozenset({"another"}))
    assert {"INVALID_ARGUMENT"} == {client.generate("new", model) for model in models}


def test_bytes_that_are_no_message_are_refused_each_time() -> None:
    """Also if a message without a name has come before."""
    client, tuned_models = Client(), f"/{BETA}.ModelService/ListTunedModels"

    assert ["OK", "INVALID_ARGUMENT"] * 2 == [client.send(tuned_models, body) for body in (b"", b"\xff") * 2]


def test_an_error_does_not_grow() -> None:
    """A request that names no path is refused anew each time: an error that is raised again keeps all frames."""
    client = Client()

    assert {"INVALID_ARGUMENT"} == {client.get_model("nothing") for _ in range(3)}
    assert all(each.head.route is None for each in kept(client))
