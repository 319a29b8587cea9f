// A run of which only the trace is here: a file that a person opens. It stays in the browser.

import { t } from "../text/text.js";
import { Trace } from "../trace/trace.js";
import { NotATrace, traceIn } from "../trace/file.js";

const MOST_BYTES = 256 * 1024 * 1024;

export class FileRun {
  constructor(name, trace, trouble) {
    const [first] = trace.processes.values();
    this.about = { id: null, program: first?.program || name, options: {}, state: "file", command: "", name };
    this.trace = trace;
    this.trouble = trouble;
    this.isRunning = false;
    this.isWhole = true;
  }

  /** Reads a file. One that is no trace is a run without lanes, and with a reason. */
  static async read(file) {
    if (file.size > MOST_BYTES) return new FileRun(file.name, new Trace(), t("file.large", { name: file.name }));
    try {
      return new FileRun(file.name, traceIn(await file.text()), "");
    } catch (error) {
      if (!(error instanceof NotATrace) && !(error instanceof DOMException)) throw error;
      return new FileRun(file.name, new Trace(), t("file.odd", { name: file.name }));
    }
  }
}
