"""What is an exception from a rule has its reason on the same line."""

import re
from pathlib import Path

import pytest

from contract_tests.environment import ROOT

FOLDERS = ("mockserver", "contract_tests", "scripts", "benchmarks")
MODULES = sorted(module for folder in FOLDERS for module in (ROOT / folder).rglob("*.py"))

BROAD = re.compile(r"^\s*except\b[^#]*\b(?:Exception|BaseException)\b[^#]*:|^\s*except\s*:")


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_a_broad_except_has_its_reason(module: Path) -> None:
    """Why it catches what nobody expects."""
    lines = enumerate(module.read_text(encoding="utf-8").splitlines(), 1)

    assert [] == [f"{number}: {line}" for number, line in lines if BROAD.search(line) and not has_reason(line)]


def has_reason(line: str) -> bool:
    """Return whether a comment on the line says more than which rule it breaks."""
    comment = line[line.find("#") :] if "#" in line else ""
    return bool(re.match(r"#(?: noqa: [A-Z0-9, ]+ -)? (?!noqa)\w", comment))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("    except Exception:", False),
        ("    except Exception:  # noqa: BLE001", False),
        ("    except Exception:  # noqa: BLE001 - it is shown", True),
        ("    except (OSError, BaseException) as error:  # whatever it is", True),
    ],
)
def test_the_name_of_a_rule_is_no_reason(line: str, *, reason: bool) -> None:
    """And a reason is one."""
    assert BROAD.search(line)
    assert reason == has_reason(line)
