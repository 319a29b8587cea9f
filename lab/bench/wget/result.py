"""The whole of `lab bench wget`: its parts one after the other, and what is left out where something is missing."""

from lab.bench.harness import memory, peers
from lab.bench.harness.figures import Group, Result
from lab.bench.harness.machine import Core
from lab.bench.harness.peers import CURL, NGINX, WRK
from lab.bench.harness.rounds import Rounds, Say
from lab.bench.wget import many_hosts, newest_curl, one_host


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure fetches a second, processor time and memory: of one page again and again, and of a list of many hosts."""
    core = Core()
    groups: list[Group] = []
    one = one_host.measure(rounds, core, say)
    groups += one.groups
    method = [
        f"{rounds.targets:,} targets, {one_host.CONCURRENCY} at once, a connection each, {rounds.in_turns()}",
        f"curl and aiohttp's client, which are slower, have 1/{one_host.SLOWER} of the targets",
        "whole programs, start to end, each writing a record a target (wrk, null: none)",
        memory.METHOD,
        "heads of one second are alike, and services.client reads them once; in one row each has another X-Request-Id",
        "services.client connects a socket again where the address is the same; so does null, a process for each core",
        f"{core.server_sentence()}; each turn has a server of its own",
    ]
    if NGINX.path():
        groups += many_hosts.measure(rounds, core, say)
        newest, said = newest_curl.measure(rounds, core, say, held_by=one.held_by)
        groups += newest
        method += [many_hosts.method(rounds), said]
    by = "nginx, one worker" if NGINX.path() else "services.sites, uvloop"
    return Result(
        "wget",
        tuple(groups),
        (*method, f"served by {by}", peers.sentence((NGINX, CURL, WRK))),
        notes=tuple(peer.missing() for peer in (NGINX, CURL, WRK) if not peer.path()),
        tables=(one.stages,),
        promises=(one.memory_goal,),
    )
