"""The report's texts, each in English and in Chinese. What a program recorded of itself is shown as it is."""

from collections.abc import Mapping
from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
NAMES: Mapping[Language, str] = {"en": "English", "zh": "中文"}

TEXTS: Mapping[str, tuple[str, str]] = {
    # headlines and what follows them
    "overlaps": ("Waiting overlaps. Work does not.", "等待可以重叠，工作不能。"),
    "overlaps_why": (
        (
            "One after another, {lanes} took {before}, nearly all of it waiting. At once they took {after} on the "
            "same single thread, because they waited at the same time."
        ),
        (
            "依次执行时，{lanes}用了 {before}，几乎都在等待。"
            "并发执行时，同一个线程只用了 {after}，因为这些等待相互重叠。"
        ),
    ),
    "no_overlap": ("There is no waiting here that could overlap.", "这里没有可以重叠的等待。"),
    "no_overlap_why": (
        (
            "{lanes} took {before} one after another, and {after} at once. The work keeps the thread busy, and one "
            "thread does one thing at a time."
        ),
        "{lanes}依次执行用了 {before}，并发执行用了 {after}。工作一直占用线程，而一个线程同一时刻只能做一件事。",
    ),
    "held": ("{place} held the loop for {time}.", "{place} 阻塞了事件循环 {time}。"),
    "held_nowhere": ("One call held the loop for {time}.", "有一次调用阻塞了事件循环 {time}。"),
    "held_why": (
        (
            "While that call ran, no other lane could run; {others} had begun and not ended. A call that "
            "takes long belongs in a thread (asyncio.to_thread), or should be one that can be awaited."
        ),
        (
            "这次调用运行时，其他泳道都不能运行；{others}已开始而未结束。耗时的调用应放进线程（asyncio.to_thread），"
            "或改用可以 await 的调用。"
        ),
    ),
    "two_loops": ("The same work on two loops: {times}.", "同样的工作，两种事件循环：{times}。"),
    "two_loops_why": (
        "Both loops wait equally long for the same things. They differ in how much work that takes: {works}.",
        "两种事件循环为同样的事等待同样久，差别在于为此工作多久：{works}。",
    ),
    "several": ("{count} runs: {times}.", "{count} 次运行：{times}。"),
    "several_why": (
        "All of them are on one time axis. Their work, in the same order, took {works}.",
        "它们在同一条时间轴上。按同样的顺序，工作分别用了 {works}。",
    ),
    "many": ("{waits} of waiting passed in {wall}.", "{waits} 的等待，只用了 {wall}。"),
    "many_why": (
        (
            "While one task waits, the loop runs another: so the waits of {lanes} overlap. At most {most} lanes "
            "were there at one moment."
        ),
        "一个任务等待时，事件循环就运行另一个：所以 {lanes}的等待相互重叠。同一时刻最多有 {most} 条泳道。",
    ),
    "plain": ("{lanes} took {wall}.", "{lanes}用了 {wall}。"),
    "plain_why": (
        "All taken together, they ran {work} and waited {waits}. Little of that overlapped.",
        "合计运行 {work}，等待 {waits}，其中很少重叠。",
    ),
    "empty": ("Nothing was recorded.", "没有记录到任何内容。"),
    "empty_why": ("The program made no task while it was recorded.", "记录期间，程序没有创建任务。"),
    "failed": ("{failed} of {lanes} lanes ended in an error.", "{lanes} 条泳道中有 {failed} 条以错误结束。"),
    # things that are counted: one of them, and several
    "lane": ("1 lane", "1 条泳道"),
    "lanes": ("{count} lanes", "{count} 条泳道"),
    "other": ("1 other lane", "另外 1 条泳道"),
    "others": ("{count} other lanes", "另外 {count} 条泳道"),
    "piece": ("1 piece of work", "1 项工作"),
    "pieces": ("{count} pieces of work", "{count} 项工作"),
    # figures
    "wall": ("wall time", "总用时"),
    "wait_sum": ("sum of all waits", "等待合计"),
    "work_sum": ("sum of all work", "工作合计"),
    "overlap": ("overlap factor: waits and work, by wall time", "重叠倍数：等待与工作之和除以总用时"),
    "speedup": ("as fast; the work took {before}, then {after}", "加速比；工作先后用了 {before} 和 {after}"),
    "no_comparison": (
        "some lanes ended in an error, so the runs do not compare",
        "有的泳道以错误结束，所以不能比较",
    ),
    "hold_length": ("held the loop, in one call", "一次调用阻塞了事件循环"),
    "stood_still": ("number of other lanes that could not run meanwhile", "条其他泳道在此期间不能运行"),
    "on_loop": ("on {loop}", "使用 {loop}"),
    "work_ratio": ("as much work on {loop}", "{loop} 的工作与前者之比"),
    # the picture
    "in_all": ("{time} in all", "共 {time}"),
    "waiting": ("waiting", "等待"),
    "running": ("running", "运行"),
    "an_error": ("ended in an error", "以错误结束"),
    "a_hold": ("a call held the loop", "调用阻塞了事件循环"),
    "an_arrow": ("work handed on", "工作交接"),
    "a_mark": ("a retry or another mark", "重试等标记"),
    "end_line": ("end of the run", "运行结束"),
    "held_by": ("held the loop: {place}", "阻塞了事件循环：{place}"),
    "still_open": ("has not ended", "未结束"),
    "at_a_time": ("lanes at a time", "同一时刻的泳道数"),
    "thread_busy": ("thread busy", "线程占用"),
    "at_most": ("at most {count}", "最大 {count}"),
    "depth_of": ("depth of {name}", "队列 {name} 的深度"),
    "loop_lag": ("loop lag", "事件循环延迟"),
    "lane_says": ("{time}, of which it ran {run}", "{time}，其中运行 {run}"),
    "ran": ("ran {time}", "运行 {time}"),
    "ran_often": ("ran {count} times, {time} in all", "运行 {count} 次，共 {time}"),
    "waited": ("waited {time}", "等待 {time}"),
    "waited_on": ("waited {time}, longest for {what}", "等待 {time}，最久的是：{what}"),
    "group_failed": ("Ended in an error: {count}", "以错误结束：{count}"),
    "group_again": ("Delivered again: {count} lanes", "重新投递：{count} 条泳道"),
    "group_others": ("Other tasks: {count}", "其他任务：{count}"),
    "group_slowest": ("The slowest {count}", "最慢的 {count} 条"),
    "group_rest": (
        "{first} to {last} by duration: {longest} to {shortest}",
        "按用时第 {first} 至 {last} 条：{longest} 至 {shortest}",
    ),
    "not_drawn": (
        "Lanes that are not drawn, but are in the sums: {count}.",
        "另有 {count} 条泳道没有画出，已计入总和。",
    ),
    "panels_not_drawn": ("Runs that are not drawn: {count}.", "另有 {count} 次运行没有画出。"),
    "this_run": ("this run", "本次运行"),
    "mode_line": ("loop {loop}", "事件循环 {loop}"),
    # what is said below the picture
    "holds_title": ("Calls that held the loop", "阻塞事件循环的调用"),
    "hold_line": (
        "in {function}, {task}, at {at}: no other lane could run",
        "函数 {function}，{task}，时刻 {at}：其他泳道都不能运行",
    ),
    "hold_line_bare": ("at {at}: no other lane could run", "时刻 {at}：其他泳道都不能运行"),
    "place_unknown": ("a place that is not known", "位置未知"),
    "of_task": ("task {name}", "任务 {name}"),
    "no_task": ("in no task that was recorded", "不属于已记录的任务"),
    "moments_title": ("Retries, redeliveries, cancellations, errors", "重试、重新投递、取消、错误"),
    "in_lanes": ("in: {lanes}", "泳道：{lanes}"),
    "in_lanes_and_more": ("in: {lanes}, and {count} more", "泳道：{lanes}，另有 {count} 条"),
    "more": ("and {count} more", "另有 {count} 条"),
    "numbers_title": ("The numbers", "数据"),
    "lanes_table": ("Every lane in numbers", "每条泳道的数据"),
    "dropped": (
        (
            "Not recorded, for a recording has bounds: {tasks} tasks, {slices} times of running, {phases} phases, "
            "{events} events."
        ),
        "记录的大小有限，未记录：{tasks} 个任务，{slices} 段运行，{phases} 个阶段，{events} 个事件。",
    ),
    "overhead": ("The recorder itself took about {time}.", "记录器自身约用 {time}。"),
    "basis": ("Several programs on one time axis, {basis}.", "多个程序在同一条时间轴上，依据：{basis}。"),
    "again": ("Make it again:", "复现命令："),
    "made_by": ("Drawn by asynclab from a recording of {begun}.", "由 asynclab 根据 {begun} 的记录绘制。"),
    "contents": ("Contents", "目录"),
    "comma": (", ", "，"),
    "colon": (": ", "："),
    # columns
    "col_run": ("run", "运行"),
    "col_loop": ("loop", "事件循环"),
    "col_mode": ("mode", "方式"),
    "col_overlap": ("overlap factor", "重叠倍数"),
    "col_lanes": ("lanes", "泳道数"),
    "col_failed": ("errors", "错误数"),
    "col_name": ("lane", "泳道"),
    "col_begin": ("began at", "开始"),
    "col_took": ("took", "用时"),
    "col_ran": ("ran", "运行"),
    "col_waited": ("waited", "等待"),
    "col_longest": ("waited longest for", "最久的等待"),
    "col_end": ("ended", "结果"),
    # names that recordings use
    "phase dns": ("name look-up", "域名解析"),
    "phase connect": ("connect", "连接"),
    "phase tls": ("TLS handshake", "TLS 握手"),
    "phase send": ("send the request", "发送请求"),
    "phase first byte": ("wait for the first byte", "等待首字节"),
    "phase head": ("read the head", "读取响应头"),
    "wait sleep": ("a sleep", "休眠"),
    "wait socket": ("a socket", "套接字"),
    "wait lock": ("a lock", "锁"),
    "wait queue": ("a queue", "队列"),
    "wait task": ("another task", "另一个任务"),
    "wait thread": ("a thread", "线程"),
    "wait turn": ("its turn", "轮到自己"),
    "wait other": ("something else", "其他"),
    "mode one after another": ("one after another", "依次执行"),
    "mode at once": ("at once", "并发执行"),
    "title One after another": ("One after another", "依次执行"),
    "title At once": ("At once, on one thread", "并发执行，单线程"),
    "mark retry": ("retry", "重试"),
    "mark redelivery": ("redelivery", "重新投递"),
    "mark cancel": ("cancelled", "已取消"),
    "mark error": ("error", "错误"),
    "outcome returned": ("returned", "正常返回"),
    "outcome raised": ("raised an error", "抛出异常"),
    "outcome cancelled": ("cancelled", "已取消"),
}


class Words:
    """The texts of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._column = LANGUAGES.index(language)

    def __call__(self, text: str, /, **values: object) -> str:
        """Return a text, with values in it."""
        return TEXTS[text][self._column].format(**values)

    def counted(self, count: int, thing: str) -> str:
        """Return a number of things; `thing`: the text for one of them; with an `s`, for several."""
        return self(thing) if count == 1 else self(f"{thing}s", count=f"{count:,}")

    def named(self, kind: str, name: str) -> str:
        """Return what a name of a recording is called here; a name that is not known stays as it is."""
        known = TEXTS.get(f"{kind} {name}")
        return known[self._column] if known else name

    def listed(self, texts: list[str]) -> str:
        """Return texts as a list within a sentence."""
        return ("、" if self.language == "zh" else ", ").join(texts)
