"""What to do about errors that clients and Python raise in a test: for the report of a failed test."""

from collections.abc import Iterable, Iterator

from mockserver.settings.reading import nearest

_ADVICE = {
    "the client has been closed": "keep the client in a variable: Python deletes one that nothing refers to, and its"
    " connections with it, while the call goes on",
    "training_data is not specified": "google-genai leaves training data out for the Developer API, and so does the real"
    " service refuse it; docs/clients.md (over REST) says how to tune there",
    "'Resource' object has no attribute 'media'": "google-generativeai asks for media.upload, which is left out: files are"
    " not supported by this server, on purpose. Training examples are sent inline; docs/methods.md (not supported)",
    "api_key and credentials are mutually exclusive": "the client takes no credentials beside an API key, and found the"
    " made-up key that the fixture puts into the environment: leave it out with"
    " @pytest.mark.mockserver(fake_api_key=False)",
    "Reauthentication is needed": "the client found your own credentials: pass credentials=Credentials(token=...)",
}
"""A part of an error's text, and what to do. docs/troubleshooting.md has these and more."""


def advise(errors: Iterable[BaseException]) -> Iterator[str]:
    """Yield what to do about an error and those that led to it, as far as it is known."""
    for error in errors:
        if isinstance(error, AttributeError) and error.name and type(error.obj).__module__.startswith("mockserver."):
            # Python says so too, but only in its own tracebacks.
            names = [name for name in dir(error.obj) if not name.startswith("_")]
            if near := nearest(error.name, names):
                yield f"{type(error.obj).__name__} has no {error.name!r}; did you mean {near!r}?"
        yield from (advice for text, advice in _ADVICE.items() if text in str(error))
