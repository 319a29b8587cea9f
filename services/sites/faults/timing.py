"""Faults of time: the right bytes, too late or too slowly."""

from services.sites.faults.script import Ending, FaultContext, Pause, Script, pieces

THROTTLE_S = 0.05  # how often a throttled response gets its share


def delay(play: FaultContext) -> Script:
    """The first `bytes` bytes of the head, a pause, the rest. How long is fixed, or drawn anew for each."""
    yield from pieces(play.response.head, 0, play.whole("bytes"))
    yield Pause(drawn_s(play))
    yield from play.rest(play.whole("bytes"))


def drawn_s(play: FaultContext) -> float:
    """Return a delay in seconds: an hour at most, whatever a distribution's tail says."""
    match play.parameters["distribution"]:
        case "uniform":
            seconds = play.random.uniform(play.number("least_s"), play.number("most_s"))
        case "lognormal":
            seconds = play.number("median_s") * play.random.lognormvariate(0, play.number("sigma"))
        case _:
            seconds = play.number("seconds")
    return min(seconds, 3600.0)


def drip(play: FaultContext) -> Script:
    """The whole response, head included, `bytes` bytes every `interval_s`; the first at once."""
    for index, piece in enumerate(play.response.pieces(play.whole("bytes"))):
        if index:
            yield Pause(play.number("interval_s"))
        yield piece
    yield play.response.ending


def throttle(play: FaultContext) -> Script:
    """The whole response at `bytes_per_s`, each piece followed by the time that it should take."""
    rate = play.whole("bytes_per_s")
    size, most = max(1, int(rate * THROTTLE_S)), len(play.response)
    for begin in range(0, most, size):
        end = min(begin + size, most)
        yield from play.response.part(begin, end)
        yield Pause((end - begin) / rate)
    yield play.response.ending


def stall_at(play: FaultContext) -> Script:
    """The first `bytes` bytes of the head, then silence."""
    yield from pieces(play.response.head, 0, play.whole("bytes"))
    yield Ending.SILENCE
