"""JSON values, each described once: `Shape` has the JSON Schema of a value, and the check that a request has to pass.

The other names are the vocabulary of JSON Schema, in which `schemas` and `openapi` describe answers.

Pydantic models would give both as well. They are not used because their import would make the start of a site longer by
almost half, and because their errors would have to be translated into the texts and paths of this API.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

Schema = dict[str, object]

TEXT: Schema = {"type": "string"}
ASCII: Schema = {**TEXT, "pattern": r"^[\x00-\x7f]*$"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
TRUTH: Schema = {"type": "boolean"}


def reference(name: str) -> Schema:
    """Return a reference to a schema of `schemas`."""
    return {"$ref": f"#/components/schemas/{name}"}


def one_of(words: Iterable[str | None]) -> Schema:
    """Return a closed list of words."""
    return {"enum": list(words)}


def or_null(type_: str) -> Schema:
    """Return a type or null."""
    return {"type": [type_, "null"]}


def array(items: Schema, *, most: int | None = None) -> Schema:
    """Return a list of a schema, with `most` items at most."""
    return {"type": "array", "items": items} | ({} if most is None else {"maxItems": most})


def table(properties: Mapping[str, object], *, required: Iterable[str] | None = None) -> Schema:
    """Return an object with these properties and no other; `required` None: all of them."""
    names = list(properties if required is None else required)
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Shape:
    """A value of a request: its JSON Schema, and `problem`, which returns why a value is refused, or an empty text."""

    schema: Schema
    problem: Callable[[object], str]


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number. In Python, true and false are numbers too."""
    return isinstance(value, int) and not isinstance(value, bool)


def text_problem(value: object) -> str:
    """Return why a value is not text or null."""
    return "" if isinstance(value, str | None) else "is not text"


def count_problem(value: object) -> str:
    """Return why a value is not a whole number, 0 or more."""
    return "" if is_whole(value) and value >= 0 else "is not a whole number, 0 or more"


def ascii_problem(value: object) -> str:
    """Return why a value is not text in ASCII, or null."""
    return "" if value is None or (isinstance(value, str) and value.isascii()) else "is not ASCII text"


def texts_problem(value: object) -> str:
    """Return why a value is not an object with a text or null under each name."""
    if isinstance(value, dict) and all(isinstance(each, str | None) for each in value.values()):
        return ""
    return "is not an object of names with text, or null for none"


BOOLEAN = Shape(TRUTH, lambda value: "" if isinstance(value, bool) else "is not true or false")
COUNT = Shape(WHOLE, count_problem)
WHOLE_OR_NULL = Shape(
    or_null("integer"), lambda value: "" if value is None or is_whole(value) else "is not a whole number"
)
TEXT_OR_NULL = Shape(or_null("string"), text_problem)
ASCII_OR_NULL = Shape(ASCII | or_null("string"), ascii_problem)
TEXTS_BY_NAME = Shape({"type": "object", "additionalProperties": or_null("string")}, texts_problem)


def choice_or_null(words: Collection[str]) -> Shape:
    """Return the shape of one of these words, or null."""

    def problem(value: object) -> str:
        if reason := text_problem(value):
            return reason
        return "" if value is None or value in words else f"is not one of {', '.join(words)}"

    return Shape(one_of([*words, None]), problem)
