"""A contestant: the hello server without its metrics: no request is counted or timed.

`python -m lab.bench.baselines.unmeasured_hello --loop LOOP`, with the server's environment variables. It shows what the
metrics cost.
"""

from aiohttp import web

from services.hello.app import pages
from services.hello.figures import RouteFigures
from services.hello.lesson import run_lesson
from services.hello.measured import Handler
from services.hello.operations import application
from services.hello.settings import HelloSettings


def unmeasured(_figures: RouteFigures, handler: Handler) -> Handler:
    """Return the handler as it is."""
    return handler


def make_app(settings: HelloSettings) -> web.Application:
    """Return hello's application."""
    return application(settings, pages(settings), measure=unmeasured)


if __name__ == "__main__":
    run_lesson(make_app)
