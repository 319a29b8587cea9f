"""The parameters of faults, each declared once.

From one `Parameter` come the check of a value in a plan, the JSON Schema in the OpenAPI document, and what
`client faults kinds` prints. `catalog` says which fault has which parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.runtime.playable import MAX_HEAD_BYTES
from services.sites.faults.script import Value

DAY_S = 86_400.0
MAX_OFFSET = MAX_HEAD_BYTES  # of a recorded head
SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. It has a default, or is `optional`, or is required. If its `type` is str, it has `choices`."""

    name: str
    type: type[int] | type[float] | type[str]
    meaning: str
    least: float = 0
    most: float = 0
    default: Value | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False

    @property
    def required(self) -> bool:
        """Whether a rule without it is refused."""
        return self.default is None and not self.optional

    @property
    def json_type(self) -> str:
        """Its type, as JSON Schema has it."""
        return {int: "integer", float: "number", str: "string"}[self.type]

    def problem(self, value: object) -> str:
        """Return why a value is refused; an empty text if it is not."""
        if self.choices:
            return "" if value in self.choices else f"{quoted(value)} is not one of {', '.join(self.choices)}"
        fits = isinstance(value, int | float if self.type is float else int) and not isinstance(value, bool)
        if fits and self.least <= value <= self.most:  # type: ignore[operator]  # a number, since it fits
            return ""
        kind = "number" if self.type is float else "whole number"
        return f"{quoted(value)} is not a {kind} from {self.least:,g} to {int(self.most):,}"

    @property
    def schema(self) -> dict[str, object]:
        """The JSON Schema of its values."""
        schema: dict[str, object] = {"type": self.json_type, "description": self.meaning}
        schema |= {"enum": list(self.choices)} if self.choices else {"minimum": self.least, "maximum": self.most}
        return schema if self.default is None else {**schema, "default": self.default}

    def as_json(self) -> dict[str, object]:
        """Return how GET /fault-kinds describes it."""
        described: dict[str, object] = {
            "name": self.name,
            "type": self.json_type,
            "meaning": self.meaning,
            "required": self.required,
        }
        described |= {"choices": self.choices} if self.choices else {"least": self.least, "most": self.most}
        return described if self.default is None else {**described, "default": self.default}


def quoted(value: object) -> str:
    """Return the beginning of a value, in quotes. A value with too many digits or too much depth has no text."""
    try:
        return repr(str(value)[:SHOWN_CHARACTERS])
    except (ValueError, RecursionError):
        return "this"


def offset(default: int | None = None) -> Parameter:
    """Return the parameter for a position in the head."""
    return Parameter("bytes", int, "how many bytes of the head come before", 0, MAX_OFFSET, default)


DELAY = (
    offset(0),
    Parameter(
        "distribution", str, "how the delay is drawn", default="fixed", choices=("fixed", "uniform", "lognormal")
    ),
    Parameter("seconds", float, "fixed: how long", 0, 3600, optional=True),
    Parameter("least_s", float, "uniform: from", 0, 3600, optional=True),
    Parameter("most_s", float, "uniform: to", 0, 3600, optional=True),
    Parameter("median_s", float, "lognormal: half of the delays are shorter", 0, 3600, optional=True),
    Parameter("sigma", float, "lognormal: spread, the standard deviation of the logarithm", 0, 10, optional=True),
)
DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"fixed": ("seconds",), "uniform": ("least_s", "most_s"), "lognormal": ("median_s", "sigma")}
)
"""For each distribution of a delay, the parameters that it needs; a delay with those of another one is refused."""

WHEN = (
    Parameter("first", int, "only the first so many", 1, 1_000_000_000, optional=True),
    Parameter("every", int, "only every n-th", 1, 1_000_000_000, optional=True),
    Parameter("probability", float, "only by this chance", 0, 1, optional=True),
    Parameter("seed", int, "of the chance, and of all that a fault draws", 0, 2**63 - 1, optional=True),
    Parameter("ttl_s", float, "only for so long after the plan was set", 0.001, 365 * DAY_S, optional=True),
    Parameter("per", str, "what is counted", choices=("request", "connection"), optional=True),
)
"""The parameters that every rule may have: which connections or requests get its fault."""
