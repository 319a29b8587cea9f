"""How a run over a broker can fail: an error a reason, each with its exit code."""

from services.client.broker_settings import BrokerSettings
from services.client.errors import NOTHING_ANSWERED
from services.client.settings import ClientSettings
from services.runtime.errors import ProgramError

HOW_TO_GET_ONE = (
    "start one with the lab (lab up), or for one run alone (lab embedded pipeline --edition jetstream), "
    "or name one (BROKER_URL, BROKER_PASSWORD_FILE)"
)


class NoBroker(ProgramError):
    """No broker is named."""

    def __init__(self) -> None:
        super().__init__(f"the jetstream edition needs a broker, and none is named: {HOW_TO_GET_ONE}")


def broker_of(settings: ClientSettings) -> BrokerSettings:
    """Return how the broker is reached. Raises NoBroker."""
    if settings.broker is None:
        raise NoBroker
    return settings.broker


class BrokerAbsent(ProgramError):
    """The broker never answered."""

    exit_code = NOTHING_ANSWERED

    def __init__(self, url: str, waited_s: float, reason: str) -> None:
        super().__init__(f"no broker answers at {url} within {waited_s:g} s ({reason}): {HOW_TO_GET_ONE}")


class BrokerLost(ProgramError):
    """The broker answered once, and then no more."""

    exit_code = 1

    def __init__(self, url: str, waited_s: float, reason: str) -> None:
        super().__init__(f"the broker at {url} went away, and was not back within {waited_s:g} s ({reason}): start it")


class BrokerSilent(ProgramError):
    """The broker takes connections, and answers no request. `has_answered`: it did before."""

    def __init__(self, url: str, waited_s: float, *, has_answered: bool) -> None:
        super().__init__(
            f"the broker at {url} takes connections, and does not answer within {waited_s:g} s: "
            "start it again, or correct BROKER_URL"
        )
        self.exit_code = 1 if has_answered else NOTHING_ANSWERED


class NotABroker(ProgramError):
    """What answers says what no broker says."""

    exit_code = NOTHING_ANSWERED

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"what answers at {url} is no broker ({reason}): correct BROKER_URL")


class BrokerRefuses(ProgramError):
    """The broker answers, and does not do what it is asked: a wrong password, an old version, no JetStream."""


class RunRefused(ProgramError):
    """The run cannot go on: another program has it, it was begun with other options, or no run can have its name."""


class StreamGone(ProgramError):
    """A stream of the run is not there any more."""

    exit_code = 1

    def __init__(self, stream: str) -> None:
        super().__init__(f"the stream {stream} is gone: another program ended this run; begin it anew")
        self.stream = stream


class StoreFull(ProgramError):
    """The broker has had no room for a message for a long time."""

    exit_code = 1

    def __init__(self, waited_s: float, reason: str) -> None:
        super().__init__(
            f"the broker has stored nothing for {waited_s:g} s ({reason}): make room there, and start it again"
        )
