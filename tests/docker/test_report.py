"""`lab report --lab` against the lab in containers: its pipeline over a broker is that of the lab."""

from dataclasses import replace

import pytest

from lab.compose.stack import Stack
from lab.report.recording import recorded
from lab.report.scenes import PLANS
from lab.report.ways import Way, labs_at


def test_producer_queue_and_workers_in_containers_are_on_one_picture(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one clock: each job is taken after it was given, by a worker that is another program."""
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", stack.project)
    monkeypatch.delenv("BROKER_URL", raising=False)
    labs = labs_at("--lab", f"http://{stack.run_compose('port', 'gateway', '3128').stdout.strip()}")
    [(plan, run)] = [(plan, run) for plan in PLANS for run in plan.runs if run.needs == "broker"]
    assert labs.way(run) is Way.IN_CONTAINER
    found = recorded(replace(plan, runs=(run,)), labs=labs, say=print)
    assert found.ok
    assert found.scene.sentences == plan.sentences
    [trace] = found.scene.traces
    [client] = [each for each in trace.processes if each.program == "pipeline"]
    workers = {each.id for each in trace.processes if each.program == "worker"}
    assert workers
    assert {each.clock.boot for each in trace.processes} == {client.clock.boot}
    assert trace.depths
    given = [each for each in trace.hand_offs if each.from_process == client.id]
    assert {each.to_process for each in given} <= workers
    assert given
    assert all(each.from_s <= each.to_s for each in given)
