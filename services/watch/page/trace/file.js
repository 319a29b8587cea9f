// Reads a trace as a file has it: `[`, an event a line, `]`; one that was cut off has no `]`.

import { Trace } from "./trace.js";

/** A text that is no trace; the message is one line. */
export class NotATrace extends Error {}

/** Returns the trace in a text. Throws NotATrace. */
export function traceIn(content) {
  const trace = new Trace();
  trace.add(eventsIn(content));
  if (![...trace.processes.values()].some((each) => each.tasks.size)) throw new NotATrace("no task");
  return trace;
}

/** Returns the events in a text. Throws NotATrace. */
export function eventsIn(content) {
  const trimmed = content.trim();
  if (!trimmed.startsWith("[")) throw new NotATrace("not an array");
  try {
    return JSON.parse(trimmed);
  } catch {
    return cutOff(trimmed);
  }
}

function cutOff(content) {
  const end = content.lastIndexOf("\n");
  const whole = end < 0 ? "" : content.slice(0, end).trim().replace(/,$/, "");
  try {
    return JSON.parse(whole === "[" ? "[]" : `${whole}]`);
  } catch {
    throw new NotATrace("not JSON");
  }
}
