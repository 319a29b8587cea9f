"""The options of a survey: declared for the command line, and held by a dataclass."""

from dataclasses import asdict

from services.client.cli import understand
from services.client.survey.options import Options


def test_both_declarations_have_the_same_options_and_defaults() -> None:
    """A default that both need is said once, in `services.client.defaults`."""
    assert understand(["wget"], default_loop="asyncio").values == asdict(Options([]))
