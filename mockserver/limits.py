"""How much one request may ask for: every such limit is declared here, and enforced where it says.

A limit that Google has was seen or is documented, and says so; the others are our choice, far beyond what a program
asks for, so that one request cannot stop the server for everybody.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit: what it counts, the modules that enforce it, and the answer beyond it."""

    name: str
    value: int
    counts: str
    modules: str
    answer: str
    google: bool = False


LIMITS: dict[str, Limit] = {}
"""All limits, by the name of the constant."""


def _declare(name: str, value: int, counts: str, *, modules: str, answer: str, google: bool = False) -> int:
    LIMITS[name] = Limit(name, value, counts, modules, answer, google)
    return value


REQUEST_BYTES = _declare(
    "REQUEST_BYTES",
    20_971_520,  # the newest of the limits seen in "Request payload size exceeds the limit: N bytes."
    "bytes of a request's body",
    modules="mockserver.http.face",
    answer="400 Request payload size exceeds the limit",
    google=True,
)
QUICK_BYTES = _declare(
    "QUICK_BYTES",
    65_536,
    "bytes of a body that is read between other requests; a longer one is read in a thread",
    modules="mockserver.http.face",
    answer="none: it takes longer",
)
REPEATED_BYTES = _declare(
    "REPEATED_BYTES",
    4096,
    "bytes of a body that is read once if it comes again; a longer one is read each time",
    modules="mockserver.protojson.reading",
    answer="none: it takes longer",
)
REPEATED_REQUESTS = _declare(
    "REPEATED_REQUESTS",
    128,
    "different requests after which one that comes again is read again",
    modules="mockserver.protojson.reading",
    answer="none: it takes longer",
)
OBJECT_BYTES = _declare(
    "OBJECT_BYTES",
    268_435_456,  # our choice: two and a half of the client library's chunks of 100 MB; Google's limit is 5 TiB
    "bytes of an object that is stored, and of a request that brings a part of it",
    modules="mockserver.cloud_storage.face, mockserver.cloud_storage.uploads",
    answer="413",
)
OBJECTS_BYTES = _declare(
    "OBJECTS_BYTES",
    536_870_912,  # our choice
    "bytes of all objects in a world, and of its uploads that have not ended",
    modules="mockserver.cloud_storage.uploads",
    answer="413",
)
OBJECT_METADATA_BYTES = _declare(
    "OBJECT_METADATA_BYTES",
    65_536,  # our choice: custom metadata alone may have 8 KiB [documented]
    "bytes of the JSON that describes an object or a bucket",
    modules="mockserver.cloud_storage.call",
    answer="400",
)
OPEN_UPLOADS = _declare(
    "OPEN_UPLOADS",
    100,
    "resumable uploads in a world that have not ended",
    modules="mockserver.cloud_storage.uploads",
    answer="none: the oldest one is forgotten",
)
CONTROL_BYTES = _declare(
    "CONTROL_BYTES",
    10_000_000,
    "bytes of a request to the control API",
    modules="mockserver.control.routes",
    answer="400",
)
TOKEN_BYTES = _declare(
    "TOKEN_BYTES",
    65_536,
    "bytes of a request for an access token",
    modules="mockserver.http.identity",
    answer="400 invalid_request",
)
CONTROL_DEPTH = _declare(
    "CONTROL_DEPTH",
    100,
    "lists and objects inside each other in a request to the control API",
    modules="mockserver.control.table",
    answer="400",
)
SCHEMA_WORK = _declare(
    "SCHEMA_WORK",
    262_144,
    "characters of an answer made from a schema, together with the members of schemas looked at",
    modules="mockserver.generation.schema_values",
    answer="200 with a text that says that the value would be too large",
)
ANSWER_CHARACTERS = _declare(
    "ANSWER_CHARACTERS",
    20_971_520,
    "characters of all candidates of an answer, or of all responses of a batch",
    modules="mockserver.generation.pipeline, mockserver.gemini.batches",
    answer="400",
)
SHOWN_TOKENS = _declare(
    "SHOWN_TOKENS",
    500_000,
    "tokens that computeTokens lists",
    modules="mockserver.vertex.generation",
    answer="400",
)
STOP_SEQUENCES = _declare(
    "STOP_SEQUENCES",
    100,
    "stop sequences of a request; 5 are documented",
    modules="mockserver.generation.pipeline",
    answer="400",
)
FINDINGS = _declare(
    "FINDINGS",
    1_000,
    "problems of one request that an error lists",
    modules="mockserver.gemini.errors, mockserver.vertex.errors",
    answer="400 with the first of them",
)
VIOLATIONS = _declare(
    "VIOLATIONS",
    10_000,
    "members of one request that cannot be bound and that an error lists",
    modules="mockserver.protojson.message_encoder",
    answer="400 with the first of them",
)
LOGPROBS = _declare(
    "LOGPROBS",
    50_000,
    "tokens with log probabilities in one answer, chosen ones and alternatives of all candidates",
    modules="mockserver.generation.pipeline",
    answer="400",
)
EXPRESSION_PLACES = _declare(
    "EXPRESSION_PLACES",
    2_000,
    "length of a regular expression that a tester or a client gives, with repetitions written out",
    modules="mockserver.scripting.expressions",
    answer="ValueError; 400 from the control API or in a reward",
)
REWARDS = _declare(
    "REWARDS",
    100,
    "rewards in one configuration",
    modules="mockserver.vertex.tuning_preparation",
    answer="400",
)
REWARD_EXPRESSION = _declare(
    "REWARD_EXPRESSION",
    10_000,
    "characters of a reward's expression",
    modules="mockserver.vertex.tuning_preparation",
    answer="400",
)
REWARD_RESPONSE = _declare(
    "REWARD_RESPONSE",
    10_000,
    "characters of a response from which a part is extracted by an expression",
    modules="mockserver.vertex.tuning_preparation",
    answer="400",
)
REWARD_REFERENCES = _declare(
    "REWARD_REFERENCES",
    1_000_000,
    "characters of the references that one expression names",
    modules="mockserver.vertex.tuning_preparation",
    answer="400",
)
REWARD_WORK = _declare(
    "REWARD_WORK",
    100_000_000,
    "length of expressions times characters of a response, of all rewards together",
    modules="mockserver.vertex.tuning_preparation",
    answer="400",
)
REWARD_STEPS = _declare(
    "REWARD_STEPS",
    1_000_000,
    "steps to find where expressions match, of all rewards together",
    modules="mockserver.vertex.tuning_preparation",
    answer="400",
)
FILTER_DEPTH = _declare(
    "FILTER_DEPTH",
    100,
    "brackets and negations of a filter",
    modules="mockserver.vertex.filters",
    answer="400 Invalid filter",
)
MESSAGE_DEPTH = _declare(
    "MESSAGE_DEPTH",
    100,
    "objects inside each other in a request",
    modules="mockserver.protojson.exact_reader, mockserver.protojson.field_mask",
    answer="400 Message too deep",
    google=True,
)
TUNING_STEPS = _declare(
    "TUNING_STEPS",
    100_000,
    "steps of a tuned model",
    modules="mockserver.gemini.tuned_model_creation",
    answer="400 must make at most 100000 steps",
)
