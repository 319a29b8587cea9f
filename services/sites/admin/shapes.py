"""JSON values, each declared once: a `Shape` has the JSON Schema of a value, and the check that a request has to pass.

The other names are the vocabulary of JSON Schema, in which `schemas` and `openapi` describe answers.

Pydantic models would give both as well. They are not used because their import would make the start of a site longer by
almost half, and because their errors would have to be translated into the texts and paths of this API.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

Schema = dict[str, object]

TEXT: Schema = {"type": "string"}
ASCII: Schema = {**TEXT, "pattern": r"^[\x00-\x7f]*$"}
UTF8: Schema = {**TEXT, "pattern": r"^[^\ud800-\udfff]*$"}
LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
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
    """A value of a request: its JSON Schema, its check, and the reason with which a value that does not fit is refused.

    `kind`: a shape that is checked first. A value that does not have it is refused with the reason of `kind`.
    """

    schema: Schema
    fits: Callable[[object], bool]
    reason: str
    kind: "Shape | None" = None

    def problem(self, value: object) -> str:
        """Return why a value is refused; an empty text if it is not."""
        other_kind = self.kind.problem(value) if self.kind else ""
        return other_kind or ("" if self.fits(value) else self.reason)


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number. In Python, true and false are numbers too."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_texts(value: object) -> bool:
    """Return whether a value is an object with a text or null under each name."""
    return isinstance(value, dict) and all(isinstance(each, str | None) for each in value.values())


BOOLEAN = Shape(TRUTH, lambda value: isinstance(value, bool), "is not true or false")
COUNT = Shape(WHOLE, lambda value: is_whole(value) and value >= 0, "is not a whole number, 0 or more")
WHOLE_OR_NULL = Shape(or_null("integer"), lambda value: value is None or is_whole(value), "is not a whole number")
TEXT_OR_NULL = Shape(or_null("string"), lambda value: isinstance(value, str | None), "is not text")
ASCII_OR_NULL = Shape(
    ASCII | or_null("string"),
    lambda value: value is None or (isinstance(value, str) and value.isascii()),
    "is not ASCII text",
)
UTF8_OR_NULL = Shape(
    UTF8 | or_null("string"),
    lambda value: value is None or (isinstance(value, str) and not LONE_SURROGATE.search(value)),
    "is not text that UTF-8 has bytes for",
)
TEXTS_BY_NAME = Shape(
    {"type": "object", "additionalProperties": or_null("string")},
    is_texts,
    "is not an object of names with text, or null for none",
)


def choice_or_null(words: Collection[str]) -> Shape:
    """Return the shape of one of these words, or null."""
    return Shape(
        one_of([*words, None]),
        lambda value: value is None or value in words,
        f"is not one of {', '.join(words)}",
        kind=TEXT_OR_NULL,
    )
