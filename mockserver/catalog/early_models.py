"""The models that are gone: PaLM, Gemini 1.0 and Gemini 1.5. The Developer API tuned only these."""

from dataclasses import replace
from datetime import date

from mockserver.catalog.base_model import BaseModel, Shape, VertexTuning

_PALM_END = date(2024, 8, 15)
_PRO_1_0_END = date(2025, 2, 15)
_TUNING_END = date(2025, 6, 13)  # no model lists createTunedModel any more (seen that day)
_V1_5_END = date(2025, 9, 24)

_GENERATE = ("generateContent", "countTokens")
_CACHED = ("createCachedContent", "generateContent", "countTokens")
_TUNED = ("generateContent", "countTokens", "createTunedModel")

_TEXT_BISON = BaseModel(
    id="text-bison-001",
    version="001",
    display_name="PaLM 2 (Legacy)",
    description="A legacy model that understands text and generates text as an output",
    input_token_limit=8196,
    output_token_limit=1024,
    methods=("generateText", "countTextTokens", "createTunedTextModel"),
    temperature=0.7,
    top_p=0.95,
    top_k=40,
    max_temperature=None,
    thinking=False,
    shape=Shape.PALM,
    released=date(2023, 9, 1),
    retired=_PALM_END,
    tunable_from=date(2023, 9, 1),
    tunable_until=_PALM_END,
)
_UNTUNED_BISON = replace(
    _TEXT_BISON,
    methods=("generateText", "countTextTokens"),
    released=date(2023, 5, 10),
    retired=date(2023, 9, 1),
    dated=True,
    tunable_from=None,
    tunable_until=None,
)

_PALM = (
    replace(
        _UNTUNED_BISON,
        id="chat-bison-001",
        display_name="PaLM 2 Chat (Legacy)",
        description="A legacy text-only model optimized for chat conversations",
        input_token_limit=4096,
        methods=("generateMessage", "countMessageTokens"),
        temperature=0.25,
        retired=_PALM_END,
        dated=False,
    ),
    _UNTUNED_BISON,
    _TEXT_BISON,
    replace(
        _TEXT_BISON,
        id="text-bison-tuning-test",
        version="tuning-test",  # our choice: not seen
        display_name="PaLM 2 Tuning Test",  # our choice: not seen
        description="A small model to try tuning with",  # our choice: not seen
    ),
    replace(
        _UNTUNED_BISON,
        id="embedding-gecko-001",
        display_name="Embedding Gecko",
        description="Obtain a distributed representation of a text.",
        input_token_limit=1024,
        output_token_limit=1,
        methods=("embedText", "countTextTokens"),
        temperature=None,
        top_p=None,
        top_k=None,
        retired=_PALM_END,
        dated=False,
        embedding_dimensions=768,
    ),
)

_PRO_1_0 = BaseModel(
    id="gemini-1.0-pro",
    version="001",
    display_name="Gemini 1.0 Pro",
    description="The best model for scaling across a wide range of tasks",
    input_token_limit=30720,
    output_token_limit=2048,
    methods=_GENERATE,
    temperature=0.9,
    top_p=1.0,
    top_k=1,
    max_temperature=None,
    thinking=False,
    shape=Shape.V1_0,
    released=date(2023, 12, 13),
    retired=_PRO_1_0_END,
    vertex_api=True,
    step_seconds=1.6,
)
_PRO_1_0_001 = replace(
    _PRO_1_0,
    id="gemini-1.0-pro-001",
    display_name="Gemini 1.0 Pro 001 (Tuning)",
    description="The best model for scaling across a wide range of tasks. This is a stable model that supports tuning.",
    methods=_TUNED,
    released=date(2024, 5, 1),
    retired=date(2024, 6, 1),
    tunable_from=date(2024, 2, 20),
    tunable_until=_PRO_1_0_END,
)

_GEMINI_1_0 = (
    replace(_PRO_1_0, id="gemini-pro", released=date(2023, 12, 13)),
    _PRO_1_0,
    replace(
        _PRO_1_0_001, display_name="Gemini 1.0 Pro", released=date(2024, 2, 20), retired=date(2024, 5, 1), dated=True
    ),
    _PRO_1_0_001,
    replace(
        _PRO_1_0_001,
        description="The original Gemini 1.0 Pro model version that supports tuning. "
        "Gemini 1.0 Pro will be discontinued on February 15th, 2025. Move to a newer Gemini version.",
        top_k=None,
        released=date(2024, 6, 1),
        retired=_PRO_1_0_END,
        dated=True,
    ),
    replace(
        _PRO_1_0,
        id="gemini-1.0-pro-latest",
        display_name="Gemini 1.0 Pro Latest",
        description="The best model for scaling across a wide range of tasks. This is the latest model.",
        released=date(2024, 2, 15),
    ),
    replace(
        _PRO_1_0,
        id="gemini-1.0-pro-002",
        version="002",
        display_name="Gemini 1.0 Pro 002",
        released=date(2024, 4, 9),
        retired=date(2025, 4, 9),
        developer_api=False,
        vertex=VertexTuning(date(2024, 4, 9), date(2025, 4, 9), (1, 4, 8, 16), 4, 1.0, 4.0),
    ),
    *(
        replace(
            _PRO_1_0,
            id=name,
            display_name="Gemini 1.0 Pro Vision",
            description="The best image understanding model to handle a broad range of applications",
            input_token_limit=12288,
            output_token_limit=4096,
            temperature=0.4,
            top_k=32,
            retired=date(2024, 7, 12),
        )
        for name in ("gemini-1.0-pro-vision-latest", "gemini-pro-vision")
    ),
)

