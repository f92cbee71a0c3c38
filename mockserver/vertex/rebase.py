"""tuningJobs.rebaseTunedModel: tune again, on a newer base, what was tuned before."""

from collections.abc import Mapping
from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.dispatch.transactions import in_transaction
from mockserver.state.store import Missing, Store
from mockserver.vertex.errors import REQUIRED, does_not_exist, found_errors, not_found
from mockserver.vertex.locations import canonical
from mockserver.vertex.operations import begin
from mockserver.vertex.store import Registry, TuningJob
from mockserver.vertex.tuning_job_creation import new_job, prepare

Json = dict[str, Any]


def rebase_tuned_model(call: Call) -> Json:
    """A job like the one that made the model, with whatever else is sent; the operation ends when it does.

    No recording of it was seen: what is copied is our choice.
    """
    source = _source(Registry(call.world, call.now), call.message.get("tunedModelRef", {}))
    sent = _like(source, call.message.get("tuningJob", {}))
    prepared = prepare(call, sent)

    def change(transaction: Store) -> Json:
        within = in_transaction(call, transaction)
        job = new_job(within, sent, prepared)
        return begin(within, job.name, "RebaseTunedModelOperationMetadata", job=job.name)

    return call.world.store.transact(change)


def _source(registry: Registry, reference: Mapping[str, Any]) -> TuningJob:
    if "tuningJob" in reference:
        try:
            return registry.job(canonical(reference["tuningJob"]))
        except Missing:
            raise does_not_exist("TuningJob") from None
    if "tunedModel" in reference:
        name = canonical(reference["tunedModel"])
        try:
            return registry.version(name).job
        except Missing:
            raise not_found("Model", name) from None
    if "pipelineJob" in reference:
        raise does_not_exist("PipelineJob")
    raise found_errors([("tuned_model_ref", REQUIRED)])


def _like(source: TuningJob, sent: Mapping[str, Any]) -> Json:
    """The source's request under what was sent; a source model or a spec that was sent replaces the old one."""
    kept = {member: value for member, value in source.request.items() if member != "preTunedModel"}
    kept.setdefault("baseModel", source.base_model)
    if "preTunedModel" in sent:
        del kept["baseModel"]
    if any(member.endswith("Spec") and member != "encryptionSpec" for member in sent):
        del kept[source.spec]
    return {"tunedModelDisplayName": source.display_name} | kept | dict(sent)
