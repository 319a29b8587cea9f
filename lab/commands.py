"""What each command of `lab` does, given its options.

A command reads the settings once and hands them down. It imports what it needs when it runs: `lab embedded` must not
wait for the libraries of `lab up`. Read `lab.compose.stack` next, or `lab.embedded.program`.
"""

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from lab import IS_CHECKOUT, PROGRAM, ROOT
from lab.errors import LabError
from services.runtime.terminal import say, show

PAGE = ("gateway", "8080")  # the service and the port that publish it
NOT_EMBEDDED = {
    "worker": "an embedded lab has no broker that stays. `lab embedded pipeline --edition jetstream` has workers "
    "of its run; `lab up` has a broker, and workers"
}

if TYPE_CHECKING:
    from lab.compose.stack import Stack
    from lab.settings import Settings
    from services.hello.settings import HelloSettings
    from services.runtime.settings import Environment
    from services.sites.settings import SitesSettings


def up(options: Namespace) -> int:
    """Start the lab, and say what to do next."""
    stack = stack_of(options, read_settings())
    stack.up(say, keep=options.keep, timeout_s=options.timeout)
    page = stack.run_compose("port", *PAGE).stdout.strip()
    say(f"The lab is healthy. Now: docker compose run --rm client, or http://{page}/ in a browser")
    return 0


def read_settings() -> "Settings":
    """Return what the environment and `.env` say. Raises EnvFileBroken or EnvFileUnreadable.

    Without a checkout there is no `.env` of ours: one in the directory that a person stands in is of another program.
    """
    from lab.settings import parse, read

    return read(ROOT, os.environ) if IS_CHECKOUT else parse(Path.cwd(), os.environ, {})


def read_settings_if_readable() -> tuple["Settings", LabError | None]:
    """Return the settings for a command that can do without `.env`, and the error where it cannot be read.

    One line says so; the settings are then those of the environment. Raises EnvFileBroken.
    """
    from lab.errors import EnvFileUnreadable
    from lab.settings import parse

    try:
        return read_settings(), None
    except EnvFileUnreadable as error:
        say(f"{error.problem}: going on without what it says")
        return parse(ROOT, os.environ, {}), error


def stack_of(options: Namespace, settings: "Settings") -> "Stack":
    """Return the project of containers that is meant: by option, environment or `.env`, as in Compose."""
    from lab.compose.stack import PROJECT, Stack

    return Stack(options.project or settings.project or PROJECT, settings)


def down(options: Namespace) -> int:
    """Take the lab down; where it is certain that there is no engine, there is no lab either."""
    from lab.compose import override
    from lab.docker import engine
    from lab.docker.errors import DockerMissing

    stack = stack_of(options, read_settings())
    try:
        engine.require(stack.settings)
    except DockerMissing:
        say("No Docker engine is here, so no lab runs.")
    else:
        stack.down(say)
    override.remove(stack.root)
    return 0


def compose(options: Namespace) -> int:
    """Hand over to `docker compose ps` or `docker compose logs`."""
    follow = ("--follow",) if getattr(options, "follow", False) else ()
    stack_of(options, read_settings()).become(options.command, *follow, *getattr(options, "words", ()))


def run(options: Namespace) -> int:
    """Hand over to `docker compose run --rm client`, with a terminal where there is one.

    The client's help and its refusals come first: no container starts for them.
    """
    from services.client.cli import understand as understand_client
    from services.runtime.settings import Environment

    settings, unread = read_settings_if_readable()
    default_loop = Environment(settings.values).loop()
    understand_client(options.words, default_loop=default_loop, prog="lab run", called=f"{PROGRAM} run").check()
    if unread:
        raise unread  # Compose cannot do without
    from lab.compose import broker_password

    broker_password.ensure(ROOT, say)  # Compose mounts it into the client
    streams = (sys.stdin, sys.stdout)  # None where they are closed
    terminal = () if all(stream and stream.isatty() for stream in streams) else ("-T",)
    stack_of(options, settings).become("run", "--rm", *terminal, "client", *options.words)


def embedded(options: Namespace) -> int:
    """Run the client against a lab in this very process."""
    from services.client.cli import understand as understand_client
    from services.runtime.settings import Environment

    settings, _ = read_settings_if_readable()
    # HELLO_PORT is where Compose publishes hello, and may be a range; here the system chooses a port.
    environment = Environment({name: value for name, value in settings.values.items() if name != "HELLO_PORT"})
    invocation = understand_client(
        options.words,
        default_loop=environment.loop(),
        prog="lab embedded",
        called=f"{PROGRAM} embedded",
        without=NOT_EMBEDDED,
    )

    if invocation.loop is None:
        return invocation.run()

    from lab.embedded.program import run_embedded
    from services.client.broker_settings import BrokerSettings
    from services.runtime.run import ENDED_BY
    from services.runtime.run import run as run_on_loop

    hello, sites = embedded_settings(settings, environment)
    named = BrokerSettings.from_environment(environment)
    return run_on_loop(
        lambda stop: run_embedded(invocation, hello, sites, stop, named=named),
        loop=invocation.loop,
        announce=not invocation.is_quiet,
        more_signals=ENDED_BY,
    )


