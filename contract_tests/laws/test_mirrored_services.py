"""The rooms of the two services have the same parts under the same names, in the same order."""

import ast
from pathlib import Path

import pytest

from contract_tests.environment import ROOT

GEMINI, VERTEX = ROOT / "mockserver" / "gemini", ROOT / "mockserver" / "vertex"

PARTS = (
    "dataset_rules",
    "errors",
    "filters",
    "generation",
    "models",
    "operations",
    "prompts",
    "responses",
    "routes",
    "service",
    "store",
    "targets",
    "training_data",
    "versions",
)
RESOURCE = {GEMINI: "tuned_model", VERTEX: "tuning_job"}

ORDER = ("find", "create", "get", "list", "update", "delete", "show")
"""The verbs of a resource's functions in the order in which they are defined."""

# Modules with a plural name.
RESOURCES = [path for room in RESOURCE for path in sorted(room.glob("*s.py"))]

# The same functions in both services.
ALIKE = {
    "errors": {"invalid_fields", "not_found"},
    "generation": {"answer_request", "count_tokens", "generate_content", "stream_generate_content"},
    "models": {"get_model", "list_models", "show_model"},
    "operations": {"cancel_operation", "delete_operation", "find_operation", "get_operation", "list_operations"},
    "responses": {"print_response", "print_stream", "response_id"},
    "targets": {"find_target"},
    "training_data": {"read_training_data"},
    "versions": {"message_name", "type_url"},
}


def functions(path: Path) -> list[str]:
    """The names of the functions of a module, in their order."""
    return [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_has_one_name(part: str) -> None:
    """What one service keeps in a file, the other keeps in a file of the same name."""
    for room in (GEMINI, VERTEX):
        assert (room / f"{part}.py").exists()
        assert ALIKE.get(part, set()) <= set(functions(room / f"{part}.py"))


@pytest.mark.parametrize("room", [GEMINI, VERTEX], ids=["gemini", "vertex"])
def test_the_resource_that_is_tuned_has_the_same_files(room: Path) -> None:
    """Its handlers, its creation, its views and its records."""
    name = RESOURCE[room]

    assert {f"create_{name}", f"get_{name}", f"list_{name}s"} <= set(functions(room / f"{name}s.py"))
    assert f"new_{name}" in functions(room / f"{name}_creation.py")
    assert f"show_{name}" in functions(room / f"{name}_views.py")
    assert f"find_{name}" in functions(room / "store.py")


@pytest.mark.parametrize("path", RESOURCES, ids=lambda path: "/".join(path.parts[-2:]))
def test_functions_are_in_the_order_of_a_resource(path: Path) -> None:
    """Find, create, get, list, update, delete, show: a reader of one file knows where to look in the next."""
    verbs = [name.partition("_")[0] for name in functions(path)]
    order = [verb for verb in verbs if verb in ORDER]

    assert sorted(order, key=ORDER.index) == order
