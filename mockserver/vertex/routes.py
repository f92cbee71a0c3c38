"""The methods of aiplatform.googleapis.com that are served, in the words of its HTTP rules.

A template's `{version}` stands for v1 and v1beta1. What a method takes and answers is the schema's to say, by
the name of its rpc.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from mockserver.dispatch.routing import Handler, Route
from mockserver.protojson import schema
from mockserver.state.world import World
from mockserver.vertex import (
    endpoints,
    experiments,
    generation,
    models,
    operations,
    publisher_models,
    rebase,
    tuning_aids,
    tuning_datasets,
    tuning_jobs,
)
from mockserver.vertex.versions import VERSIONS, message_name

SERVICE = "aiplatform.googleapis.com"
BETA = ("v1beta1",)

TUNING = "GenAiTuningService"
MODELS = "ModelService"
ENDPOINTS = "EndpointService"
PREDICTION = "PredictionService"
TOKENS = "LlmUtilityService"
GARDEN = "ModelGardenService"
METADATA = "MetadataService"
BOARDS = "TensorboardService"


@dataclass(frozen=True, slots=True)
class Method:
    """A method of both versions, or of those named. `rpc` is "Service.Method"; for `blocks` see Route."""

    id: str
    template: str
    handler: Handler
    rpc: str
    versions: tuple[str, ...] = VERSIONS
    blocks: Callable[[World], bool] | None = None

    def routes(self) -> Iterator[Route]:
        """One a version."""
        for version in self.versions:
            yield Route.of(
                schema.rpc(message_name(version, self.rpc)),
                self.template.replace("{version}", version),
                id=self.id,
                handler=self.handler,
                credentials=_credentials(self.template),
                blocks=self.blocks,
            )


METHODS = (
    Method(
        "projects.locations.tuningJobs.create",
        "POST /{version}/{parent=projects/*/locations/*}/tuningJobs",
        tuning_jobs.create_tuning_job,
        f"{TUNING}.CreateTuningJob",
        blocks=tuning_datasets.lies_outside,
    ),
    Method(
        "projects.locations.tuningJobs.get",
        "GET /{version}/{name=projects/*/locations/*/tuningJobs/*}",
        tuning_jobs.get_tuning_job,
        f"{TUNING}.GetTuningJob",
    ),
    Method(
        "projects.locations.tuningJobs.list",
        "GET /{version}/{parent=projects/*/locations/*}/tuningJobs",
        tuning_jobs.list_tuning_jobs,
        f"{TUNING}.ListTuningJobs",
    ),
    Method(
        "projects.locations.tuningJobs.cancel",
        "POST /{version}/{name=projects/*/locations/*/tuningJobs/*}:cancel",
        tuning_jobs.cancel_tuning_job,
        f"{TUNING}.CancelTuningJob",
    ),
    Method(
        "projects.locations.tuningJobs.rebaseTunedModel",
        "POST /{version}/{parent=projects/*/locations/*}/tuningJobs:rebaseTunedModel",
        rebase.rebase_tuned_model,
        f"{TUNING}.RebaseTunedModel",
        blocks=tuning_datasets.lies_outside,
    ),
    Method(
        "projects.locations.tuningJobs.optimizePrompt",
        "POST /{version}/{parent=projects/*/locations/*}/tuningJobs:optimizePrompt",
        tuning_aids.optimize_prompt,
        f"{TUNING}.OptimizePrompt",
        versions=BETA,
    ),
    Method(
        "projects.locations.tuningJobs.validateReinforcementTuningReward",
        "POST /{version}/{parent=projects/*/locations/*}/tuningJobs:validateReinforcementTuningReward",
        tuning_aids.validate_reinforcement_tuning_reward,
        f"{TUNING}.ValidateReinforcementTuningReward",
        versions=BETA,
    ),
    Method(
        "projects.locations.tuningJobs.processData",
        "POST /{version}/{parent=projects/*/locations/*}/tuningJobs:processData",
        tuning_aids.process_data,
        f"{TUNING}.ProcessData",
        versions=BETA,
    ),
    # Express mode, as google-genai sends it with an API key and no project; no published rule has these four.
    Method(
        "tuningJobs.create",
        "POST /{version}/tuningJobs",
        tuning_jobs.create_tuning_job,
        f"{TUNING}.CreateTuningJob",
        blocks=tuning_datasets.lies_outside,
    ),
    Method(
        "tuningJobs.get", "GET /{version}/{name=tuningJobs/*}", tuning_jobs.get_tuning_job, f"{TUNING}.GetTuningJob"
    ),
    Method("tuningJobs.list", "GET /{version}/tuningJobs", tuning_jobs.list_tuning_jobs, f"{TUNING}.ListTuningJobs"),
    Method(
        "tuningJobs.cancel",
        "POST /{version}/{name=tuningJobs/*}:cancel",
        tuning_jobs.cancel_tuning_job,
        f"{TUNING}.CancelTuningJob",
    ),
    Method(
        "projects.locations.models.get",
        "GET /{version}/{name=projects/*/locations/*/models/*}",
        models.get_model,
        f"{MODELS}.GetModel",
    ),
    Method(
        "projects.locations.models.list",
        "GET /{version}/{parent=projects/*/locations/*}/models",
        models.list_models,
        f"{MODELS}.ListModels",
    ),
    Method(
        "projects.locations.models.listVersions",
        "GET /{version}/{name=projects/*/locations/*/models/*}:listVersions",
        models.list_model_versions,
        f"{MODELS}.ListModelVersions",
    ),
    Method(
        "projects.locations.models.listCheckpoints",
        "GET /{version}/{name=projects/*/locations/*/models/*}:listCheckpoints",
        models.list_model_version_checkpoints,
        f"{MODELS}.ListModelVersionCheckpoints",
    ),
    Method(
        "projects.locations.models.patch",
        "PATCH /{version}/{model.name=projects/*/locations/*/models/*}",
        models.update_model,
        f"{MODELS}.UpdateModel",
    ),
    Method(
        "projects.locations.models.delete",
        "DELETE /{version}/{name=projects/*/locations/*/models/*}",
        models.delete_model,
        f"{MODELS}.DeleteModel",
    ),
    Method(
        "projects.locations.models.deleteVersion",
        "DELETE /{version}/{name=projects/*/locations/*/models/*}:deleteVersion",
        models.delete_model_version,
        f"{MODELS}.DeleteModelVersion",
    ),
    Method(
        "projects.locations.models.mergeVersionAliases",
        "POST /{version}/{name=projects/*/locations/*/models/*}:mergeVersionAliases",
        models.merge_version_aliases,
        f"{MODELS}.MergeVersionAliases",
    ),
    Method(
        "projects.locations.endpoints.create",
        "POST /{version}/{parent=projects/*/locations/*}/endpoints",
        endpoints.create_endpoint,
        f"{ENDPOINTS}.CreateEndpoint",
    ),
    Method(
        "projects.locations.endpoints.get",
        "GET /{version}/{name=projects/*/locations/*/endpoints/*}",
        endpoints.get_endpoint,
        f"{ENDPOINTS}.GetEndpoint",
    ),
    Method(
        "projects.locations.endpoints.list",
        "GET /{version}/{parent=projects/*/locations/*}/endpoints",
        endpoints.list_endpoints,
        f"{ENDPOINTS}.ListEndpoints",
    ),
    Method(
        "projects.locations.endpoints.patch",
        "PATCH /{version}/{endpoint.name=projects/*/locations/*/endpoints/*}",
        endpoints.update_endpoint,
        f"{ENDPOINTS}.UpdateEndpoint",
    ),
    Method(
        "projects.locations.endpoints.update",
        "POST /{version}/{endpoint.name=projects/*/locations/*/endpoints/*}:update",
        endpoints.update_endpoint_long_running,
        f"{ENDPOINTS}.UpdateEndpointLongRunning",
    ),
    Method(
        "projects.locations.endpoints.delete",
        "DELETE /{version}/{name=projects/*/locations/*/endpoints/*}",
        endpoints.delete_endpoint,
        f"{ENDPOINTS}.DeleteEndpoint",
    ),
    Method(
        "projects.locations.endpoints.deployModel",
        "POST /{version}/{endpoint=projects/*/locations/*/endpoints/*}:deployModel",
        endpoints.deploy_model,
        f"{ENDPOINTS}.DeployModel",
    ),
    Method(
        "projects.locations.endpoints.undeployModel",
        "POST /{version}/{endpoint=projects/*/locations/*/endpoints/*}:undeployModel",
        endpoints.undeploy_model,
        f"{ENDPOINTS}.UndeployModel",
    ),
    Method(
        "projects.locations.models.generateContent",
        "POST /{version}/{model=projects/*/locations/*/models/*}:generateContent",
        generation.refuse_model,
        f"{PREDICTION}.GenerateContent",
    ),
    Method(
        "projects.locations.models.streamGenerateContent",
        "POST /{version}/{model=projects/*/locations/*/models/*}:streamGenerateContent",
        generation.refuse_model,
        f"{PREDICTION}.StreamGenerateContent",
    ),
    Method(
        "publishers.models.get",
        "GET /{version}/{name=publishers/*/models/*}",
        publisher_models.get_publisher_model,
        f"{GARDEN}.GetPublisherModel",
    ),
    Method(
        "publishers.models.list",
        "GET /{version}/{parent=publishers/*}/models",
        publisher_models.list_publisher_models,
        f"{GARDEN}.ListPublisherModels",
        versions=BETA,
    ),
    Method(
        "projects.locations.metadataStores.contexts.get",
        "GET /{version}/{name=projects/*/locations/*/metadataStores/*/contexts/*}",
        experiments.get_context,
        f"{METADATA}.GetContext",
    ),
    Method(
        "projects.locations.metadataStores.contexts.list",
        "GET /{version}/{parent=projects/*/locations/*/metadataStores/*}/contexts",
        experiments.list_contexts,
        f"{METADATA}.ListContexts",
    ),
    Method(
        "projects.locations.metadataStores.executions.get",
        "GET /{version}/{name=projects/*/locations/*/metadataStores/*/executions/*}",
        experiments.get_execution,
        f"{METADATA}.GetExecution",
    ),
    Method(
        "projects.locations.metadataStores.executions.list",
        "GET /{version}/{parent=projects/*/locations/*/metadataStores/*}/executions",
        experiments.list_executions,
        f"{METADATA}.ListExecutions",
    ),
    Method(
        "projects.locations.metadataStores.artifacts.get",
        "GET /{version}/{name=projects/*/locations/*/metadataStores/*/artifacts/*}",
        experiments.get_artifact,
        f"{METADATA}.GetArtifact",
    ),
    Method(
        "projects.locations.metadataStores.artifacts.list",
        "GET /{version}/{parent=projects/*/locations/*/metadataStores/*}/artifacts",
        experiments.list_artifacts,
        f"{METADATA}.ListArtifacts",
    ),
    Method(
        "projects.locations.tensorboards.get",
        "GET /{version}/{name=projects/*/locations/*/tensorboards/*}",
        experiments.get_tensorboard,
        f"{BOARDS}.GetTensorboard",
    ),
    Method(
        "projects.locations.tensorboards.list",
        "GET /{version}/{parent=projects/*/locations/*}/tensorboards",
        experiments.list_tensorboards,
        f"{BOARDS}.ListTensorboards",
    ),
    Method(
        "projects.locations.tensorboards.batchRead",
        "GET /{version}/{tensorboard=projects/*/locations/*/tensorboards/*}:batchRead",
        experiments.batch_read_tensorboard_time_series_data,
        f"{BOARDS}.BatchReadTensorboardTimeSeriesData",
    ),
    Method(
        "projects.locations.tensorboards.experiments.get",
        "GET /{version}/{name=projects/*/locations/*/tensorboards/*/experiments/*}",
        experiments.get_tensorboard_experiment,
        f"{BOARDS}.GetTensorboardExperiment",
    ),
    Method(
        "projects.locations.tensorboards.experiments.list",
        "GET /{version}/{parent=projects/*/locations/*/tensorboards/*}/experiments",
        experiments.list_tensorboard_experiments,
        f"{BOARDS}.ListTensorboardExperiments",
    ),
    Method(
        "projects.locations.tensorboards.experiments.runs.get",
        "GET /{version}/{name=projects/*/locations/*/tensorboards/*/experiments/*/runs/*}",
        experiments.get_tensorboard_run,
        f"{BOARDS}.GetTensorboardRun",
    ),
    Method(
        "projects.locations.tensorboards.experiments.runs.list",
        "GET /{version}/{parent=projects/*/locations/*/tensorboards/*/experiments/*}/runs",
        experiments.list_tensorboard_runs,
        f"{BOARDS}.ListTensorboardRuns",
    ),
    Method(
        "projects.locations.tensorboards.experiments.runs.timeSeries.get",
        "GET /{version}/{name=projects/*/locations/*/tensorboards/*/experiments/*/runs/*/timeSeries/*}",
        experiments.get_tensorboard_time_series,
        f"{BOARDS}.GetTensorboardTimeSeries",
    ),
    Method(
        "projects.locations.tensorboards.experiments.runs.timeSeries.list",
        "GET /{version}/{parent=projects/*/locations/*/tensorboards/*/experiments/*/runs/*}/timeSeries",
        experiments.list_tensorboard_time_series,
        f"{BOARDS}.ListTensorboardTimeSeries",
    ),
    Method(
        "projects.locations.tensorboards.experiments.runs.timeSeries.read",
        "GET /{version}/{tensorboard_time_series=projects/*/locations/*/tensorboards/*/experiments/*/runs/*/timeSeries/*}:read",
        experiments.read_tensorboard_time_series_data,
        f"{BOARDS}.ReadTensorboardTimeSeriesData",
    ),
)

# Whom generating methods are asked of: a tuned endpoint or one of Google's models, in a project or in none.
GENERATING = {
    "projects.locations.endpoints": "projects/*/locations/*/endpoints/*",
    "projects.locations.publishers.models": "projects/*/locations/*/publishers/*/models/*",
    "endpoints": "endpoints/*",
    "publishers.models": "publishers/*/models/*",
}

# What operations are about; the first is about the location itself.
OPERATED = {
    "projects.locations": "projects/*/locations/*",
    "projects.locations.tuningJobs": "projects/*/locations/*/tuningJobs/*",
    "projects.locations.models": "projects/*/locations/*/models/*",
    "projects.locations.endpoints": "projects/*/locations/*/endpoints/*",
    "tuningJobs": "tuningJobs/*",
    "endpoints": "endpoints/*",
}


def _generating() -> Iterator[Method]:
    """Asking a model, in every place it may be asked."""
    for collection, name in GENERATING.items():
        model, endpoint = f"{{model={name}}}", f"{{endpoint={name}}}"
        asked = (
            ("generateContent", model, generation.generate_content, f"{PREDICTION}.GenerateContent"),
            ("streamGenerateContent", model, generation.stream_generate_content, f"{PREDICTION}.StreamGenerateContent"),
            ("computeTokens", endpoint, generation.compute_tokens, f"{TOKENS}.ComputeTokens"),
            ("predict", endpoint, generation.refuse_predict, f"{PREDICTION}.Predict"),
        )
        for verb, target, handler, rpc in asked:
            yield Method(f"{collection}.{verb}", f"POST /{{version}}/{target}:{verb}", handler, rpc)
        for version, service in (("v1", TOKENS), ("v1beta1", PREDICTION)):  # it moved from one to the other
            yield Method(
                f"{collection}.countTokens",
                f"POST /{{version}}/{endpoint}:countTokens",
                generation.count_tokens,
                f"{service}.CountTokens",
                versions=(version,),
            )
        if collection.startswith("projects."):
            for verb in ("rawPredict", "streamRawPredict", "serverStreamingPredict"):
                rpc = f"{PREDICTION}.{verb[0].upper()}{verb[1:]}"
                template = f"POST /{{version}}/{endpoint}:{verb}"
                yield Method(f"{collection}.{verb}", template, generation.refuse_predict, rpc)


def _operations() -> Iterator[Route]:
    """The operations of everything that has some; clients poll them under /ui/ too [seen]."""
    for version in (*VERSIONS, "ui"):
        for collection, parent in OPERATED.items():
            name = f"{{name={parent}/operations/*}}"
            methods = (
                ("get", f"GET /{version}/{name}", operations.get_operation, "Get", "Operation"),
                ("delete", f"DELETE /{version}/{name}", operations.delete_operation, "Delete", ""),
                ("cancel", f"POST /{version}/{name}:cancel", operations.cancel_operation, "Cancel", ""),
                ("wait", f"POST /{version}/{name}:wait", operations.wait_operation, "Wait", "Operation"),
            )
            for verb, template, handler, rpc, response in methods:
                yield _operation(f"{collection}.operations.{verb}", template, handler, f"{rpc}Operation", response)
            if version == "v1beta1" and collection.endswith("tuningJobs"):
                continue  # there they cannot be listed (discovery document of 2026-11)
            template = f"GET /{version}/{{name={parent}}}/operations"
            response = "ListOperationsResponse"
            yield _operation(
                f"{collection}.operations.list", template, operations.list_operations, "ListOperations", response
            )


def _operation(method: str, template: str, handler: Handler, rpc: str, response: str) -> Route:
    return Route(
        id=method,
        template=template,
        handler=handler,
        request=f"google.longrunning.{rpc}Request",
        response=f"google.longrunning.{response}" if response else "google.protobuf.Empty",
        rpc=f"google.longrunning.Operations.{rpc}",
        credentials=_credentials(template),
    )


def _credentials(template: str) -> Literal["any", "own"]:
    """An API key is good for paths without a project, and in the project that is its own (express mode)."""
    return "own" if "=projects/" in template else "any"


ROUTES: tuple[Route, ...] = (
    *(route for method in (*METHODS, *_generating()) for route in method.routes()),
    *_operations(),
)
