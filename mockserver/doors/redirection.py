"""Functions that do something else for a while, also for whoever kept a reference to them.

`from time import sleep as pause`, a default argument and `functools.partial(time.sleep, 5)` hold the function itself.
So it is the function that changes, not the name: a function in Python gets other code, and a function in C another
C function to call. Where that is not possible (see `_reaches_into_c`), a function in C is replaced by its name only.
"""

import contextlib
import ctypes
import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from mockserver.doors.patching import replaced

_CALLERS = {
    0x0001: "PyObject_CallObject",  # METH_VARARGS
    0x0003: "PyObject_Call",  # METH_VARARGS | METH_KEYWORDS
    0x0004: "PyObject_CallNoArgs",  # METH_NOARGS
    0x0008: "PyObject_CallOneArg",  # METH_O
    0x0082: "PyObject_Vectorcall",  # METH_FASTCALL | METH_KEYWORDS
}
"""By the flags of a method: the function of Python's C API that calls an object with the method's arguments."""


def _reaches_into_c() -> bool:
    """Return whether functions and types in C can be changed: on CPython, while no other thread runs."""
    has_gil: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return sys.implementation.name == "cpython" and has_gil()


def original_of(function: FunctionType) -> Callable[..., Any]:
    """Return a function that does what this one does now, whatever code it gets later."""
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


@contextlib.contextmanager
def code_replaced(function: FunctionType, replacement: FunctionType) -> Iterator[None]:
    """Run the replacement's code when the function is called, while inside.

    The replacement has the same parameters and no variables of an outer function; it runs in the function's module.
    On the way out the code stays if somebody else has changed it since.
    """
    before, after = function.__code__, replacement.__code__
    function.__code__ = after
    try:
        yield
    finally:
        if function.__code__ is after:
            function.__code__ = before


class _Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_void_p),
    )


class _Builtin(ctypes.Structure):
    """PyCFunctionObject: its method, and the object that is the first argument of the method's C function."""

    _fields_ = (("head", ctypes.c_byte * object.__basicsize__), ("target", ctypes.c_void_p * 2))


class _Receiver(ModuleType):
    """What calls the replacement. The `__self__` of a function in C is a module, by which pickle finds the function.

    It keeps the memory of the method: a function that calls the receiver may outlive the redirection.
    """

    def __init__(self, module: str, replacement: Callable[..., Any], method: _Method) -> None:
        super().__init__(module)
        self._replacement = replacement
        self._method = method

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._replacement(*args, **kwargs)


@contextlib.contextmanager
def redirected(
    module: ModuleType, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Iterator[None]:
    """While inside, the function `module.name` calls what `make` returns for the original."""
    builtin = getattr(module, name)
    # Somebody else may have put a function of their own there, as freezegun does.
    flags = _flags(builtin) if isinstance(builtin, BuiltinFunctionType) and _reaches_into_c() else 0
    if flags not in _CALLERS:
        with replaced(module, name, make(builtin)):
            yield
        return
    structure = _Builtin.from_address(id(builtin))
    before = (ctypes.c_void_p * 2)(*structure.target)
    method = _Method.from_address(before[0] or 0)
    caller = ctypes.cast(getattr(ctypes.pythonapi, _CALLERS[flags]), ctypes.c_void_p)
    other = _Method(method.name, caller, flags, method.doc)
    receiver = _Receiver(module.__name__, make(_copy(before, module.__name__)), other)
    # One assignment, during which no other thread runs. The function owns a reference to what it holds.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(receiver))
    after = (ctypes.c_void_p * 2)(ctypes.addressof(other), id(receiver))
    structure.target = after
    try:
        yield
    finally:
        if list(structure.target) == list(after):
            structure.target = before
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(receiver))


def _flags(builtin: BuiltinFunctionType) -> int:
    flags: int = _Method.from_address(_Builtin.from_address(id(builtin)).target[0]).flags
    return flags


@contextlib.contextmanager
def methods_replaced(owner: type, methods: Mapping[str, Any]) -> Iterator[None]:
    """Replace methods of a type in C, which takes no attributes; change nothing where that is not possible.

    On the way out a method stays if somebody else has replaced it since.
    """
    if not _reaches_into_c():
        yield
        return
    members: dict[str, Any] = gc.get_referents(owner.__dict__)[0]
    before = {name: members[name] for name in methods}
    _update(owner, members, methods)
    try:
        yield
    finally:
        _update(owner, members, {name: each for name, each in before.items() if members[name] is methods[name]})


def _update(owner: type, members: dict[str, Any], methods: Mapping[str, Any]) -> None:
    members.update(methods)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(owner))  # the interpreter remembers what it has looked up


def _copy(target: "ctypes.Array[ctypes.c_void_p]", module: str) -> Callable[..., Any]:
    """Make a function of its own for a method and its object."""
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype = ctypes.py_object
    make.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.py_object)
    function: Callable[..., Any] = make(*target, module)
    return function
