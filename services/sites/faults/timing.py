"""Faults of time: the right bytes, too late or too slowly."""

from services.sites.faults.script import Ending, FaultContext, Pause, Script, pieces

THROTTLE_S = 0.05  # how often a piece of a throttled response is sent


def delay(context: FaultContext) -> Script:
    """The first `bytes` bytes of the head, a pause, the rest. The pause is fixed, or drawn for each response."""
    before = min(context.whole("bytes"), len(context.response.head))  # a host may have a shorter head than its longest
    yield from pieces(context.response.head, 0, before)
    yield Pause(drawn_s(context))
    yield from context.rest(before)


def drawn_s(context: FaultContext) -> float:
    """Return a delay in seconds: an hour at most, also where the distribution gives more."""
    match context.parameters["distribution"]:
        case "uniform":
            seconds = context.random.uniform(context.number("least_s"), context.number("most_s"))
        case "lognormal":
            seconds = context.number("median_s") * context.random.lognormvariate(0, context.number("sigma"))
        case _:
            seconds = context.number("seconds")
    return min(seconds, 3600.0)


def drip(context: FaultContext) -> Script:
    """The whole response, head included, `bytes` bytes every `interval_s`; the first at once."""
    for index, piece in enumerate(context.response.pieces(context.whole("bytes"))):
        if index:
            yield Pause(context.number("interval_s"))
        yield piece
    yield context.response.ending


def throttle(context: FaultContext) -> Script:
    """The whole response at `bytes_per_s`: after each piece, a pause as long as the piece takes at that rate."""
    rate = context.whole("bytes_per_s")
    size, most = max(1, int(rate * THROTTLE_S)), len(context.response)
    for begin in range(0, most, size):
        end = min(begin + size, most)
        yield from context.response.part(begin, end)
        yield Pause((end - begin) / rate)
    yield context.response.ending


def stall_at(context: FaultContext) -> Script:
    """The first `bytes` bytes of the head, then silence."""
    yield from pieces(context.response.head, 0, context.whole("bytes"))
    yield Ending.SILENCE
