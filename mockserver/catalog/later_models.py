"""The models since 2024-12, which only Vertex AI tunes; and those that embed or answer otherwise."""

from dataclasses import replace
from datetime import date

from mockserver.catalog.base_model import BaseModel, Shape, VertexTuning

_V2_0_END = date(2026, 6, 1)
_GENERATE = ("generateContent", "countTokens")
_BATCHED = ("generateContent", "countTokens", "createCachedContent", "batchGenerateContent")

_FLASH_2_0 = BaseModel(
    id="gemini-2.0-flash",
    version="2.0",
    display_name="Gemini 2.0 Flash",
    description="Gemini 2.0 Flash",
    input_token_limit=1_048_576,
    output_token_limit=8192,
    methods=_BATCHED,
    temperature=1.0,
    top_p=0.95,
    top_k=40,
    max_temperature=2.0,
    thinking=False,
    shape=Shape.V2_0,
    released=date(2025, 2, 5),
    retired=_V2_0_END,
    vertex_api=True,
)
_LITE_2_0 = replace(
    _FLASH_2_0,
    id="gemini-2.0-flash-lite",
    display_name="Gemini 2.0 Flash-Lite",
    description="Gemini 2.0 Flash-Lite",
    released=date(2025, 2, 25),
)

_GEMINI_2_0 = (
    replace(
        _FLASH_2_0,
        id="gemini-2.0-flash-exp",
        display_name="Gemini 2.0 Flash Experimental",
        description="Gemini 2.0 Flash Experimental",
        methods=(*_GENERATE, "bidiGenerateContent"),
        released=date(2024, 12, 11),
    ),
    _FLASH_2_0,
    replace(
        _FLASH_2_0,
        id="gemini-2.0-flash-001",
        display_name="Gemini 2.0 Flash 001",
        description="Stable version of Gemini 2.0 Flash, our fast and versatile multimodal model "
        "for scaling across diverse tasks, released in January of 2025.",
        vertex=VertexTuning(date(2025, 2, 5), _V2_0_END, (1, 2, 4, 8), 4, 0.5, 6.8),
    ),
    replace(
        _LITE_2_0,
        id="gemini-2.0-flash-lite-001",
        display_name="Gemini 2.0 Flash-Lite 001",
        description="Stable version of Gemini 2.0 Flash-Lite",
        vertex=VertexTuning(date(2025, 4, 9), _V2_0_END, (1, 2, 4, 8), 4, 0.5, 4.5),
    ),
    _LITE_2_0,
)

_FLASH_2_5 = replace(
    _FLASH_2_0,
    id="gemini-2.5-flash",
    version="001",
    display_name="Gemini 2.5 Flash",
    description="Stable version of Gemini 2.5 Flash, our mid-size multimodal model that supports up to "
    "1 million tokens, released in June of 2025.",
    output_token_limit=65536,
    top_k=64,
    thinking=True,
    shape=Shape.V2_5,
    released=date(2025, 6, 17),
    retired=None,
    vertex=VertexTuning(date(2025, 8, 1), None, (1, 2, 4, 8, 16), 4, 1.0, 2.9),
)

_GEMINI_2_5 = (
    _FLASH_2_5,
    replace(
        _FLASH_2_5,
        id="gemini-2.5-pro",
        version="2.5",
        display_name="Gemini 2.5 Pro",
        description="Stable release (June 17th, 2025) of Gemini 2.5 Pro",
        vertex=VertexTuning(date(2025, 8, 1), None, (1, 2, 4, 8), 4, 1.0, 8.0),
    ),
    replace(
        _FLASH_2_5,
        id="gemini-2.5-flash-lite",
        display_name="Gemini 2.5 Flash-Lite",
        description="Stable version of Gemini 2.5 Flash-Lite, released in July of 2025",
        released=date(2025, 7, 22),
        vertex=VertexTuning(date(2025, 8, 1), None, (1, 2, 4, 8, 16), 4, 1.0, 2.4),
    ),
    replace(
        _FLASH_2_5,
        id="gemini-flash-latest",
        version="Gemini Flash Latest",
        display_name="Gemini Flash Latest",
        description="Latest release of Gemini Flash",
        released=date(2025, 9, 25),
        vertex_api=False,
        vertex=None,
    ),
    replace(
        _FLASH_2_5,
        id="gemini-flash-lite-latest",
        version="Gemini Flash-Lite Latest",
        display_name="Gemini Flash-Lite Latest",
        description="Latest release of Gemini Flash-Lite",
        released=date(2025, 9, 25),
        vertex_api=False,
        vertex=None,
    ),
)


