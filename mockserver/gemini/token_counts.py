"""models.countTokens."""

from typing import Any

from mockserver.dispatch.routing import Call
from mockserver.gemini.eras import ERAS
from mockserver.gemini.errors import invalid
from mockserver.gemini.models import subject
from mockserver.gemini.prompts import content_findings, read_prompt
from mockserver.generation.outcome import prompt_tokens
from mockserver.protojson.version_trimming import trim_to_version

Json = dict[str, Any]


def count_tokens(call: Call) -> Json:
    """How many tokens a prompt has: of bare `contents`, or of a whole generate request."""
    asked = call.message
    request = asked.get("generateContentRequest")
    if request is not None and asked.get("contents"):
        # our choice: not seen
        raise invalid("CountTokensRequest: only one of contents and generate_content_request may be set")
    place = "CountTokensRequest" if request is None else "CountTokensRequest.generate_content_request"
    prompt_of = asked if request is None else request
    if findings := [*content_findings(prompt_of.get("contents", ()), f"{place}.contents")]:
        raise invalid(*findings)
    model = subject(call, asked["model"], "countTokens")
    total = prompt_tokens(read_prompt(model, prompt_of))
    counted: Json = {"totalTokens": total}
    era = ERAS.get(model.base.shape)
    if era and era.details:
        counted["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": total}]
    return trim_to_version(call.route.response, counted)
