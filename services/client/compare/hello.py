"""A few users of the hello server, one after another and at once."""

from services.client import hello
from services.client.compare.runs import Comparison, compared
from services.client.settings import ClientSettings
from services.client.trace.pieces import Ended
from services.client.trace.recorder import Recorder
from services.client.trace.recording import Recording
from services.runtime.terminal import say


async def compare(
    settings: ClientSettings, *, users: int, timeout_s: float, recording: Recording | None = None
) -> Comparison:
    """Ask for so many users by both lessons, each within `timeout_s`; a line on stderr for each that fails."""
    with hello.open_session(settings, timeout_s=timeout_s) as session:

        async def ask(user: str, _recorder: Recorder) -> Ended:
            answer = await hello.ask(session, user)
            if isinstance(answer, str):
                say(f"hello {settings.hello_url}: {user}: {answer}")
                return Ended(answer, ok=False)
            return Ended(hello.GREETED, ok=True)

        return await compared("hello", ask, [f"user-{n}" for n in range(1, users + 1)], recording=recording)
