// What a trace tells of a pipeline: how many items went through each part, and what was delivered again.

import { duration, t, whole } from "../text/text.js";

/** Returns {boxes: [[name, figure, text], ...], depth: {at, values}, zero, last, redeliveries}. */
export function flowOf(run) {
  const { trace } = run;
  const processes = [...trace.processes.values()];
  const begins = processes.map((each) => each.zero).filter(Number.isFinite);
  const zero = begins.length ? Math.min(...begins) : 0;
  const last = Math.max(zero, trace.last);
  const depth = depthOf(processes);
  const handOffs = trace.arrows.filter((each) => each.kind === "handoff");
  const redeliveries = redeliveriesIn(trace).map((each) => named(trace, each));
  const put = handOffs.length + trace.begunArrows.size;
  const seconds = Math.max(1e-3, (last - zero) / 1e6);
  const done = run.about.ledger?.recorded ?? handOffs.length;
  const workers = workersOf(trace);
  const again = redeliveries.length || run.about.ledger?.redelivered || 0;
  const boxes = [
    ["producer", whole(run.about.ledger?.attempted ?? put), t("pipeline.put", { rate: (put / seconds).toFixed(0) })],
    ["queue", whole(run.isRunning ? (depth.values.at(-1) ?? 0) : depth.values.reduce((most, each) => Math.max(most, each), 0)), run.isRunning ? t("pipeline.now") : t("pipeline.most")],
    ["workers", whole(workers), again ? t("pipeline.again", { count: whole(again) }) : t("pipeline.not-again")],
    ["results", whole(done), t("pipeline.in", { time: duration(Math.max(0, last - zero)), rate: (done / seconds).toFixed(0) })],
  ];
  return { boxes, depth, zero, last, redeliveries };
}

/** The longest of the queues' counters; with several queues, that of the first that has one. */
function depthOf(processes) {
  const all = processes.flatMap((each) => [...each.depths.values()]);
  return all.reduce((most, each) => (each.at.length > most.at.length ? each : most), { at: [], values: [] });
}

/** Processes that got items from another one; else tasks of the one process. */
function workersOf(trace) {
  const others = new Set(trace.arrows.filter((each) => each.to.pid !== each.from.pid).map((each) => each.to.pid));
  return others.size || new Set(trace.arrows.map((each) => each.to.tid)).size;
}

/** Arrows from a job's first lane to the next; of a worker that did not live to tell of its lane, only the second end. */
function redeliveriesIn(trace) {
  const arrows = trace.arrows.filter((each) => each.kind === "redelivery");
  const known = new Set(arrows.map((each) => `${each.to.pid} ${each.to.tid}`));
  const marked = [...trace.processes.values()].flatMap((process) =>
    [...process.tasks.values()].flatMap((task) =>
      task.marks
        .filter((mark) => mark.kind === "redelivery" && !known.has(`${process.id} ${task.id}`))
        .map((mark) => ({ name: task.name, to: { pid: process.id, tid: task.id, at: mark.at } })),
    ),
  );
  return [...arrows, ...marked].sort((a, b) => a.to.at - b.to.at);
}

function named(trace, arrow) {
  const nameOf = (end) => {
    if (!end) return "—";
    const process = trace.processes.get(end.pid);
    return [process?.tasks.get(end.tid)?.name, process?.name].filter(Boolean).join(", ");
  };
  return { ...arrow, fromName: nameOf(arrow.from), toName: nameOf(arrow.to) };
}
