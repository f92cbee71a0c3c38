"""The routes of aiplatform.googleapis.com.

`HANDLERS` lists them: a method id and the handler that answers it. Verb, path, body, messages and versions come from
the HTTP rules that Google publishes. The other tables hold what those rules do not say.
"""

from collections.abc import Iterator, Mapping

from mockserver.dispatch.http_rules import method_id, operations_rpc, parse_template, published_rules
from mockserver.dispatch.routing import Handler, Route
from mockserver.protojson import schema
from mockserver.protojson.schema import HttpRule, Rpc
from mockserver.vertex import (
    cached_contents,
    embeddings,
    endpoints,
    generation,
    metadata_stores,
    models,
    operations,
    publisher_models,
    tensorboards,
    training_data,
    tuning_jobs,
    tuning_preparation,
)
from mockserver.vertex.versions import PACKAGE, VERSIONS, message_name

# The methods of a model: of a tuned endpoint or of one of Google's models, in a project or in none.
GENERATING: Mapping[str, Handler] = {
    "generateContent": generation.generate_content,
    "streamGenerateContent": generation.stream_generate_content,
    "computeTokens": generation.compute_tokens,
    "countTokens": generation.count_tokens,
}
PREDICTING = ("predict", "rawPredict", "streamRawPredict", "serverStreamingPredict")
IN_A_PROJECT = ("projects.locations.endpoints", "projects.locations.publishers.models")
IN_NO_PROJECT = ("endpoints", "publishers.models")

HANDLERS: Mapping[str, Handler] = {
    "projects.locations.tuningJobs.create": tuning_jobs.create_tuning_job,
    "projects.locations.tuningJobs.get": tuning_jobs.get_tuning_job,
    "projects.locations.tuningJobs.list": tuning_jobs.list_tuning_jobs,
    "projects.locations.tuningJobs.cancel": tuning_jobs.cancel_tuning_job,
    "projects.locations.tuningJobs.rebaseTunedModel": tuning_jobs.rebase_tuned_model,
    "projects.locations.tuningJobs.optimizePrompt": tuning_preparation.optimize_prompt,
    "projects.locations.tuningJobs.validateReinforcementTuningReward": tuning_preparation.validate_reinforcement_tuning_reward,
    "projects.locations.tuningJobs.processData": tuning_preparation.process_data,
    "projects.locations.cachedContents.create": cached_contents.create_cached_content,
    "projects.locations.cachedContents.list": cached_contents.list_cached_contents,
    "projects.locations.cachedContents.get": cached_contents.get_cached_content,
    "projects.locations.cachedContents.patch": cached_contents.update_cached_content,
    "projects.locations.cachedContents.delete": cached_contents.delete_cached_content,
    "projects.locations.models.get": models.get_model,
    "projects.locations.models.list": models.list_models,
    "projects.locations.models.listVersions": models.list_model_versions,
    "projects.locations.models.listCheckpoints": models.list_model_version_checkpoints,
    "projects.locations.models.patch": models.update_model,
    "projects.locations.models.delete": models.delete_model,
    "projects.locations.models.deleteVersion": models.delete_model_version,
    "projects.locations.models.mergeVersionAliases": models.merge_version_aliases,
    "projects.locations.endpoints.create": endpoints.create_endpoint,
    "projects.locations.endpoints.get": endpoints.get_endpoint,
    "projects.locations.endpoints.list": endpoints.list_endpoints,
    "projects.locations.endpoints.patch": endpoints.update_endpoint,
    "projects.locations.endpoints.update": endpoints.update_endpoint_long_running,
    "projects.locations.endpoints.delete": endpoints.delete_endpoint,
    "projects.locations.endpoints.deployModel": endpoints.deploy_model,
    "projects.locations.endpoints.undeployModel": endpoints.undeploy_model,
    "publishers.models.get": publisher_models.get_publisher_model,
    "publishers.models.list": publisher_models.list_publisher_models,
    "projects.locations.metadataStores.contexts.get": metadata_stores.get_context,
    "projects.locations.metadataStores.contexts.list": metadata_stores.list_contexts,
    "projects.locations.metadataStores.executions.get": metadata_stores.get_execution,
    "projects.locations.metadataStores.executions.list": metadata_stores.list_executions,
    "projects.locations.metadataStores.artifacts.get": metadata_stores.get_artifact,
    "projects.locations.metadataStores.artifacts.list": metadata_stores.list_artifacts,
    "projects.locations.tensorboards.get": tensorboards.get_tensorboard,
    "projects.locations.tensorboards.list": tensorboards.list_tensorboards,
    "projects.locations.tensorboards.batchRead": tensorboards.batch_read_tensorboard_time_series_data,
    "projects.locations.tensorboards.experiments.get": tensorboards.get_tensorboard_experiment,
    "projects.locations.tensorboards.experiments.list": tensorboards.list_tensorboard_experiments,
    "projects.locations.tensorboards.experiments.runs.get": tensorboards.get_tensorboard_run,
    "projects.locations.tensorboards.experiments.runs.list": tensorboards.list_tensorboard_runs,
    "projects.locations.tensorboards.experiments.runs.timeSeries.get": tensorboards.get_tensorboard_time_series,
    "projects.locations.tensorboards.experiments.runs.timeSeries.list": tensorboards.list_tensorboard_time_series,
    "projects.locations.tensorboards.experiments.runs.timeSeries.read": tensorboards.read_tensorboard_time_series_data,
    **{
        f"{collection}.{verb}": handler
        for collection in (*IN_A_PROJECT, *IN_NO_PROJECT)
        for verb, handler in GENERATING.items()
    },
    **{f"{collection}.{verb}": generation.refuse_predict for collection in IN_A_PROJECT for verb in PREDICTING},
    "projects.locations.publishers.models.predict": embeddings.predict,
    "projects.locations.publishers.models.rawPredict": embeddings.raw_predict,
    "projects.locations.publishers.models.embedContent": embeddings.embed_content,
}

