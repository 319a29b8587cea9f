"""The words that `schemas` and `openapi` are written in: small functions from schemas to schemas."""

from collections.abc import Iterable, Mapping

Schema = dict[str, object]

TEXT: Schema = {"type": "string"}
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
    """Return a list of a schema, of `most` items at most."""
    return {"type": "array", "items": items} | ({} if most is None else {"maxItems": most})


def table(properties: Mapping[str, object], *, required: Iterable[str] | None = None) -> Schema:
    """Return an object with these properties and no other; `required` None: all of them."""
    names = list(properties if required is None else required)
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}