def _third(
    name: str, title: str, released: date, retired: date | None = None, *, tuned: date | None = None
) -> BaseModel:
    """A model of the third generation; versions and descriptions are our choice: not seen."""
    return replace(
        _FLASH_2_5,
        id=name,
        version=name.removeprefix("gemini-"),
        display_name=title,
        description=title,
        released=released,
        retired=retired,
        vertex=VertexTuning(tuned, None, (1, 2, 4, 8, 16), 4, 1.0, 2.9) if tuned else None,
    )


_GEMINI_3 = (
    _third("gemini-3-pro-preview", "Gemini 3 Pro Preview", date(2025, 11, 18), date(2026, 3, 9)),
    _third("gemini-3-flash-preview", "Gemini 3 Flash Preview", date(2025, 12, 17)),
    _third("gemini-3.1-pro-preview", "Gemini 3.1 Pro Preview", date(2026, 2, 19)),
    _third("gemini-3.1-flash-lite", "Gemini 3.1 Flash-Lite", date(2026, 5, 7), tuned=date(2026, 9, 1)),
    _third("gemini-3.5-flash", "Gemini 3.5 Flash", date(2026, 5, 19), tuned=date(2026, 9, 1)),
    _third("gemini-3.5-flash-lite", "Gemini 3.5 Flash-Lite", date(2026, 7, 21)),
    _third("gemini-3.6-flash", "Gemini 3.6 Flash", date(2026, 7, 21)),
    _third("gemini-3.7-flash", "Gemini 3.7 Flash", date(2026, 8, 13)),
    _third("gemini-3.8-flash", "Gemini 3.8 Flash", date(2026, 9, 2)),
)

_EMBEDDING = replace(
    _FLASH_2_0,
    id="embedding-001",
    version="001",
    display_name="Embedding 001",
    description="Obtain a distributed representation of a text.",
    input_token_limit=2048,
    output_token_limit=1,
    methods=("embedContent",),
    temperature=None,
    top_p=None,
    top_k=None,
    max_temperature=None,
    shape=Shape.V1_0,
    released=date(2023, 12, 13),
    retired=date(2025, 10, 30),
    vertex_api=False,
    embedding_dimensions=768,
)

_OTHERS = (
    _EMBEDDING,
    replace(
        _EMBEDDING,
        id="text-embedding-004",
        version="004",
        display_name="Text Embedding 004",
        released=date(2024, 4, 9),
        retired=date(2026, 1, 14),
        vertex_api=True,
    ),
    replace(
        _EMBEDDING,
        id="gemini-embedding-001",
        display_name="Gemini Embedding 001",
        methods=("embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"),
        released=date(2025, 7, 14),
        retired=None,
        vertex_api=True,
        embedding_dimensions=3072,
    ),
    replace(
        _EMBEDDING,
        id="aqa",
        display_name="Model that performs Attributed Question Answering.",
        description="Model trained to return answers to questions that are grounded in provided sources, "
        "along with estimating answerable probability.",
        input_token_limit=7168,
        output_token_limit=1024,
        methods=("generateAnswer",),
        temperature=0.2,
        top_p=1.0,
        top_k=40,
        retired=None,
        embedding_dimensions=None,
    ),
    replace(
        _FLASH_2_0,
        id="gemma-3-27b-it",
        version="001",
        display_name="Gemma 3 27B",
        description="",
        input_token_limit=131_072,
        methods=_GENERATE,
        top_k=64,
        max_temperature=None,
        released=date(2025, 3, 12),
        retired=None,
        vertex_api=False,
    ),
)

LATER_MODELS: tuple[BaseModel, ...] = (*_GEMINI_2_0, *_GEMINI_2_5, *_GEMINI_3, *_OTHERS)
"""Oldest generation first, and last those that do not generate as Gemini does."""
