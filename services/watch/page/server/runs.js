// The runs that the server has, with the traces of those that are looked at. A trace comes in pieces; a piece that was
// missed is fetched with all before it.

import { Trace } from "../trace/trace.js";
import { eventsIn } from "../trace/file.js";
import { getText } from "./api.js";

const MOST_TRACES = 6;

/** A run, and its trace as far as it has come. `about`: what the server says of it. */
class KnownRun {
  constructor(about) {
    this.about = about;
    this.trace = new Trace();
    this.isWhole = false; // all events up to now are here
    this.loading = null;
    this.waiting = []; // pieces that came while it was loaded
    this.heardAt = performance.now();
  }

  get isRunning() {
    return this.about.state === "running";
  }

  /** Adds a piece of the trace; returns whether it fits what is here. */
  take(first, events) {
    const known = this.trace.count;
    if (first > known) return false;
    this.trace.add(events.slice(known - first));
    this.heardAt = performance.now();
    return true;
  }
}

export class KnownRuns {
  /** `onChange(id)`: there is more of this run. */
  constructor(onChange) {
    this.byId = new Map();
    this.onChange = onChange;
    this.most = Infinity; // how many runs the server keeps
  }

  /** Returns all, the newest first. */
  get all() {
    return [...this.byId.values()].reverse();
  }

  get(id) {
    return this.byId.get(id);
  }

  /** Takes the list of a server; `isNew`: it began anew, and its ids are others; `most`: how many runs it keeps. */
  reset(listed, isNew, most) {
    this.most = most;
    const before = isNew ? new Map() : this.byId;
    this.byId = new Map();
    for (const about of listed) {
      const known = before.get(about.id) ?? new KnownRun(about);
      known.about = about;
      if (known.trace.count < about.events) known.isWhole = false;
      this.byId.set(about.id, known);
    }
    this.onChange(null);
  }

  /** Takes an event `run`. */
  take(data) {
    if (data.run) {
      const known = this.byId.get(data.id) ?? new KnownRun(data.run);
      known.about = data.run;
      if (!this.byId.has(data.id)) known.isWhole = data.run.events === 0;
      this.byId.set(data.id, known);
      this.dropOld();
      this.forget(data.id);
    } else {
      this.takeEvents(data);
    }
    this.onChange(data.id);
  }

  /** Drops runs that the server has dropped: the oldest that have ended. */
  dropOld() {
    const ended = [...this.byId.values()].filter((each) => !each.isRunning);
    for (const each of ended.slice(0, Math.max(0, this.byId.size - this.most))) this.byId.delete(each.about.id);
  }

  takeEvents({ id, first, events }) {
    const known = this.byId.get(id);
    if (!known || (!known.isWhole && !known.loading)) return; // it is loaded when it is looked at
    if (known.loading) known.waiting.push([first, events]);
    else known.isWhole = known.take(first, events);
  }

  /** Loads the trace of a run, where it is not here. Throws Refused. */
  async load(id) {
    const known = this.byId.get(id);
    if (!known || known.isWhole) return;
    known.loading ??= this.fetch(known).finally(() => (known.loading = null));
    await known.loading;
    this.forget(id);
    this.onChange(id);
  }

  async fetch(known) {
    const events = eventsIn(await getText(`/api/runs/${encodeURIComponent(known.about.id)}/trace`));
    known.trace = new Trace();
    known.trace.add(events);
    known.isWhole = known.waiting.splice(0).every(([first, more]) => known.take(first, more));
  }

  /** Lets traces go that were looked at long ago: the server has them. */
  forget(id) {
    const whole = [...this.byId.values()].filter((each) => each.isWhole && !each.isRunning && each.about.id !== id);
    for (const each of whole.slice(0, Math.max(0, whole.length - MOST_TRACES))) {
      each.trace = new Trace();
      each.isWhole = false;
    }
  }
}
