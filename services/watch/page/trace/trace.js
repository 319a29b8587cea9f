// A trace: what the events of a run say, kept so that lanes can be drawn of it. docs/tracing.md describes the events.
//
// Times stay as they come: microseconds of a clock that never goes back. Events come in any number of batches, and from
// any program: one that is not as described is counted in `odd` and left out. All texts are data.

import { Spans } from "./spans.js";

const MOST_ODD_TEXT = 200;

/** A task: its runs, its waits (each with what it waits for), its phases, and how it ended. */
class Task {
  constructor(id, name, begin, parent) {
    Object.assign(this, { id, name, begin, parent, end: null, outcome: "", error: "", note: "", ok: true });
    this.runs = new Spans();
    this.waits = new Spans();
    this.phases = new Spans();
    this.marks = [];
  }
}

/** A process: a loop with its tasks, counters, and what held the loop. `zero`: when it began. */
class Process {
  constructor(id) {
    Object.assign(this, { id, name: "", program: "", loop: "", mode: "", title: "", zero: null, ended: null });
    this.tasks = new Map();
    this.depths = new Map(); // by the queue's name: {at, values}
    this.lags = { at: [], values: [] };
    this.blockings = [];
    this.last = -Infinity;
  }
}

/** All processes of a run, and the arrows between their lanes. */
export class Trace {
  constructor() {
    this.processes = new Map();
    this.arrows = []; // {kind, name, from: {pid, tid, at}, to: the same}
    this.begunArrows = new Map();
    this.count = 0;
    this.odd = 0;
    this.version = 0;
  }

  /** Adds events; returns nothing. */
  add(events) {
    for (const event of events) this.addOne(event);
    this.version += 1;
  }

  addOne(event) {
    this.count += 1;
    const take = event && TAKE[event.ph === "M" ? `M ${event.name}` : `${event.ph} ${event.cat}`];
    if (!Number.isFinite(event?.pid) || !Number.isFinite(event?.ts ?? 0)) {
      this.odd += 1;
      return;
    }
    const process = this.process(event.pid);
    if (take) take(this, process, event, event.args ?? {});
    if (event.ph !== "M") process.last = Math.max(process.last, event.ts + (event.ph === "X" ? (event.dur ?? 0) : 0));
  }

  process(id) {
    let found = this.processes.get(id);
    if (!found) this.processes.set(id, (found = new Process(id)));
    return found;
  }

  /** When the last thing that is known happened; -Infinity in an empty trace. */
  get last() {
    return Math.max(-Infinity, ...Array.from(this.processes.values(), (each) => each.last));
  }
}

function text(value) {
  return typeof value === "string" ? value.slice(0, MOST_ODD_TEXT) : "";
}

function taskOf(trace, process, event) {
  let task = process.tasks.get(event.tid);
  if (!task) process.tasks.set(event.tid, (task = new Task(event.tid, `${event.tid}`, event.ts, null)));
  return task;
}

function beginTask(trace, process, event, args) {
  const task = taskOf(trace, process, event);
  task.name = text(event.name) || task.name;
  task.begin = event.ts;
  task.parent = Number.isFinite(args.parent) ? args.parent : null;
}

function endTask(trace, process, event, args) {
  const task = taskOf(trace, process, event);
  task.end = event.ts;
  task.outcome = text(args.outcome);
  task.error = text(args.error);
}

function waitText(args) {
  return { kind: text(args.kind), awaits: text(args.awaits), place: text(args.place) };
}

function counter(into, at, value) {
  if (!Number.isFinite(value)) return;
  into.at.push(at);
  into.values.push(value);
}

function queueDepth(trace, process, event, args) {
  const name = text(event.name).replace(/^depth of /, "");
  if (!process.depths.has(name)) process.depths.set(name, { at: [], values: [] });
  counter(process.depths.get(name), event.ts, args.depth);
}

function arrowBegins(trace, process, event) {
  const from = { pid: event.pid, tid: event.tid, at: event.ts };
  trace.begunArrows.set(`${event.cat} ${event.id}`, { kind: event.cat, name: text(event.name), from });
}

function arrowEnds(trace, process, event) {
  const key = `${event.cat} ${event.id}`;
  const begun = trace.begunArrows.get(key);
  if (!begun) return;
  trace.begunArrows.delete(key);
  trace.arrows.push({ ...begun, to: { pid: event.pid, tid: event.tid, at: event.ts } });
}

function processBegins(trace, process, event, args) {
  for (const key of ["program", "loop", "mode", "title", "begun"]) process[key] = text(args[key]);
  process.zero = Number.isFinite(event.ts) ? event.ts : null;
}

const TAKE = {
  "M process_name": (trace, process, event, args) => (process.name = text(args.name)),
  "M asynclab": processBegins,
  "M asynclab_end": (trace, process, event, args) => (process.ended = args),
  "M thread_name": (trace, process, event, args) => {
    if (process.tasks.has(event.tid)) process.tasks.get(event.tid).name = text(args.name);
  },
  "B task": beginTask,
  "E task": endTask,
  "X run": (trace, process, event) => taskOf(trace, process, event).runs.add(event.ts, event.ts + event.dur, null),
  "X wait": (trace, process, event, args) =>
    taskOf(trace, process, event).waits.add(event.ts, event.ts + event.dur, waitText(args)),
  "X phase": (trace, process, event, args) =>
    taskOf(trace, process, event).phases.add(event.ts, event.ts + event.dur, {
      name: text(event.name),
      note: text(args.note),
      ok: args.ok !== false,
    }),
  "i end": (trace, process, event, args) =>
    Object.assign(taskOf(trace, process, event), { note: text(event.name), ok: args.ok !== false }),
  "i mark": (trace, process, event, args) =>
    taskOf(trace, process, event).marks.push({ at: event.ts, kind: text(event.name), text: text(args.text) }),
  "C queue": queueDepth,
  "C loop": (trace, process, event, args) => counter(process.lags, event.ts, args.ms),
  "X blocking": (trace, process, event, args) =>
    process.blockings.push({
      begin: event.ts,
      end: event.ts + event.dur,
      name: text(event.name),
      task: args.task,
      place: text(args.place),
      call: text(args.function),
    }),
  "s handoff": arrowBegins,
  "s redelivery": arrowBegins,
  "f handoff": arrowEnds,
  "f redelivery": arrowEnds,
};
