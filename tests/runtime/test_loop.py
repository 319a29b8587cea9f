"""The loop is a choice."""

import sys

import pytest

from services.runtime.errors import BadSetting, LoopMissing
from services.runtime.loop import loop_factory, running_loop_name
from services.runtime.names import LOOPS
from services.runtime.run import Stop, run


@pytest.mark.parametrize("name", LOOPS)
def test_the_loop_that_was_asked_for_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A result names the loop that really ran, as the loop itself tells it."""
    seen: list[str] = []

    async def main(_stop: Stop) -> int:
        seen.append(running_loop_name())
        return 7

    assert run(main, loop=name) == 7
    assert seen == [name]
    assert capsys.readouterr().err == f"loop: {name}\n"


def test_uvloop_where_it_is_missing_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop is optional: asking for it without having it is the user's to mend."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with pytest.raises(LoopMissing, match=r"^the uvloop loop is not installed here: .*--loop asyncio$") as missing:
        loop_factory("uvloop")
    assert missing.value.exit_code == 2


def test_an_unknown_loop_is_refused() -> None:
    """The names are a closed list."""
    with pytest.raises(BadSetting, match="asyncio, uvloop"):
        loop_factory("trio")
