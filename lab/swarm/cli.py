"""`lab swarm`: what each of its verbs does, and the table that `ps` shows."""

from argparse import Namespace
from collections.abc import Sequence

from lab.compose.stack import PROJECT
from lab.errors import WrongUsage
from lab.settings import Settings
from lab.swarm.endpoints import Endpoint, endpoint
from lab.swarm.errors import NoStack
from lab.swarm.nodes import Node
from lab.swarm.swarm import SwarmStack
from lab.swarm.tasks import Task
from services.client.admin.tables import columns
from services.runtime.terminal import say, show

SUFFIX = "-swarm"  # so that a lab in containers of the same project may run beside it
OF_UP = ("keep", "timeout")


def swarm(options: Namespace, settings: Settings) -> int:
    """Do what a verb says, and return the exit code."""
    check(options)
    named = options.node or settings.swarm_nodes.split()
    project = options.project or f"{settings.project or PROJECT}{SUFFIX}"
    stack = SwarmStack(project, settings, named=tuple(map(endpoint, named)), own=Endpoint())
    if options.verb == "up":
        return up(stack, options)
    if options.verb == "ps":
        return ps(stack)
    if options.verb == "run":
        return stack.run_client(options.words or ())
    stack.down(say)
    return 0


def check(options: Namespace) -> None:
    """Raise WrongUsage for options that are another verb's."""
    if options.verb != "up":
        for name in OF_UP:
            if getattr(options, name):
                raise WrongUsage(f"--{name} is for up", f"leave it out: lab swarm {options.verb}")
    if options.verb != "run" and options.words is not None:
        raise WrongUsage("words after -- are the client's", "lab swarm run -- WORDS")


def up(stack: SwarmStack, options: Namespace) -> int:
    """Deploy the lab, and say what to do next."""
    from lab import PROGRAM, UP_TIMEOUT_S

    stack.up(say, keep=options.keep, timeout_s=options.timeout or UP_TIMEOUT_S)
    say(f"The lab is healthy. Now: {PROGRAM} swarm run -- wget; {PROGRAM} swarm ps; {PROGRAM} swarm down")
    return 0


def ps(stack: SwarmStack) -> int:
    """Show the nodes, and every task with its node. Raises NoStack."""
    found = stack.find()
    tasks = stack.tasks(found)
    if not tasks:
        raise NoStack(stack.name)
    show(table(found.nodes, tasks))
    wanted = [task for task in tasks if task.is_wanted]
    return 0 if wanted and all(task.runs for task in wanted) else 1


def table(nodes: Sequence[Node], tasks: Sequence[Task]) -> str:
    """Return two tables: the nodes, each with the number of its containers, and the tasks that are wanted."""
    running = [task.node for task in tasks if task.runs]
    about = [(node.name, node.status, node.availability, node.engine, str(running.count(node.name))) for node in nodes]
    rows = [
        (task.service, task.number, task.node or "none yet", f"{task.state} {task.since}".lower(), task.error)
        for task in sorted(tasks, key=lambda each: (each.service, each.number))
        if task.is_wanted
    ]
    return "\n".join(
        (
            columns(("node", "status", "availability", "engine", "containers"), about),
            "",
            columns(("service", "number", "node", "state", "error"), rows),
        )
    )
