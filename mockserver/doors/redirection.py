"""Functions that do something else for a while, also for whoever kept a reference to them.

`from time import sleep as pause`, a default argument and `functools.partial(time.sleep, 5)` hold the function itself.
So it is the function that changes, not the name: a function in Python gets other code, and a function in C another
C function to call. Elsewhere than on CPython, a function in C is replaced by its name only.
"""

import contextlib
import ctypes
import sys
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from mockserver.doors.patching import replaced

_CALLERS = {
    0x0001: ctypes.pythonapi.PyObject_CallObject,  # METH_VARARGS
    0x0003: ctypes.pythonapi.PyObject_Call,  # METH_VARARGS | METH_KEYWORDS
    0x0004: ctypes.pythonapi.PyObject_CallNoArgs,  # METH_NOARGS
    0x0008: ctypes.pythonapi.PyObject_CallOneArg,  # METH_O
}
"""By the flags of a method: the function of Python's C API that calls an object with the method's arguments."""


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
    """What calls the replacement. The `__self__` of a function in C is a module, by which pickle finds the function."""

    def __init__(self, module: str, replacement: Callable[..., Any]) -> None:
        super().__init__(module)
        self._replacement = replacement

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._replacement(*args, **kwargs)


@contextlib.contextmanager
def redirected(
    module: ModuleType, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Iterator[None]:
    """While inside, the function `module.name` calls what `make` returns for the original."""
    builtin = getattr(module, name)
    # Somebody else may have put a function of their own there, as freezegun does.
    if sys.implementation.name != "cpython" or not isinstance(builtin, BuiltinFunctionType):
        with replaced(module, name, make(builtin)):
            yield
        return
    structure = _Builtin.from_address(id(builtin))
    before = (ctypes.c_void_p * 2)(*structure.target)
    method = _Method.from_address(before[0] or 0)
    caller = ctypes.cast(_CALLERS[method.flags], ctypes.c_void_p)
    other = _Method(method.name, caller, method.flags, method.doc)
    receiver = _Receiver(module.__name__, make(_copy(before[0] or 0, module)))
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


def _copy(method: int, module: ModuleType) -> Callable[..., Any]:
    """Make a function of its own for the method."""
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype = ctypes.py_object
    make.argtypes = (ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
    function: Callable[..., Any] = make(method, module, module.__name__)
    return function
