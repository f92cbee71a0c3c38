"""The routes of generativelanguage.googleapis.com.

`HANDLERS` lists them: a method id and the handler that answers it. Verb, path, body, messages and versions come from
the HTTP rules that Google publishes. The other tables hold what those rules do not say.
"""

from collections.abc import Iterator, Mapping
from datetime import date

from mockserver.dispatch.http_rules import operations_rpc, parse_template, published_rules
from mockserver.dispatch.routing import Handler, Route
from mockserver.gemini import (
    batches,
    cached_contents,
    embeddings,
    generation,
    models,
    operations,
    permissions,
    text_generation,
    tuned_models,
)
from mockserver.gemini.versions import PACKAGE, VERSIONS
from mockserver.protojson.schema import HttpRule, Rpc

HANDLERS: Mapping[str, Handler] = {
    "tunedModels.create": tuned_models.create_tuned_model,
    "tunedModels.list": tuned_models.list_tuned_models,
    "tunedModels.get": tuned_models.get_tuned_model,
    "tunedModels.patch": tuned_models.update_tuned_model,
    "tunedModels.delete": tuned_models.delete_tuned_model,
    "tunedModels.transferOwnership": permissions.transfer_ownership,
    "tunedModels.permissions.create": permissions.create_permission,
    "tunedModels.permissions.list": permissions.list_permissions,
    "tunedModels.permissions.get": permissions.get_permission,
    "tunedModels.permissions.patch": permissions.update_permission,
    "tunedModels.permissions.delete": permissions.delete_permission,
    "tunedModels.generateContent": generation.generate_content,
    "tunedModels.streamGenerateContent": generation.stream_generate_content,
    "tunedModels.batchGenerateContent": batches.batch_generate_content,
    "tunedModels.asyncBatchEmbedContent": batches.async_batch_embed_content,
    "tunedModels.generateText": text_generation.generate_text,
    "models.list": models.list_models,
    "models.get": models.get_model,
    "models.generateContent": generation.generate_content,
    "models.streamGenerateContent": generation.stream_generate_content,
    "models.batchGenerateContent": batches.batch_generate_content,
    "models.countTokens": generation.count_tokens,
    "models.embedContent": embeddings.embed_content,
    "models.batchEmbedContents": embeddings.batch_embed_contents,
    "models.asyncBatchEmbedContent": batches.async_batch_embed_content,
    "models.generateText": text_generation.generate_text,
    "cachedContents.create": cached_contents.create_cached_content,
    "cachedContents.list": cached_contents.list_cached_contents,
    "cachedContents.get": cached_contents.get_cached_content,
    "cachedContents.patch": cached_contents.update_cached_content,
    "cachedContents.delete": cached_contents.delete_cached_content,
}

CACHED_CONTENTS = date(2024, 6, 18)  # release notes
BATCHES = date(2025, 7, 29)
EMBEDDING_BATCHES = date(2025, 8, 7)
BETA_OPERATIONS = date(2024, 10, 1)

# The day on which a method appeared, if it was not there from the beginning. Each lies between a discovery document
# without the method and one with it, or is the day of its first sight in the wild.
SINCE = {
    **dict.fromkeys([method for method in HANDLERS if method.startswith("cachedContents.")], CACHED_CONTENTS),
    "tunedModels.generateContent": date(2024, 2, 20),
    "tunedModels.streamGenerateContent": date(2024, 10, 1),  # a 404 still on 2024-09-12
    "tunedModels.batchGenerateContent": BATCHES,
    "models.batchGenerateContent": BATCHES,
    "tunedModels.asyncBatchEmbedContent": EMBEDDING_BATCHES,
    "models.asyncBatchEmbedContent": EMBEDDING_BATCHES,
}

KEYS_ON_TUNED_MODELS = date(2024, 10, 1)

# The methods of google.longrunning.Operations, which every host has beside its own services, as the discovery documents
# have them: the handler, and each version with the day on which the method appeared there.
# v1 had tuned models' operations from the beginning, for models made on v1beta: "you can only check the operation on
# v1/". That v1, where batches can be created, can also read, list, cancel and delete them is our choice: not seen.
OPERATIONS: Mapping[str, tuple[Handler, Mapping[str, date | None]]] = {
    "GET /{version}/{name=tunedModels/*/operations/*}": (
        operations.get_operation,
        {"v1": None, "v1beta": BETA_OPERATIONS, "v1alpha": BETA_OPERATIONS},
    ),
    "GET /{version}/{name=tunedModels/*}/operations": (
        operations.list_operations,
        {"v1": None, "v1beta": BETA_OPERATIONS, "v1alpha": BETA_OPERATIONS},
    ),
    "POST /{version}/{name=tunedModels/*/operations/*}:cancel": (operations.cancel_operation, {"v1": None}),
    "GET /{version}/{name=operations}": (operations.list_operations, {"v1": None}),
    "DELETE /{version}/{name=operations/**}": (operations.delete_operation, {"v1": None}),
    "GET /{version}/{name=batches/*}": (batches.get_batch, {"v1beta": BATCHES, "v1": BATCHES}),
    "GET /{version}/{name=batches}": (batches.list_batches, {"v1beta": BATCHES, "v1": BATCHES}),
    "POST /{version}/{name=batches/*}:cancel": (batches.cancel_batch, {"v1beta": BATCHES, "v1": BATCHES}),
    "DELETE /{version}/{name=batches/*}": (batches.delete_batch, {"v1beta": BATCHES, "v1": BATCHES}),
}

# The newest SDKs send these to v1, which does not have them. On v1 they take and answer v1beta's messages.
LENIENT = ("tunedModels.create", "tunedModels.list", "tunedModels.get", "tunedModels.patch", "tunedModels.delete")
LENIENT_REASON = "SDKs send them to v1, where the real service has none; served with --lenient-routes only."


def _published() -> Iterator[Route]:
    packages = [f"{PACKAGE}.{version}" for version in VERSIONS]
    for method, handler in HANDLERS.items():
        for rpc, rule in published_rules(method, packages):
            yield _route(rpc, rule, handler, since=SINCE.get(method))


def _operations() -> Iterator[Route]:
    for template, (handler, versions) in OPERATIONS.items():
        for version, since in versions.items():
            rule = parse_template(template, version, body="*" if template.startswith("POST") else "")
            yield _route(operations_rpc(rule), rule, handler, since=since)


def _lenient() -> Iterator[Route]:
    for method in LENIENT:
        for rpc, rule in published_rules(method, [f"{PACKAGE}.v1beta"]):
            on_v1 = HttpRule(rule.verb, rule.path.replace("/v1beta/", "/v1/"), rule.body)
            yield _route(
                rpc,
                on_v1,
                HANDLERS[method],
                lenient=True,
                unpublished=LENIENT_REASON,
            )


def _route(
    rpc: Rpc,
    rule: HttpRule,
    handler: Handler,
    *,
    since: date | None = None,
    lenient: bool = False,
    unpublished: str = "",
) -> Route:
    # Who generated with a key in 2024 was told of the model, not of keys [seen: 2024-04-15, 2024-08-28].
    generates = ".GenerativeService." in rpc.full_name
    return Route.of(
        rpc,
        rule,
        handler=handler,
        since=since,
        credentials="bearer" if ".PermissionService." in rpc.full_name else "any",
        keys_since=KEYS_ON_TUNED_MODELS if "tunedModels" in rule.path and not generates else None,
        lenient=lenient,
        unpublished=unpublished,
    )


ROUTES: tuple[Route, ...] = (*_published(), *_operations())
LENIENT_ROUTES: tuple[Route, ...] = tuple(_lenient())
