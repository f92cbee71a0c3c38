"""Prepares a checkout for the package index, before a release is built: links that work there, and the project's URLs.

    python3 scripts/release_metadata.py https://HOST/OWNER/NAME v1.2.3

The index shows README.md without the files beside it, so links to them become absolute. The tag must be the version.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README, PROJECT, VERSION = ROOT / "README.md", ROOT / "pyproject.toml", ROOT / "mockserver" / "__init__.py"


def absolute_links(markdown: str, url: str, tag: str) -> str:
    """Point links at the files of the tag, and pictures at their bytes."""
    markdown = re.sub(r"(!\[[^]]*\]\()(?!\w+:|#)", rf"\g<1>{url}/raw/{tag}/", markdown)
    return re.sub(r"(?<!!)(\[[^]]*\]\()(?!\w+:|#)", rf"\g<1>{url}/blob/{tag}/", markdown)


def project_urls(url: str, tag: str) -> str:
    """Return the table of URLs for pyproject.toml."""
    links = {
        "Source": url,
        "Documentation": f"{url}/blob/{tag}/README.md#documentation",
        "Changelog": f"{url}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{url}/issues",
    }
    return "\n[project.urls]\n" + "".join(f'{name} = "{link}"\n' for name, link in links.items())


def main(url: str, tag: str) -> str:
    """Change the files. Return what is wrong, "" if nothing."""
    version = re.search(r'^__version__ = "(.*)"$', VERSION.read_text(encoding="utf-8"), re.MULTILINE)
    if version is None or tag != f"v{version[1]}":
        return f"the tag {tag} is not the version of mockserver/__init__.py: {version and version[1]}"
    README.write_text(absolute_links(README.read_text(encoding="utf-8"), url.rstrip("/"), tag), encoding="utf-8")
    project = PROJECT.read_text(encoding="utf-8")
    PROJECT.write_text(
        project.replace("\n[project.scripts]\n", f"{project_urls(url.rstrip('/'), tag)}\n[project.scripts]\n"),
        encoding="utf-8",
    )
    return ""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) or 0)
