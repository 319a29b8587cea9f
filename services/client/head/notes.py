"""Takes the departures while a head is being read; only here does a strict reader differ from the default one."""

from services.client.head.anomalies import Anomaly, Departure
from services.client.head.errors import MalformedHeadError


class Notes:
    """The departures of one response, each at the first offset where it was met."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._first: dict[Departure, int] = {}

    def note(self, departure: Departure, offset: int) -> None:
        """Remember a departure, or, where the reader is strict, raise `MalformedHeadError` for it."""
        if self._strict:
            detail = f"{departure}: {departure.means} ({departure.clause})"
            raise MalformedHeadError(detail, offset, departure)
        self._first[departure] = min(offset, self._first.get(departure, offset))

    def anomalies(self) -> tuple[Anomaly, ...]:
        """Everything noted, in order of offset."""
        if not self._first:
            return ()
        in_order = sorted(self._first.items(), key=lambda item: (item[1], item[0]))
        return tuple(Anomaly(departure, offset) for departure, offset in in_order)
