"""The chain of a task that waits: from its own coroutine to the innermost, and what that one waits for."""

from gc import get_referents
from types import AsyncGeneratorType, CodeType, CoroutineType, GeneratorType
from typing import Any, Union

HOPS = range(100)  # a chain that is longer is not followed to its end
UVLOOP_RUN = "run.<locals>.wrapper"

# What stands in a chain for a coroutine that it covers, and tells nothing of it: for `async for`, and of `__await__`.
COVERS = {"async_generator_asend", "async_generator_athrow", "coroutine_wrapper"}

PythonCoroutine = Union["CoroutineType[Any, Any, Any]", "GeneratorType[Any, Any, Any]", "AsyncGeneratorType[Any, Any]"]


def chain_of(coroutine: object) -> tuple[list[PythonCoroutine], object]:
    """Return the coroutines from a task's own to the innermost that is Python's, and what that one waits for."""
    chain: list[PythonCoroutine] = []
    for _ in HOPS:
        if isinstance(coroutine, CoroutineType | GeneratorType | AsyncGeneratorType):
            chain.append(coroutine)
            coroutine = awaited(coroutine)
        elif type(coroutine).__name__ in COVERS:
            coroutine = next((each for each in get_referents(coroutine) if is_covered(each)), None)
        else:
            break
    return chain, coroutine


def is_covered(found: object) -> bool:
    """Return whether an object is a coroutine, Python's or Cython's, or an asynchronous generator."""
    return hasattr(found, "cr_await") or isinstance(found, AsyncGeneratorType)


def code_of(coroutine: PythonCoroutine) -> CodeType:
    if isinstance(coroutine, CoroutineType):
        return coroutine.cr_code
    return coroutine.gi_code if isinstance(coroutine, GeneratorType) else coroutine.ag_code


def instruction_of(coroutine: PythonCoroutine) -> int:
    """Return the offset of the instruction at which a coroutine waits."""
    if isinstance(coroutine, CoroutineType):
        frame = coroutine.cr_frame
    else:
        frame = coroutine.gi_frame if isinstance(coroutine, GeneratorType) else coroutine.ag_frame
    return frame.f_lasti if frame else 0


def compiled_name(inner: object) -> str | None:
    """Return the name of the innermost coroutine below an object that is none of Python's own, as Cython's is."""
    name = None
    for _ in HOPS:
        if inner is None or not hasattr(inner, "__qualname__"):
            break
        name, inner = qualified_name(inner), awaited(inner)
    return name


def qualified_name(coroutine: object) -> str:
    """Return the name of the function that a coroutine is of."""
    return str(getattr(coroutine, "__qualname__", type(coroutine).__name__))


def name_of_work(coroutine: object) -> str:
    """Return the name of the function that a task is for; `uvloop.run` puts one of its own around a person's."""
    name = qualified_name(coroutine)
    if name == UVLOOP_RUN and isinstance(coroutine, CoroutineType) and coroutine.cr_frame:
        return qualified_name(coroutine.cr_frame.f_locals.get("main", coroutine))
    return name


def awaited(coroutine: object) -> object:
    """Return what a coroutine, or a generator that is used as one, waits for."""
    for name in ("cr_await", "gi_yieldfrom", "ag_await"):
        if found := getattr(coroutine, name, None):
            return found
    return None
