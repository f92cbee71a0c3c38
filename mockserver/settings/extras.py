"""How to install the libraries that only some users need."""

DISTRIBUTION = "gemini-tuning-mockserver"


def install_command(extra: str) -> str:
    """Return the command that installs the libraries of an extra.

    It names the libraries, and the extra after them: the name of the extra alone works only where pip finds this
    package, which a clone is not.
    """
    from importlib.metadata import PackageNotFoundError, requires  # noqa: PLC0415 - only a missing library needs it

    try:
        requirements = requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # the package is on the path without being installed
        requirements = []
    marker = f"extra == '{extra}'"
    needed = [each.partition(";")[0].strip() for each in requirements if marker in each.replace('"', "'")]
    if not needed:  # what is installed is older than the extra
        return f"pip install '{DISTRIBUTION}[{extra}]'"
    return " ".join(["pip install", *(f"'{each}'" for each in needed), f" # the extra [{extra}]"])
