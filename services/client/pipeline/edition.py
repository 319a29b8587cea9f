"""What an edition of the pipeline is: a concurrency model, given the items, the work, and where results go.

`queue_` and `jetstream.edition` have a `run` of this kind; `command` chooses one, and has made the rest.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from services.client.pipeline.items import Items
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Result, Work
from services.client.settings import ClientSettings

WorkOf = Callable[[], Work]
"""Gives one consumer its own work, with a deadline of its own. A consumer asks for it once, when it begins."""

Emit = Callable[[Result, str], Awaitable[None]]
"""Takes a result and the name of the worker: notes it in the ledger, writes it if it is the first of its id.

It waits while the reader of the output is slow.
"""


class Edition(Protocol):
    """Runs the items through the work."""

    async def __call__(
        self,
        items: Items,
        work_of: WorkOf,
        emit: Emit,
        *,
        ledger: Ledger,
        options: Options,
        settings: ClientSettings,
    ) -> None:
        """Return when every item has its result, or was given up (`ledger.give_up`). Raises ProgramError.

        Several tasks may iterate over `items`. What is cancelled ends with all its tasks; the cancellation is the stop
        of ^C. `attempt` and `acknowledge` of the ledger are the edition's to call, and so are `give_up`, `redelivered`,
        `wait_s` and `run`; `record` is called by `emit`. `work_of` is for editions whose consumers are tasks of this
        process.
        """
        ...
