// A trace: what the events of a run say, kept so that lanes can be drawn of it. docs/tracing.md describes the events.
//
// Times stay as they come: microseconds of a clock that never goes back. Events come in any number of batches, and from
// any program: one whose numbers are not as described is counted in `odd` and left out. All texts are data.

import { Spans } from "./spans.js";

const MOST_TEXT = 200; // characters
const MOST_US = 1e16; // three hundred years
const TIMES = ["ts", "dur"];
const NAMES = ["ph", "cat", "name", "id"];

/** A task: its runs, its waits (each with what it waits for), its phases, its calls that held the loop, how it ended. */
class Task {
  constructor(id, name, begin, parent) {
    Object.assign(this, { id, name, begin, parent, end: null, outcome: "", error: "", note: "", ok: true });
    this.runs = new Spans();
    this.waits = new Spans();
    this.phases = new Spans();
    this.holds = new Spans();
    this.marks = [];
  }
}

/** A process: a loop with its tasks, counters, and what held the loop. `zero`: when it began. */
class Process {
  constructor(id) {
    Object.assign(this, { id, name: "", program: "", loop: "", mode: "", title: "", zero: null, ended: null });
    this.tasks = new Map();
    this.depths = new Map(); // by the queue's name: {at, values}
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
  }

  /** Adds events; returns nothing. */
  add(events) {
    for (const event of events) this.addOne(event);
  }

  addOne(event) {
    this.count += 1;
    if (!isEvent(event)) {
      this.odd += 1;
      return;
    }
    const process = this.process(event.pid);
    const take = TAKE[event.ph === "M" ? `M ${event.name}` : `${event.ph} ${event.cat}`];
    if (take) take(this, process, event, event.args ?? {});
    if (event.ph !== "M") process.last = Math.max(process.last, event.ts + (event.ph === "X" ? event.dur : 0));
  }

  process(id) {
    let found = this.processes.get(id);
    if (!found) this.processes.set(id, (found = new Process(id)));
    return found;
  }

  /** When the last thing that is known happened; -Infinity in an empty trace. */
  get last() {
    let found = -Infinity;
    for (const each of this.processes.values()) found = Math.max(found, each.last);
    return found;
  }
}

/** Returns whether an event has the numbers that its kind has, each within its bounds, and no object as a name. */
function isEvent(event) {
  if (typeof event !== "object" || event === null || !Number.isInteger(event.pid)) return false;
  if (NAMES.some((name) => typeof event[name] === "object")) return false;
  if (typeof (event.args ?? {}) !== "object" || !Number.isInteger(event.tid ?? 0)) return false;
  if (event.ph === "M") return event.ts === undefined || isTime(event.ts);
  return TIMES.slice(0, event.ph === "X" ? 2 : 1).every((name) => isTime(event[name]));
}

function isTime(value) {
  return typeof value === "number" && value >= 0 && value <= MOST_US;
}

function text(value) {
  return typeof value === "string" ? value.slice(0, MOST_TEXT) : "";
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

function queueDepth(trace, process, event, { depth }) {
  if (!Number.isSafeInteger(depth) || depth < 0) return;
  const name = text(event.name).replace(/^depth of /, "");
  if (!process.depths.has(name)) process.depths.set(name, { at: [], values: [] });
  const { at, values } = process.depths.get(name);
  at.push(event.ts);
  values.push(depth);
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

function takeBlocking(trace, process, event, args) {
  const [begin, end] = [event.ts, event.ts + event.dur];
  const place = text(args.place);
  process.blockings.push({ begin, end, name: text(event.name), task: process.tasks.get(args.task), place, call: text(args.function) });
  process.tasks.get(args.task)?.holds.add(begin, end, { place });
}

function processBegins(trace, process, event, args) {
  for (const key of ["program", "loop", "mode", "title"]) process[key] = text(args[key]);
  process.zero = event.ts ?? null;
}

const TAKE = {
  "M process_name": (trace, process, event, args) => (process.name = text(args.name)),
  "M asynclab": processBegins,
  "M asynclab_end": (trace, process, event, args) => (process.ended = { total: isTime(args.total_us) ? args.total_us : null }),
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
  "X blocking": takeBlocking,
  "s handoff": arrowBegins,
  "s redelivery": arrowBegins,
  "f handoff": arrowEnds,
  "f redelivery": arrowEnds,
};
