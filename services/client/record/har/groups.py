"""The answers to one request: each that differs from the one before is a recording, and they are played in their order.

Two answers that are the same, but for their times, are one that answers twice.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.client.record.destinations import Destination, Destinations
from services.client.record.har.entry import HarResponse
from services.client.record.request_match import RequestMatch
from services.runtime.playable import BodySource

MAX_RECORDINGS, MAX_OF_HOST = 10_000, 1_000  # as many as a site plays

Key = tuple[str, RequestMatch]


class TooMany(ValueError):
    """There are more recordings than a site plays; the text is what the file holds."""


@dataclass(slots=True)
class Repeated:
    """A response, and how often it came in a row."""

    response: HarResponse
    times: int = 1

    def again(self, response: HarResponse) -> None:
        """Count another one; one that has its body is rather kept than one without."""
        self.times += 1
        if self.response.source is BodySource.MADE:
            self.response = response


@dataclass(slots=True)
class Groups:
    """The answers of a HAR file, by host and match, in the order of the file."""

    answers: dict[Key, list[Repeated]] = field(default_factory=dict)
    by_host: Counter[str] = field(default_factory=Counter)
    count: int = 0

    def add(self, response: HarResponse) -> None:
        """Take the next response of the file. Raises TooMany."""
        answers = self.answers.setdefault((response.url.host, response.match), [])
        if answers and answers[-1].response.is_like(response):
            answers[-1].again(response)
        else:
            answers.append(Repeated(response))
            self.count += 1
            self.by_host[response.url.host] += 1
            if self.by_host[response.url.host] > MAX_OF_HOST:
                raise TooMany(f"holds more than {MAX_OF_HOST:,} responses of {response.url.host}")
            if self.count > MAX_RECORDINGS:
                raise TooMany(f"holds more than {MAX_RECORDINGS:,} responses")

    def remove_older(self, destinations: Destinations) -> None:
        """Remove what an earlier run recorded for the same requests. Raises CannotWrite."""
        for (host, match), answers in self.answers.items():
            own = destinations.is_own(host, match)
            destinations.remove_older(host, match, beside=len(answers) - own)

    def placed(self, destinations: Destinations) -> Iterator[tuple[HarResponse, Destination]]:
        """Yield each response and where it goes. Raises CannotWrite.

        The last answer of a sequence has no end. It may be a host's own recording; those before it are then beside it,
        and each answers as often as it came.
        """
        destinations.prefer(self.answers)
        for (host, match), answers in self.answers.items():
            *earlier, last = answers
            for sequence, answer in enumerate(earlier, start=1):
                yield answer.response, destinations.beside(host, match, sequence=sequence, times=answer.times)
            if earlier and not destinations.is_own(host, match):
                yield last.response, destinations.beside(host, match, sequence=len(answers))
            else:
                yield last.response, destinations.of(host, match)