def embedded_settings(settings: "Settings", environment: "Environment") -> tuple["HelloSettings", "SitesSettings"]:
    """Return the settings of the services in this process. Raises RecordingsUnusable or BadSetting."""
    from lab import own_sites
    from services.hello.settings import HelloSettings
    from services.sites.budget import MIN_BYTES
    from services.sites.settings import SitesSettings

    sites = SitesSettings(
        own=own_sites.to_play(settings),
        memory_bytes=environment.memory_bytes("SITES_MEMORY_MIB", least_bytes=MIN_BYTES),
    )
    return HelloSettings.from_environment(environment), sites


def serve(options: Namespace) -> int:
    """Let the embedded lab stand until it is told to end, or as long as a command runs inside it."""
    from lab.errors import WrongUsage
    from services.runtime.settings import Environment

    command = tuple(options.words or ())
    if options.words is not None and not command:
        raise WrongUsage("no command stands after --", "lab serve -- COMMAND ..., or lab serve alone")
    if options.until_eof and command:
        raise WrongUsage("stdin is the command's", "leave --until-eof out: the lab ends with its command")
    settings, _ = read_settings_if_readable()
    environment = Environment({name: value for name, value in settings.values.items() if name != "HELLO_PORT"})
    loop = options.loop or environment.loop()

    from lab.serving.child_command import PASSED_ON
    from lab.serving.serve import ServeOptions, run_serve
    from services.runtime.logs import configure_logs
    from services.runtime.run import ENDED_BY
    from services.runtime.run import run as run_on_loop

    serve_options = ServeOptions(options.format, options.port, options.until_eof, options.verbose, command)
    if not command:
        configure_logs(environment.log_format())
    hello, sites = embedded_settings(settings, environment)
    return run_on_loop(
        lambda stop: run_serve(serve_options, hello, sites, stop),
        loop=loop,
        announce=not command,
        more_signals=PASSED_ON if command else ENDED_BY,
    )


def watch(options: Namespace) -> int:
    """Let the embedded lab stand, with a page in the browser."""
    from services.runtime.settings import Environment

    settings, _ = read_settings_if_readable()
    environment = Environment({name: value for name, value in settings.values.items() if name != "HELLO_PORT"})
    loop = options.loop or environment.loop()

    from lab.watching.watch import WatchOptions, run_watch
    from services.runtime.logs import configure_logs
    from services.runtime.run import ENDED_BY
    from services.runtime.run import run as run_on_loop

    configure_logs(environment.log_format())
    hello, sites = embedded_settings(settings, environment)
    return run_on_loop(
        lambda stop: run_watch(WatchOptions(options.port, options.opens), hello, sites, stop),
        loop=loop,
        more_signals=ENDED_BY,
    )


def record(options: Namespace) -> int:
    """Run the client's `record` on this host, with the lab's own directory of recordings."""
    from lab import own_sites
    from lab.errors import WrongUsage
    from services.client.cli import program
    from services.runtime.settings import Environment

    if not any(word for word in options.words if word != "--"):
        raise WrongUsage("no URL was given", "make record URL=http://example.org/, or lab record http://example.org/")
    settings, _ = read_settings_if_readable()
    words = ["record", "--output", str(own_sites.directory(settings)), *options.words]
    return program(words, Environment(settings.values), prog="lab", called=PROGRAM)


def swarm(options: Namespace) -> int:
    from lab.swarm.cli import swarm as on_a_swarm

    return on_a_swarm(options, read_settings())


def bench(options: Namespace) -> int:
    from lab.bench.cli import bench as compare

    return compare(options)


def report(options: Namespace) -> int:
    from lab.report.cli import report as draw

    return draw(options)


def doctor(options: Namespace) -> int:
    """Show what this machine has and, if asked, how long the lab takes on it."""
    from lab.doctor import doctor as examine
    from lab.settings import parse

    unread = None
    try:
        settings = read_settings()
    except LabError as error:
        settings, unread = parse(ROOT, os.environ, {}), error
    if not options.time:
        return examine(settings, unread=unread)
    from lab.start_times import timings

    return examine(settings, unread=unread, more=timings(say, settings))


def engine(options: Namespace) -> int:
    """Start the engine where there is none, or stop the one that was started."""
    from lab.docker import engine as docker_engine

    if options.action == "stop":
        docker_engine.stop(say)
    else:
        docker_engine.ensure(say, read_settings())
    return 0


def base(_options: Namespace) -> int:
    """Make sure of a base image, and print its name."""
    from lab.docker import base_image

    image = base_image.ensure(say, read_settings())
    show(image)
    say(f"{image} is {base_image.digest(image)}")
    return 0
