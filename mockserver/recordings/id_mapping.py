"""Which of our names stands for which recorded one: ids are minted, so they differ, and must differ consistently."""

import re

# Collections whose ids are minted by the service. Those of base models and locations mean something.
_MINTED = frozenset(
    """batches contexts endpoints executions experiments files operations permissions projects runs tensorboards
    timeSeries tunedModels tuningJobs versions""".split()  # noqa: SIM905 - one word after another reads better
)
_NAME = re.compile(r"(?<![\w.@-])[\w.@-]++(?:/[\w.@:%-]+)+")
_NUMBER = re.compile(r"\d{6,}")


class Names:
    """Recorded names and ours, found out as replies are compared."""

    def __init__(self) -> None:
        self._ours: dict[str, str] = {}
        self._given: set[str] = set()
        self._finder = re.compile(r"(?!)")

    def give(self, text: str) -> None:
        """Every word of this text was chosen by the client: it stands for itself."""
        self._given |= set(re.findall(r"[\w.@-]+", text)) - self._ours.keys()

    def learn(self, recorded: str, ours: str) -> None:
        """Take two texts in the same place to name the same thing, as far as their ids are minted."""
        if recorded == ours:
            return
        first, second = recorded.split("/"), ours.split("/")
        if len(first) == len(second) and len(first) > 1:
            for before, old, new in zip(["", *first], first, second, strict=False):
                if old == new or (old in self._given and before != "projects"):
                    continue  # the service writes a project's number where the client wrote its id
                if before in _MINTED or _are_numbers(old, new):
                    self._pair(old, new)
        elif _are_numbers(recorded, ours) and recorded not in self._given:
            self._pair(recorded, ours)

    def equate(self, recorded: str, ours: str) -> None:
        """Take two opaque texts, such as page tokens, for the same."""
        if recorded != ours:
            self._pair(recorded, ours)

    def _pair(self, recorded: str, ours: str) -> None:
        old, at, version = recorded.partition("@")
        new, _, other = ours.partition("@")
        if at and version == other:
            recorded, ours = old, new
        self._ours.setdefault(recorded, ours)
        longest_first = sorted(self._ours, key=len, reverse=True)
        self._finder = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])")

    def translate(self, text: str) -> str:
        """A recorded text with our names in it."""
        return self._finder.sub(lambda found: self._ours[found[0]], text)

    def learn_from_texts(self, recorded: str, ours: str) -> None:
        """Learn from the names within two sentences that say the same of different things."""
        for old, new in zip(_NAME.findall(recorded), _NAME.findall(ours), strict=False):
            self.learn(old, new)


def _are_numbers(recorded: str, ours: str) -> bool:
    """Whether both are long numbers, perhaps with a version: ids that nobody chose."""
    old, new = recorded.partition("@"), ours.partition("@")
    return bool(_NUMBER.fullmatch(old[0]) and _NUMBER.fullmatch(new[0])) and old[1:] == new[1:]
