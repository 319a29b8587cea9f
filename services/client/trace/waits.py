"""What tasks wait for, by numbers: a program waits often, but for few things, and of each of them much is known.

A task waits in a chain of coroutines, from its own to the innermost, and at its end for a future. `Waits.number` reads
the chain as fast as it can, at every wait of a program; `Waits.described` says, later and once, what a number means.
`services.client.trace.places` knows which code is whose.
"""

from collections.abc import Sequence
from gc import get_referents
from types import AsyncGeneratorType, CodeType, CoroutineType, GeneratorType
from typing import Any, NamedTuple, Union

from services.client.trace.model import bounded
from services.client.trace.places import CALLBACKS, KIND_BITS, LIBRARY, OWN, PACKAGE, kind_of, place_of, role_of

HOPS = range(100)  # from a task's coroutine to the innermost: a chain that is longer is not followed to its end
NONE = -1.0  # the number where nothing is waited for: the task ended, or goes on in another lane

# By the id of code: to hash code is to hash its bytes. `_kept` keeps the code, so that no other gets its id.
_roles: dict[int, int] = {}
_kept: list[CodeType] = []
UVLOOP_RUN = "run.<locals>.wrapper"

# What stands in a chain for a coroutine that it covers, and tells nothing of it: for `async for`, and of `__await__`.
COVERS = {"async_generator_asend", "async_generator_athrow", "coroutine_wrapper"}

PythonCoroutine = Union["CoroutineType[Any, Any, Any]", "GeneratorType[Any, Any, Any]", "AsyncGeneratorType[Any, Any]"]
_ends: set[type] = set()  # the types that end a chain: iterators of futures, and others without a name


class Described(NamedTuple):
    """What a task waits for, as `model.Slice` has it."""

    awaits: str | None
    kind: str
    place: str


class Noted(NamedTuple):
    """What is known of a wait at once: `described` makes text of it.

    `name`: the innermost function's code or name, None where the task's own code waits; `kind` as in `places`, 0 where
    it is not known; `code` and `instruction` of the place; the type of what is waited for.
    """

    name: CodeType | str | None
    kind: int
    code: CodeType | None
    instruction: int
    waited_for: type


class Waits:
    """The waits of one recording. A number is negative, so that it cannot be taken for a time."""

    def __init__(self) -> None:
        self._noted: list[Noted | Described] = [Described(None, "", "")]
        self._numbers: dict[object, float] = {}
        self.by_type = self._numbers.get

    def number_of_type(self, _coroutine: Any, waited_for: object) -> float:
        """Return the number of a wait of which nothing is to be known but the type of what is waited for."""
        kind = type(waited_for)
        return self._numbers.get(kind) or self._number(kind, Noted(None, 0, None, 0, kind))

    def number_of_text(self, awaits: str | None) -> float:
        """Return the number of a wait that another process has told of."""
        return NONE if awaits is None else self._number(awaits, Described(bounded(awaits), "other", ""))

    def number(self, coroutine: Any, waited_for: object) -> float:
        """Return the number of the wait of a task, whose own coroutine is given, for what it waits for."""
        inner, own, code, kind = coroutine, None, None, 0
        try:
            for _ in HOPS:
                if type(inner) is CoroutineType:
                    code = inner.cr_code
                    role = _roles[id(code)]
                    if not role:
                        own, kind = inner, 0
                    elif not kind:
                        kind = role & KIND_BITS
                    inner = inner.cr_await
                elif type(inner) is GeneratorType and kind:
                    code, inner = inner.gi_code, inner.gi_yieldfrom
                else:
                    break
            # As most waits are: in a person's own coroutine, for something that is known.
            if kind and own is not None and (inner is None or type(inner) in _ends):
                return self._numbers[id(code), id(own.cr_code), own.cr_frame.f_lasti, kind]  # type: ignore[union-attr] # it waits, so it has a frame
        except KeyError:
            pass
        return self._number_of_chain(coroutine, waited_for)

    def _number_of_chain(self, coroutine: Any, waited_for: object) -> float:
        """Return the number of a wait that is not as most are, or is met for the first time."""
        chain, end = chain_of(coroutine)
        own, kind, role = None, 0, LIBRARY
        for each in chain:
            role = role_known(code_of(each))
            if role == OWN:
                own, kind = each, 0
            elif not kind:
                kind = role & KIND_BITS
        innermost = code_of(chain[-1]) if chain else None
        name: CodeType | str | None = innermost if len(chain) > 1 else None
        if end is not None and (more := beyond(end)):
            name = more
        elif not (kind or role & LIBRARY):
            kind = kind_by_callback(waited_for)
        at = own or innermost_of_package(chain) or (chain[-1] if chain else None)
        if at is None:
            return self._number((name, type(waited_for)), Noted(name, kind, None, 0, type(waited_for)))
        code = code_of(at)
        noted = Noted(name, kind, code, instruction_of(at), type(waited_for))
        if kind and name is innermost:
            return self._number((id(innermost), id(code), noted.instruction, kind), noted)
        return self._number((name, id(code), noted.instruction, kind, type(waited_for)), noted)

    def described(self, number: float) -> Described:
        """Return what a number means."""
        index = int(NONE - number)
        noted = self._noted[index]
        if isinstance(noted, Noted):
            noted = self._noted[index] = described(noted)
        return noted

    def _number(self, key: object, noted: Noted | Described) -> float:
        number = self._numbers.get(key)
        if number is None:
            self._noted.append(noted)
            number = self._numbers[key] = NONE - (len(self._noted) - 1)
        return number


def described(noted: Noted) -> Described:
    """Return the texts of a wait."""
    if isinstance(noted.name, str):
        awaits = noted.name
    elif noted.name is not None:
        awaits = noted.name.co_qualname
    else:
        awaits = "another turn" if noted.waited_for is type(None) else noted.waited_for.__name__
    place = place_of(noted.code, noted.instruction) if noted.code else ""
    return Described(bounded(awaits), kind_of(noted.kind, awaits, noted.waited_for), place)


def role_known(code: CodeType) -> int:
    """Return the role of code, which is found out when the code is seen for the first time."""
    role = _roles.get(id(code))
    if role is None:
        _kept.append(code)
        role = _roles[id(code)] = role_of(code)
    return role


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


def innermost_of_package(chain: Sequence[PythonCoroutine]) -> PythonCoroutine | None:
    """Return the innermost coroutine that is of an installed package; None where none is."""
    return next((each for each in reversed(chain) if role_known(code_of(each)) & PACKAGE), None)


def beyond(inner: object) -> str | None:
    """Return the name of the innermost coroutine that is none of Python's own, as Cython's; None without one."""
    name = None
    if not hasattr(inner, "__qualname__"):
        _ends.add(type(inner))
    for _ in HOPS:
        if inner is None or not hasattr(inner, "__qualname__"):
            break
        name, inner = qualified_name(inner), awaited(inner)
    return name


def kind_by_callback(waited_for: object) -> int:
    """Return which kind of wait a future is for that a person's code waits for, by who will set it."""
    for callback, _ in getattr(waited_for, "_callbacks", None) or ():
        name = getattr(callback, "__qualname__", "")
        for begin, kind in CALLBACKS:
            if name.startswith(begin):
                return kind
    return 0


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
