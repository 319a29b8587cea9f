"""The tutorial's story in scenes: the command lines of each, and what is said of it in both languages.

No figure is in the sentences: the figures of a scene are those of its recordings.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.client.report.words import Language

BLOCKING = "lab/report/blocking_call.py"
TARGETS = "lab/report/targets.txt"


@dataclass(frozen=True, slots=True)
class Run:
    """A command line of the client, without --trace and --report.

    `file`: what its report is called, without an ending; `title`: of its panel, where it has none of its own;
    `needs_lab`: whether it asks sites or hello; `needs`: `broker` or `uvloop`, without which it cannot run here.
    """

    words: tuple[str, ...]
    file: str
    title: str = ""
    needs_lab: bool = True
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A scene: what it shows, what is run, and three sentences, each by language."""

    name: Mapping[Language, str]
    runs: tuple[Run, ...]
    sentences: Mapping[Language, tuple[str, ...]]


def pipeline(edition: str, *, needs: str = "") -> Run:
    """Return the run of an edition of the pipeline."""
    words = ("pipeline", "--edition", edition, "--input", TARGETS, "--delay", "0.2")
    return Run(words, edition, title=edition, needs=needs)


PLANS = (
    Plan(
        {"en": "Three sites, one after another and at once", "zh": "三个网站：依次执行与并发执行"},
        (Run(("compare",), "compare"),),
        {
            "en": (
                "Each site takes a moment to answer, and the program has next to nothing to do meanwhile.",
                "One after another it waits three times.",
                "At once it waits once, on the same single thread.",
            ),
            "zh": (
                "每个网站都要过一会儿才回答，而程序在这段时间里几乎无事可做。",
                "依次执行要等待三次。",
                "并发执行只等待一次，用的还是同一个线程。",
            ),
        },
    ),
    Plan(
        {"en": "A thousand users and one thread", "zh": "一千个用户，一个线程"},
        (Run(("hello", "--users", "1000"), "users"),),
        {
            "en": (
                "One user asks alone, then a thousand ask at once; the server takes half a second for each.",
                "All the users share one thread, which is free while their requests wait.",
                "So their waits pass together: all are answered in little more time than the slowest takes.",
            ),
            "zh": (
                "先是一个用户单独提问，然后一千个用户同时提问；服务器回答每一个都要半秒。",
                "所有用户共用一个线程，请求等待时线程是空闲的。",
                "所以这些等待相互重叠：全部答完所用的时间，只比最慢的那一个略长。",
            ),
        },
    ),
    Plan(
        {"en": "Generator, queue, broker: three pipelines", "zh": "生成器、队列、消息代理：三种流水线"},
        (pipeline("generator"), pipeline("queue"), pipeline("jetstream", needs="broker")),
        {
            "en": (
                "A generator hands each item over by a call: its two sides take turns, so every wait counts.",
                "A queue lets four consumers wait at once, and its depth shows how far the producer is ahead.",
                "A broker lets them be other programs: each job costs more messages, but outlives a crash.",
            ),
            "zh": (
                "生成器用一次调用交接一项工作，双方轮流运行，所以每次等待都会累加。",
                "队列让四个消费者同时等待，队列的深度显示生产者领先多少。",
                "消息代理让双方成为不同的程序：每项工作要多发几条消息，但不会因崩溃而丢失。",
            ),
        },
    ),
    Plan(
        {"en": "A call that blocks, and everyone else", "zh": "一个阻塞调用，以及其他所有任务"},
        (Run(("trace", BLOCKING), "blocking", needs_lab=False),),
        {
            "en": (
                "Four tasks do a little every 50 ms, until a fifth makes one call that blocks.",
                "While it runs, nothing else runs: there is one thread, and the call does not give it back.",
                "The line to blame is named above and below the lanes.",
            ),
            "zh": (
                "四个任务每 50 毫秒做一点工作，直到第五个任务做了一次阻塞调用。",
                "调用期间其他任务都不能运行：只有一个线程，而这个调用不让出它。",
                "泳道的上方和下方都写明了是哪一行代码。",
            ),
        },
    ),
    Plan(
        {"en": "asyncio beside uvloop", "zh": "asyncio 与 uvloop"},
        (
            Run(("hello", "--users", "200", "--loop", "asyncio"), "asyncio", title="asyncio"),
            Run(("hello", "--users", "200", "--loop", "uvloop"), "uvloop", title="uvloop", needs="uvloop"),
        ),
        {
            "en": (
                "The same two hundred users, first on Python's own loop, then on uvloop.",
                "What they wait for is the same, so both runs take about as long.",
                "The loop decides how much work a wait costs, which matters when there are many.",
            ),
            "zh": (
                "同样的二百个用户，先用 Python 自带的事件循环，再用 uvloop。",
                "它们等待的事情相同，所以两次用时相近。",
                "事件循环决定一次等待要花多少工作，等待很多时才显出差别。",
            ),
        },
    ),
)

MISSING: Mapping[str, Mapping[Language, str]] = {
    "broker": {
        "en": "The broker's program is not installed here, so the edition over a broker is left out.",
        "zh": "这里没有安装消息代理的程序，所以略去了使用它的版本。",
    },
    "uvloop": {
        "en": "uvloop is not installed here, so its run is left out.",
        "zh": "这里没有安装 uvloop，所以略去了它的运行。",
    },
}

LAB_WITHOUT_BROKER: Mapping[Language, str] = {
    "en": "The lab that stands has no broker, so the edition over a broker ran in an embedded lab, which had one.",
    "zh": "所用的实验室没有消息代理，所以使用消息代理的版本在带有它的嵌入式实验室里运行。",
}
