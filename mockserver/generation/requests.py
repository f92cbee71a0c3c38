"""What both services refuse in a generate request, whichever model it is for.

That these are refused is in Google's own tests of google-genai (2026-10), most of them without their sentences.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.generation.structured_output import ENUM, answer_schema
from mockserver.rpc.errors import invalid_argument

Json = dict[str, Any]

SEARCHES = ("googleSearch", "googleSearchRetrieval")


def check_request(message: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> None:
    """Raise 400 for data that is missing, members that exclude each other, and an enum that is no enum."""
    for part in parts:
        if "inlineData" in part and not part["inlineData"].get("data"):
            raise invalid_argument("inline_data must have data.")  # our choice: not seen
    if "generationConfig" not in message:
        return
    config = message["generationConfig"]
    if config.get("responseMimeType") == ENUM and _is_array(answer_schema(config)):
        raise invalid_argument("response_schema must be an enum for text/x.enum, not an array.")  # our choice: not seen
    speech = config.get("speechConfig", {})
    if "voiceConfig" in speech and "multiSpeakerVoiceConfig" in speech:
        # Google's tests expect "mutually exclusive"; the words around it are our choice: not seen
        raise invalid_argument("voice_config and multi_speaker_voice_config are mutually exclusive.")


def list_parts(message: Mapping[str, Any]) -> list[Json]:
    """Return the parts of the conversation."""
    return [part for content in message.get("contents", ()) for part in content.get("parts", ())]


def file_uris(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the URIs of the files that the parts refer to."""
    return [part["fileData"].get("fileUri", "") for part in parts if "fileData" in part]


def searches_and_calls(message: Mapping[str, Any]) -> bool:
    """Return whether a request has both a search and functions, without asking for both on the server's side."""
    if "tools" not in message:
        return False
    tools: Sequence[Mapping[str, Any]] = message["tools"]
    searches = any(not tool.keys().isdisjoint(SEARCHES) for tool in tools)
    allowed = message.get("toolConfig", {}).get("includeServerSideToolInvocations")
    return searches and not allowed and any(tool.get("functionDeclarations") for tool in tools)


def _is_array(schema: Any) -> bool:
    return isinstance(schema, Mapping) and str(schema.get("type")).lower() == "array"
