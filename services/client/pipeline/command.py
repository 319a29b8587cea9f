"""`client pipeline`: run the pipeline's dialogue."""

from dataclasses import dataclass

from services.client.pipeline.generator import consumer, produce
from services.client.settings import ClientSettings
from services.runtime.run import Stop


@dataclass(frozen=True, slots=True)
class Options:
    """`items`: how many the producer makes."""

    items: int


async def main(options: Options, _settings: ClientSettings, _stop: Stop) -> int:
    """Produce and consume; 0 when every item has its reply."""
    produce(consumer(), options.items)
    return 0