_FLASH_1_5 = BaseModel(
    id="gemini-1.5-flash",
    version="001",
    display_name="Gemini 1.5 Flash",
    description="Alias that points to the most recent stable version of Gemini 1.5 Flash, "
    "our fast and versatile multimodal model for scaling across diverse tasks.",
    input_token_limit=1_000_000,
    output_token_limit=8192,
    methods=_GENERATE,
    temperature=1.0,
    top_p=0.95,
    top_k=40,
    max_temperature=2.0,
    thinking=False,
    shape=Shape.V1_5,
    released=date(2024, 5, 14),
    retired=_V1_5_END,
    vertex_api=True,
    step_seconds=2.34,
)
_FLASH_TUNING = replace(
    _FLASH_1_5,
    id="gemini-1.5-flash-001-tuning",
    display_name="Gemini 1.5 Flash 001 Tuning",
    description="Version of Gemini 1.5 Flash that supports tuning, our fast and versatile multimodal model "
    "for scaling across diverse tasks, released in May of 2024.",
    input_token_limit=16384,
    methods=_TUNED,
    top_k=64,
    released=date(2024, 11, 1),
    retired=_TUNING_END,
    vertex_api=False,
    tunable_from=date(2024, 8, 1),
    tunable_until=_TUNING_END,
)
_PRO_1_5 = replace(
    _FLASH_1_5,
    id="gemini-1.5-pro",
    display_name="Gemini 1.5 Pro",
    description="Stable version of Gemini 1.5 Pro, our mid-size multimodal model that supports up to "
    "2 million tokens, released in May of 2024.",
    input_token_limit=2_000_000,
)

_GEMINI_1_5 = (
    replace(
        _PRO_1_5,
        id="gemini-1.5-pro-latest",
        display_name="Gemini 1.5 Pro Latest",
        description="Alias that points to the most recent production (non-experimental) release of Gemini 1.5 Pro, "
        "our mid-size multimodal model that supports up to 2 million tokens.",
    ),
    replace(
        _PRO_1_5,
        id="gemini-1.5-pro-001",
        display_name="Gemini 1.5 Pro 001",
        methods=_CACHED,
        top_k=64,
        retired=date(2025, 5, 27),
    ),
    replace(
        _PRO_1_5,
        id="gemini-1.5-pro-002",
        version="002",
        display_name="Gemini 1.5 Pro 002",
        description="Stable version of Gemini 1.5 Pro, our mid-size multimodal model that supports up to "
        "2 million tokens, released in September of 2024.",
        methods=_CACHED,
        released=date(2024, 9, 24),
        vertex=VertexTuning(date(2024, 9, 24), _V1_5_END, (1, 4), 4, 1.0, 22.0, largest_batch=75),
    ),
    _PRO_1_5,
    replace(
        _FLASH_1_5,
        id="gemini-1.5-flash-latest",
        display_name="Gemini 1.5 Flash Latest",
        answers_as="gemini-1.5-flash-002",  # seen on 2024-11-18
    ),
    replace(
        _FLASH_1_5,
        id="gemini-1.5-flash-001",
        display_name="Gemini 1.5 Flash 001",
        description="Stable version of Gemini 1.5 Flash, our fast and versatile multimodal model "
        "for scaling across diverse tasks, released in May of 2024.",
        methods=_CACHED,
        top_k=64,
        retired=date(2025, 5, 27),
    ),
    replace(
        _FLASH_TUNING,
        description="Fast and versatile multimodal model for scaling across diverse tasks",
        released=date(2024, 8, 1),
        retired=date(2024, 11, 1),
        dated=True,
    ),
    _FLASH_TUNING,
    _FLASH_1_5,
    replace(
        _FLASH_1_5,
        id="gemini-1.5-flash-002",
        version="002",
        display_name="Gemini 1.5 Flash 002",
        description="Stable version of Gemini 1.5 Flash, our fast and versatile multimodal model "
        "for scaling across diverse tasks, released in September of 2024.",
        methods=_CACHED,
        released=date(2024, 9, 24),
        vertex=VertexTuning(date(2024, 9, 24), _V1_5_END, (1, 4, 8, 16), 8, 1.0, 4.9, largest_batch=75),
    ),
    *(
        replace(
            _FLASH_1_5,
            id=name,
            display_name=title,
            description="Stable version of Gemini 1.5 Flash-8B, our smallest and most cost effective Flash model, "
            "released in October of 2024.",
            methods=_CACHED,
            released=date(2024, 10, 3),
        )
        for name, title in (
            ("gemini-1.5-flash-8b", "Gemini 1.5 Flash-8B"),
            ("gemini-1.5-flash-8b-001", "Gemini 1.5 Flash-8B 001"),
            ("gemini-1.5-flash-8b-latest", "Gemini 1.5 Flash-8B Latest"),
        )
    ),
)

EARLY_MODELS: tuple[BaseModel, ...] = (*_PALM, *_GEMINI_1_0, *_GEMINI_1_5)
"""Oldest first."""
