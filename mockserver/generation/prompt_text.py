"""The text of a generate request, for magic words."""

from collections.abc import Mapping
from typing import Any


def last_text(message: Mapping[str, Any]) -> str:
    """Return the text of the last turn of a GenerateContentRequest; "" for any other message."""
    contents = message.get("contents")
    if not isinstance(contents, list) or not contents:
        return ""
    return " ".join([part.get("text", "") for part in contents[-1].get("parts", ())])