# These may have to wait for a dataset from outside of this process.
READS_DATASETS = {
    "projects.locations.tuningJobs.create",
    "projects.locations.tuningJobs.rebaseTunedModel",
    "tuningJobs.create",
}

# These match clients' expressions.
COMPUTES = {
    "projects.locations.tuningJobs.validateReinforcementTuningReward",
    "tuningJobs.validateReinforcementTuningReward",
}

EXPRESS_MODE = (
    "google-genai sends tuning jobs with an API key and no project (express mode); "
    "the published rules have only the operations of this collection."
)
EXPRESS_EMBEDDINGS = "google-genai asks embedding models with an API key and no project (express mode)."
MODEL_FOR_ENDPOINT = (
    "Clients ask a tuned model instead of its endpoint by mistake; the real service answers with a sentence of its own."
)

# Paths that no proto publishes: the rpc, the handler, and why we serve them. Where a discovery document has the path,
# no other reason is needed.
UNPUBLISHED: Mapping[str, tuple[str, Handler, str]] = {
    "POST /{version}/tuningJobs": (
        "GenAiTuningService.CreateTuningJob",
        tuning_jobs.create_tuning_job,
        EXPRESS_MODE,
    ),
    "GET /{version}/{name=tuningJobs/*}": (
        "GenAiTuningService.GetTuningJob",
        tuning_jobs.get_tuning_job,
        EXPRESS_MODE,
    ),
    "GET /{version}/tuningJobs": (
        "GenAiTuningService.ListTuningJobs",
        tuning_jobs.list_tuning_jobs,
        EXPRESS_MODE,
    ),
    "POST /{version}/{name=tuningJobs/*}:cancel": (
        "GenAiTuningService.CancelTuningJob",
        tuning_jobs.cancel_tuning_job,
        EXPRESS_MODE,
    ),
    "POST /{version}/{model=projects/*/locations/*/models/*}:generateContent": (
        "PredictionService.GenerateContent",
        generation.refuse_model,
        MODEL_FOR_ENDPOINT,
    ),
    "POST /{version}/{model=projects/*/locations/*/models/*}:streamGenerateContent": (
        "PredictionService.StreamGenerateContent",
        generation.refuse_model,
        MODEL_FOR_ENDPOINT,
    ),
    "POST /{version}/{endpoint=endpoints/*}:predict": (
        "PredictionService.Predict",
        generation.refuse_predict,
        "",
    ),
    "POST /{version}/{endpoint=publishers/*/models/*}:predict": (
        "PredictionService.Predict",
        embeddings.predict,
        "",
    ),
    "POST /{version}/{model=publishers/*/models/*}:embedContent": (
        "PredictionService.EmbedContent",
        embeddings.embed_content,
        EXPRESS_EMBEDDINGS,
    ),
}

# The methods of google.longrunning.Operations, which every host has beside its own services, and the resources that
# have operations; the first is the location itself.
OPERATIONS: Mapping[str, Handler] = {
    "GET /{version}/{name=PARENT/operations/*}": operations.get_operation,
    "DELETE /{version}/{name=PARENT/operations/*}": operations.delete_operation,
    "POST /{version}/{name=PARENT/operations/*}:cancel": operations.cancel_operation,
    "POST /{version}/{name=PARENT/operations/*}:wait": operations.wait_operation,
    "GET /{version}/{name=PARENT}/operations": operations.list_operations,
}
OPERATION_PARENTS = (
    "projects/*/locations/*",
    "projects/*/locations/*/tuningJobs/*",
    "projects/*/locations/*/models/*",
    "projects/*/locations/*/endpoints/*",
    "tuningJobs/*",
    "endpoints/*",
)
POLLED_UNDER_UI = "Clients poll operations under /ui/ as under /v1/ [seen]; Google's rules leave some of these out."


def _published() -> Iterator[Route]:
    packages = [f"{PACKAGE}.{version}" for version in VERSIONS]
    for method, handler in HANDLERS.items():
        for rpc, rule in published_rules(method, packages):
            yield _route(rpc, rule, handler)


def _unpublished() -> Iterator[Route]:
    for template, (name, handler, reason) in UNPUBLISHED.items():
        for version in VERSIONS:
            rpc = schema.rpc(message_name(version, name))
            yield _route(rpc, parse_template(template, version, rpc.http[0].body), handler, reason)


def _operations() -> Iterator[Route]:
    for version in (*VERSIONS, "ui"):
        for parent in OPERATION_PARENTS:
            for template, handler in OPERATIONS.items():
                rule = parse_template(template.replace("PARENT", parent), version)
                rpc = operations_rpc(rule)
                if version == "v1beta1" and "tuningJobs" in parent and rpc.full_name.endswith("ListOperations"):
                    continue  # there they cannot be listed (discovery document of 2026-11)
                yield _route(rpc, rule, handler, POLLED_UNDER_UI if version == "ui" else "")


def _route(rpc: Rpc, rule: HttpRule, handler: Handler, unpublished: str = "") -> Route:
    return Route.of(
        rpc,
        rule,
        handler=handler,
        # An API key is good for paths without a project, and in the project that is its own (express mode).
        credentials="own" if "=projects/" in rule.path else "any",
        blocks=training_data.reads_storage if method_id(rule) in READS_DATASETS else None,
        computes=method_id(rule) in COMPUTES,
        unpublished=unpublished,
    )


ROUTES: tuple[Route, ...] = (*_published(), *_unpublished(), *_operations())
