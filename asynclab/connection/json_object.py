"""JSON objects that came from the lab, read field by field with the type that each has to have."""

import json
from collections.abc import Mapping

from asynclab.errors import BadAnswer

__tracebackhide__ = True


class JsonObject:
    """An object of JSON. Each method returns the value of a name, or raises BadAnswer if it has another type."""

    __slots__ = ("_values",)

    def __init__(self, values: object) -> None:
        if not isinstance(values, dict):
            raise BadAnswer("is not a JSON object")
        self._values: Mapping[str, object] = values

    @classmethod
    def parse(cls, raw: bytes) -> "JsonObject":
        """Return the object in these bytes."""
        try:
            return cls(json.loads(raw))
        except (ValueError, RecursionError) as error:
            raise BadAnswer("is not a JSON object") from error

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str):
            raise BadAnswer(f"{name} is not text")
        return value

    def text_or_none(self, name: str) -> str | None:
        return self.text(name) if name in self else None

    def whole(self, name: str, default: int | None = None) -> int:
        value = self._values.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadAnswer(f"{name} is not a whole number")
        return value

    def whole_or_none(self, name: str) -> int | None:
        return self.whole(name) if name in self else None

    def number(self, name: str) -> float:
        value = self._values.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise BadAnswer(f"{name} is not a number")
        return float(value)

    def truth(self, name: str, *, default: bool = False) -> bool:
        return self._values.get(name, default) is True

    def inner(self, name: str) -> "JsonObject":
        return JsonObject(self._values.get(name, {}))

    def objects(self, name: str) -> "list[JsonObject]":
        return [JsonObject(each) for each in self._list(name)]

    def texts(self, name: str) -> list[str]:
        return [str(each) for each in self._list(name)]

    def by_name(self, name: str) -> "dict[str, JsonObject]":
        """Return the objects in an object, each under its name."""
        return {key: JsonObject(value) for key, value in self.inner(name).values.items()}

    @property
    def values(self) -> Mapping[str, object]:
        """Everything in it, as it came."""
        return self._values

    def _list(self, name: str) -> list[object]:
        value = self._values.get(name)
        if not isinstance(value, list):
            raise BadAnswer(f"{name} is not a list")
        return value
