"""Maps recorded ids to ours: services assign ids, so ours differ, and they must differ consistently."""

import re

# Collections whose ids the service assigns. The ids of base models and locations have a meaning.
_ASSIGNED = frozenset(
    """batches cachedContents contexts endpoints executions experiments files operations permissions projects runs
    tensorboards timeSeries tunedModels tuningJobs versions""".split()  # noqa: SIM905 - one word after another reads better
)
_NAME = re.compile(r"(?<![\w.@-])[\w.@-]++(?:/[\w.@:%-]+)+")
_NUMBER = re.compile(r"\d{6,}")


class IdMapping:
    """Pairs of recorded ids and ours, learned as responses are compared."""

    def __init__(self) -> None:
        self._ours: dict[str, str] = {}
        self._client_words: set[str] = set()
        self._recorded_ids = re.compile(r"(?!)")

    def keep_client_words(self, text: str) -> None:
        """Do not map the words of this text: the client chose them."""
        self._client_words |= set(re.findall(r"[\w.@-]+", text)) - self._ours.keys()

    def learn(self, recorded: str, ours: str) -> None:
        """Pair the assigned ids of two texts that stand in the same position."""
        if recorded == ours:
            return
        old_segments, new_segments = recorded.split("/"), ours.split("/")
        if len(old_segments) == len(new_segments) > 1:
            for collection, old, new in zip(["", *old_segments], old_segments, new_segments, strict=False):
                if old == new or (old in self._client_words and collection != "projects"):
                    continue  # the service writes a project's number where the client wrote its id
                if collection in _ASSIGNED or _are_numbers(old, new):
                    self._add(old, new)
        elif _are_numbers(recorded, ours) and recorded not in self._client_words:
            self._add(recorded, ours)

    def equate(self, recorded: str, ours: str) -> None:
        """Pair two opaque texts, such as page tokens."""
        if recorded != ours:
            self._add(recorded, ours)

    def _add(self, recorded: str, ours: str) -> None:
        old, at, version = recorded.partition("@")
        new, _, our_version = ours.partition("@")
        if at and version == our_version:
            recorded, ours = old, new
        self._ours.setdefault(recorded, ours)
        longest_first = sorted(self._ours, key=len, reverse=True)
        self._recorded_ids = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])")

    def translate(self, text: str) -> str:
        """Replace the recorded ids in a text by ours."""
        return self._recorded_ids.sub(lambda match: self._ours[match[0]], text)

    def learn_from_texts(self, recorded: str, ours: str) -> None:
        """Pair the ids in two sentences."""
        for old, new in zip(_NAME.findall(recorded), _NAME.findall(ours), strict=False):
            self.learn(old, new)


def _are_numbers(recorded: str, ours: str) -> bool:
    """Return whether both are long numbers, with the same version if any: ids that nobody chose."""
    old, new = recorded.partition("@"), ours.partition("@")
    return bool(_NUMBER.fullmatch(old[0]) and _NUMBER.fullmatch(new[0])) and old[1:] == new[1:]
