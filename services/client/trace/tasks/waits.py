"""What tasks wait for, by numbers: a program waits often, but for few things, and of each of them much is known.

A task waits in a chain of coroutines, from its own to the innermost, and at its end for a future. `Waits.number` reads
the chain as fast as it can, at every wait of a program; `Waits.described` says, later and once, what a number means.
`services.client.trace.tasks.chains` reads a coroutine, and `services.client.trace.tasks.places` knows which code is
whose.
"""

from collections.abc import Callable
from types import CodeType, CoroutineType, GeneratorType
from typing import Any, NamedTuple

from services.client.trace.model import bounded
from services.client.trace.tasks.chains import HOPS, chain_of, code_of, compiled_name, instruction_of
from services.client.trace.tasks.places import (
    CALLBACKS,
    KIND_BITS,
    LIBRARY,
    OWN,
    PACKAGE,
    SOCKET,
    kind_of,
    place_of,
    role_of,
)

NONE = -1.0  # the number where nothing is waited for: the task ended, or goes on in another lane

# By the id of code: to hash code is to hash its bytes. `_kept` keeps the code, so that no other gets its id.
_roles: dict[int, int] = {}
_kept: list[CodeType] = []
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


class Part:
    """What is known of a chain from its first coroutine to one of the others.

    Chains of which the same is known share one Part, and what further code makes of it is found in `below`, by the id
    of the code. So a chain is read by one look-up a coroutine.

    `place`: the code whose line is shown; `origin`: whose it is, as in `places`; `kind` of the wait; `innermost`: the
    last code, None where that is the task's own; `role` of the last code. `is_place`: whether the last coroutine is the
    one whose line is shown. `is_typed`: whether the type of what is waited for tells of the wait, too. `numbers` of the
    waits, by the instruction of the place, and by the type where that tells. `next`: what was found last, for
    `next_code`: most code waits for one thing only, so that this is tried first.
    """

    __slots__ = (
        "below",
        "innermost",
        "is_place",
        "is_typed",
        "kind",
        "next",
        "next_code",
        "numbers",
        "origin",
        "place",
        "role",
    )

    def __init__(
        self,
        place: CodeType | None,
        origin: int,
        kind: int,
        *,
        innermost: CodeType | None = None,
        role: int = LIBRARY,
        is_place: bool = False,
    ) -> None:
        self.place, self.origin, self.kind, self.innermost, self.role = place, origin, kind, innermost, role
        self.is_place = is_place
        self.is_typed = innermost is None or kind in (0, SOCKET)
        self.below: dict[int, Part] = {}
        self.next: Part = self
        self.next_code: CodeType | None = None
        self.numbers: dict[object, float] = {}


class NumbersByType(dict[type, float]):
    """The numbers of waits of which nothing is to be known but the type of what is waited for."""

    def __init__(self, number: Callable[[object, Noted], float]) -> None:
        super().__init__()
        self._number = number

    def __missing__(self, kind: type) -> float:
        found = self[kind] = self._number(kind, Noted(None, 0, None, 0, kind))
        return found


class Waits:
    """The waits of one recording. A number is negative, so that it cannot be taken for a time."""

    def __init__(self) -> None:
        self._noted: list[Noted | Described] = [Described(None, "", "")]
        self._numbers: dict[object, float] = {}
        self._parts: dict[object, Part] = {}
        self._nothing = Part(None, LIBRARY, 0)
        self.by_type = NumbersByType(self._number)

    def first(self, coroutine: object) -> Part:
        """Return what is known of every chain that begins with a task's own coroutine."""
        return self._with(self._nothing, coroutine.cr_code) if isinstance(coroutine, CoroutineType) else self._nothing

    def number(self, first: Part, coroutine: Any, waited_for: object) -> float:
        """Return the number of the wait of a task, whose own coroutine is given, with its `first` part."""
        part, at = first, coroutine
        try:
            inner = coroutine.cr_await
            for _ in HOPS:
                kind = type(inner)
                if kind is CoroutineType:
                    part = part.next if inner.cr_code is part.next_code else part.below[id(inner.cr_code)]
                    if part.is_place:
                        at = inner
                    inner = inner.cr_await
                elif kind is GeneratorType:
                    part = part.next if inner.gi_code is part.next_code else part.below[id(inner.gi_code)]
                    if part.is_place:
                        at = inner
                    inner = inner.gi_yieldfrom
                elif inner is None or kind in _ends:
                    frame: Any = at.cr_frame if type(at) is CoroutineType else at.gi_frame
                    instruction = frame.f_lasti
                    return part.numbers[(instruction, type(waited_for)) if part.is_typed else instruction]
                else:
                    break
        except (KeyError, AttributeError):  # it is met for the first time, or the task's own coroutine is no coroutine
            pass
        return self._number_of_chain(coroutine, waited_for)

    def _number_of_chain(self, coroutine: Any, waited_for: object) -> float:
        """Return the number of a wait that is met for the first time, or is not as most are."""
        chain, end = chain_of(coroutine)
        part, at = self._nothing, None
        for each in chain:
            part = self._with(part, code_of(each))
            at = each if part.is_place else at
        name: CodeType | str | None = part.innermost
        kind, waited_type, is_known = part.kind, type(waited_for), True
        if compiled := compiled_name(end):
            name, is_known = compiled, False
        elif not (waited_for is None or kind or part.role & LIBRARY):
            kind, is_known = kind_by_callback(waited_for), False
        instruction = instruction_of(at) if at else 0
        noted = Noted(name, kind, part.place, instruction, waited_type)
        of_name, of_type = (compiled or id(part.innermost)), waited_type if part.is_typed else None
        number = self._number((of_name, kind, id(part.place), instruction, of_type), noted)
        if is_known and at:
            if end is not None:
                _ends.add(type(end))
            part.numbers[(instruction, waited_type) if part.is_typed else instruction] = number
        return number

    def _with(self, part: Part, code: CodeType) -> Part:
        """Return what is known of a chain that has one coroutine more, of this code."""
        if known := part.below.get(id(code)):
            return known
        role = role_known(code)
        origin = role & (PACKAGE | LIBRARY)
        kind = 0 if origin == OWN else part.kind or role & KIND_BITS
        innermost = None if part is self._nothing else code
        is_place = origin <= part.origin  # its own before a package's, and that before the library's
        place = code if is_place else part.place
        origin = min(origin, part.origin)
        key = id(place), kind, innermost and id(innermost), is_place
        found = self._parts.setdefault(
            key, Part(place, origin, kind, innermost=innermost, role=role, is_place=is_place)
        )
        part.below[id(code)] = part.next = found
        part.next_code = code
        return found

    def described(self, number: float) -> Described:
        """Return what a number means."""
        index = int(NONE - number)
        noted = self._noted[index]
        if isinstance(noted, Noted):
            noted = self._noted[index] = described(noted)
        return noted

    def _number(self, key: object, noted: Noted) -> float:
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


def kind_by_callback(waited_for: object) -> int:
    """Return which kind of wait a future is for that a person's code waits for, by who will set it."""
    for callback, _ in getattr(waited_for, "_callbacks", None) or ():
        name = getattr(callback, "__qualname__", "")
        for begin, kind in CALLBACKS:
            if name.startswith(begin):
                return kind
    return 0
