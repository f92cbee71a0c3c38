"""The methods of generativelanguage.googleapis.com that are served, in the words of its HTTP rules.

A template's `{version}` stands for the versions the method is in. What it takes and answers is the schema's
to say, by the name of its rpc. Days are those between which a discovery document without the method was
published and one with it, or a first sight in the wild.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from mockserver.dispatch.routing import Handler, Route
from mockserver.gemini import (
    batches,
    embeddings,
    generation,
    models,
    operations,
    permissions,
    text_generation,
    tuned_models,
)
from mockserver.gemini.versions import PACKAGE
from mockserver.protojson import schema

SERVICE = "generativelanguage.googleapis.com"

MODELS = "ModelService"
GENERATIVE = "GenerativeService"
PERMISSIONS = "PermissionService"
TEXT = "TextService"

BETA = ("v1beta", "v1alpha")
GENERATING = ("v1beta", "v1", "v1alpha")
STABLE = ("v1beta", "v1")  # v1alpha has no messages for batches
EVER = ("v1beta", "v1alpha", "v1beta3")  # what there was in 2023 too

TUNED_GENERATION = date(2024, 2, 20)
KEYS_ON_TUNED_MODELS = date(2024, 10, 1)
TUNED_STREAMS = date(2024, 10, 1)  # a 404 still on 2024-09-12
BETA_OPERATIONS = date(2024, 10, 1)
BATCHES = date(2025, 7, 29)
EMBEDDING_BATCHES = date(2025, 8, 7)


@dataclass(frozen=True, slots=True)
class Method:
    """A method and the versions it is in. `rpc` is "Service.Method"."""

    id: str
    template: str
    handler: Handler
    rpc: str
    versions: tuple[str, ...] = BETA
    since: date | None = None

    def routes(self) -> Iterator[Route]:
        """One a version."""
        return (self.route(version) for version in self.versions)

    def route(self, version: str, *, speaks: str | None = None) -> Route:
        """The method on that path, in the messages of the version it `speaks`, the same if not given."""
        # Who generated with a key in 2024 was told of the model, not of keys [seen: 2024-04-15, 2024-08-28].
        generates = self.rpc.startswith(GENERATIVE)
        return Route.of(
            schema.rpc(f"{PACKAGE}.{speaks or version}.{self.rpc}"),
            self.template.replace("{version}", version),
            id=self.id,
            handler=self.handler,
            since=self.since,
            credentials="bearer" if self.rpc.startswith(PERMISSIONS) else "any",
            keys_since=KEYS_ON_TUNED_MODELS if "tunedModels" in self.template and not generates else None,
        )


TUNED_MODELS = (
    Method(
        "tunedModels.create",
        "POST /{version}/tunedModels",
        tuned_models.create_tuned_model,
        f"{MODELS}.CreateTunedModel",
        EVER,
    ),
    Method(
        "tunedModels.list",
        "GET /{version}/tunedModels",
        tuned_models.list_tuned_models,
        f"{MODELS}.ListTunedModels",
        EVER,
    ),
    Method(
        "tunedModels.get",
        "GET /{version}/{name=tunedModels/*}",
        tuned_models.get_tuned_model,
        f"{MODELS}.GetTunedModel",
        EVER,
    ),
    Method(
        "tunedModels.patch",
        "PATCH /{version}/{tuned_model.name=tunedModels/*}",
        tuned_models.patch_tuned_model,
        f"{MODELS}.UpdateTunedModel",
        EVER,
    ),
    Method(
        "tunedModels.delete",
        "DELETE /{version}/{name=tunedModels/*}",
        tuned_models.delete_tuned_model,
        f"{MODELS}.DeleteTunedModel",
        EVER,
    ),
)

METHODS = (
    *TUNED_MODELS,
    Method(
        "tunedModels.transferOwnership",
        "POST /{version}/{name=tunedModels/*}:transferOwnership",
        permissions.transfer_ownership,
        f"{PERMISSIONS}.TransferOwnership",
        EVER,
    ),
    Method(
        "tunedModels.permissions.create",
        "POST /{version}/{parent=tunedModels/*}/permissions",
        permissions.create_permission,
        f"{PERMISSIONS}.CreatePermission",
        EVER,
    ),
    Method(
        "tunedModels.permissions.list",
        "GET /{version}/{parent=tunedModels/*}/permissions",
        permissions.list_permissions,
        f"{PERMISSIONS}.ListPermissions",
        EVER,
    ),
    Method(
        "tunedModels.permissions.get",
        "GET /{version}/{name=tunedModels/*/permissions/*}",
        permissions.get_permission,
        f"{PERMISSIONS}.GetPermission",
        EVER,
    ),
    Method(
        "tunedModels.permissions.patch",
        "PATCH /{version}/{permission.name=tunedModels/*/permissions/*}",
        permissions.patch_permission,
        f"{PERMISSIONS}.UpdatePermission",
        EVER,
    ),
    Method(
        "tunedModels.permissions.delete",
        "DELETE /{version}/{name=tunedModels/*/permissions/*}",
        permissions.delete_permission,
        f"{PERMISSIONS}.DeletePermission",
        EVER,
    ),
    Method(
        "tunedModels.generateContent",
        "POST /{version}/{model=tunedModels/*}:generateContent",
        generation.generate_content,
        f"{GENERATIVE}.GenerateContent",
        GENERATING,
        since=TUNED_GENERATION,
    ),
    Method(
        "tunedModels.streamGenerateContent",
        "POST /{version}/{model=tunedModels/*}:streamGenerateContent",
        generation.stream_generate_content,
        f"{GENERATIVE}.StreamGenerateContent",
        GENERATING,
        since=TUNED_STREAMS,
    ),
    Method(
        "tunedModels.batchGenerateContent",
        "POST /{version}/{batch.model=tunedModels/*}:batchGenerateContent",
        batches.batch_generate_content,
        f"{GENERATIVE}.BatchGenerateContent",
        STABLE,
        since=BATCHES,
    ),
    Method(
        "tunedModels.asyncBatchEmbedContent",
        "POST /{version}/{batch.model=tunedModels/*}:asyncBatchEmbedContent",
        batches.async_batch_embed_content,
        f"{GENERATIVE}.AsyncBatchEmbedContent",
        STABLE,
        since=EMBEDDING_BATCHES,
    ),
    Method(
        "tunedModels.generateText",
        "POST /{version}/{model=tunedModels/*}:generateText",
        text_generation.generate_text,
        f"{TEXT}.GenerateText",
        EVER,
    ),
    Method("models.list", "GET /{version}/models", models.list_models, f"{MODELS}.ListModels", (*EVER, "v1")),
    Method("models.get", "GET /{version}/{name=models/*}", models.get_model, f"{MODELS}.GetModel", (*EVER, "v1")),
    Method(
        "models.generateContent",
        "POST /{version}/{model=models/*}:generateContent",
        generation.generate_content,
        f"{GENERATIVE}.GenerateContent",
        GENERATING,
    ),
    Method(
        "models.streamGenerateContent",
        "POST /{version}/{model=models/*}:streamGenerateContent",
        generation.stream_generate_content,
        f"{GENERATIVE}.StreamGenerateContent",
        GENERATING,
    ),
    Method(
        "models.batchGenerateContent",
        "POST /{version}/{batch.model=models/*}:batchGenerateContent",
        batches.batch_generate_content,
        f"{GENERATIVE}.BatchGenerateContent",
        STABLE,
        since=BATCHES,
    ),
    Method(
        "models.countTokens",
        "POST /{version}/{model=models/*}:countTokens",
        generation.count_tokens,
        f"{GENERATIVE}.CountTokens",
        GENERATING,
    ),
    Method(
        "models.embedContent",
        "POST /{version}/{model=models/*}:embedContent",
        embeddings.embed_content,
        f"{GENERATIVE}.EmbedContent",
        GENERATING,
    ),
    Method(
        "models.batchEmbedContents",
        "POST /{version}/{model=models/*}:batchEmbedContents",
        embeddings.batch_embed_contents,
        f"{GENERATIVE}.BatchEmbedContents",
        GENERATING,
    ),
    Method(
        "models.asyncBatchEmbedContent",
        "POST /{version}/{batch.model=models/*}:asyncBatchEmbedContent",
        batches.async_batch_embed_content,
        f"{GENERATIVE}.AsyncBatchEmbedContent",
        STABLE,
        since=EMBEDDING_BATCHES,
    ),
    Method(
        "models.generateText",
        "POST /{version}/{model=models/*}:generateText",
        text_generation.generate_text,
        f"{TEXT}.GenerateText",
        EVER,
    ),
)


def _operation(
    id: str,
    template: str,
    handler: Handler,
    rpc: str,
    response: str = "google.protobuf.Empty",
    since: date | None = None,
) -> Route:
    """A method of google.longrunning.Operations, which every host has beside its own services."""
    return Route(
        id=id,
        template=template,
        handler=handler,
        request=f"google.longrunning.{rpc}Request",
        response=response,
        body="*" if template.startswith("POST") else "",
        rpc=f"google.longrunning.Operations.{rpc}",
        since=since,
        keys_since=KEYS_ON_TUNED_MODELS if "tunedModels" in template else None,
    )


_ONE = "google.longrunning.Operation"
_LIST = "google.longrunning.ListOperationsResponse"


def _operations() -> Iterator[Route]:
    """v1 had them from the beginning, for models made on v1beta: "you can only check the operation on v1/"."""
    for version, since in (("v1", None), ("v1beta", BETA_OPERATIONS), ("v1alpha", BETA_OPERATIONS)):
        yield _operation(
            "tunedModels.operations.get",
            f"GET /{version}/{{name=tunedModels/*/operations/*}}",
            operations.get_operation,
            "GetOperation",
            _ONE,
            since,
        )
        yield _operation(
            "tunedModels.operations.list",
            f"GET /{version}/{{name=tunedModels/*}}/operations",
            operations.list_operations,
            "ListOperations",
            _LIST,
            since,
        )
    yield _operation(
        "tunedModels.operations.cancel",
        "POST /v1/{name=tunedModels/*/operations/*}:cancel",
        operations.cancel_operation,
        "CancelOperation",
    )
    yield _operation(
        "operations.list", "GET /v1/{name=operations}", operations.list_operations, "ListOperations", _LIST
    )
    yield _operation(
        "operations.delete", "DELETE /v1/{name=operations/**}", operations.delete_operation, "DeleteOperation"
    )


def _batch_operations() -> Iterator[Route]:
    """What becomes of a batch. That v1, where batches can be created, has these too is our choice: not seen."""
    for version in STABLE:
        path = f"/{version}/{{name=batches/*}}"
        yield _operation("batches.get", f"GET {path}", batches.get_batch, "GetOperation", _ONE, BATCHES)
        yield _operation(
            "batches.list",
            f"GET /{version}/{{name=batches}}",
            batches.list_batches,
            "ListOperations",
            _LIST,
            BATCHES,
        )
        yield _operation(
            "batches.cancel", f"POST {path}:cancel", batches.cancel_batch, "CancelOperation", since=BATCHES
        )
        yield _operation("batches.delete", f"DELETE {path}", batches.delete_batch, "DeleteOperation", since=BATCHES)


ROUTES: tuple[Route, ...] = (
    *(route for method in METHODS for route in method.routes()),
    *_operations(),
    *_batch_operations(),
)

LENIENT_ROUTES: tuple[Route, ...] = tuple(method.route("v1", speaks="v1beta") for method in TUNED_MODELS)
"""What v1 has not, and the newest SDKs ask of it all the same: tuned models, in the messages of v1beta."""
