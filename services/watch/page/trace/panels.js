// The panels of a run: which lanes are drawn of a trace, under which title, and from which zero.
//
// A process with a title is a panel with its own zero (the two runs of `compare`); all others share one. A phase that
// says how it ended is a piece of work: where a process has such phases, each is a lane. Elsewhere a task is a lane. Left
// out are tasks that made others: of our own programs all, of another program those that only wait for others. Left out
// is also, beside the lanes of other processes, such as workers, all that hands nothing over.

const OWN = new Set(["wget", "compare", "hello", "pipeline", "worker"]); // the programs of this lab

/**
 * @typedef {Object} Lane
 * @property {number} begin @property {number|null} end null: it is under way
 * @property {string} ending how it ended, as text @property {boolean} isBad
 */

/** Returns the panels of a trace. `everyTask`: a lane for each task, also where there are pieces of work. */
export function panelsOf(trace, { everyTask = false } = {}) {
  const shared = [];
  const panels = [];
  for (const process of trace.processes.values()) {
    if (process.zero === null && !process.tasks.size) continue;
    if (process.title) panels.push(panel(trace, [process], everyTask));
    else shared.push(process);
  }
  return shared.length ? [...panels, panel(trace, shared, everyTask)] : panels;
}

function panel(trace, processes, everyTask) {
  const [first] = processes;
  const zero = Math.min(...processes.map(zeroOf));
  const isOpen = processes.some((each) => !each.ended);
  const last = Math.max(zero, ...processes.map(lastOf));
  const lanes = processes.flatMap((each) => lanesOf(each, { everyTask, isAlone: processes.length === 1, touched: touchedIn(trace, each) }));
  const ids = new Set(processes.map((each) => each.id));
  return {
    title: first.title,
    program: first.program,
    loop: first.loop,
    mode: first.mode,
    zero,
    last,
    isOpen,
    lanes,
    processes,
    blockings: processes.flatMap((each) => each.blockings),
    arrows: trace.arrows.filter((each) => ids.has(each.from.pid) && ids.has(each.to.pid)),
    totals: totalsOf(processes, lanes, last),
  };
}

function zeroOf(process) {
  const begins = Array.from(process.tasks.values(), (each) => each.begin);
  return process.zero ?? Math.min(...begins);
}

function lastOf(process) {
  const total = process.ended?.total_us;
  return Number.isFinite(total) ? zeroOf(process) + total : process.last;
}

/** Work is all that ran; waits are the lanes' own, added up; `atOnce`: how many lanes were under way, on average. */
function totalsOf(processes, lanes, last) {
  let work = 0;
  for (const process of processes) for (const task of process.tasks.values()) work += task.runs.sum(-Infinity, Infinity);
  const lanesSum = lanes.reduce((sum, each) => sum + (each.end ?? last) - each.begin, 0);
  const ran = lanes.reduce((sum, each) => sum + each.runs.sum(each.begin, each.end ?? last), 0);
  const first = lanes.reduce((least, each) => Math.min(least, each.begin), last);
  const end = lanes.reduce((most, each) => Math.max(most, each.end ?? last), first);
  return { work, waits: Math.max(0, lanesSum - ran), atOnce: lanesSum / Math.max(1, end - first) };
}

/** Returns the ids of a process' tasks that hand something over, or get it. */
function touchedIn(trace, process) {
  const begun = [...trace.begunArrows.values()].map((each) => each.from);
  const ends = [...trace.arrows.flatMap((each) => [each.from, each.to]), ...begun];
  return new Set(ends.filter((each) => each.pid === process.id).map((each) => each.tid));
}

function lanesOf(process, { everyTask, isAlone, touched }) {
  const tasks = [...process.tasks.values()].filter((each) => each.id !== 0);
  const pieces = everyTask ? [] : tasks.flatMap((task) => piecesOf(process, task));
  const lanes = pieces.length
    ? [...pieces, ...openRests(process, tasks, pieces)].sort((a, b) => a.begin - b.begin)
    : (everyTask ? tasks : shownTasks(process, tasks, isAlone, touched)).map((task) => taskLane(process, task));
  return isAlone ? lanes : lanes.map((each) => ({ ...each, group: process.name }));
}

function shownTasks(process, tasks, isAlone, touched) {
  if (!process.program) return tasks;
  if (!isAlone && touched.size) return tasks.filter((each) => touched.has(each.id));
  const parents = new Set(tasks.map((each) => each.parent));
  const isAside = (task) => parents.has(task.id) && (OWN.has(process.program) || onlyWaits(process, task));
  return tasks.filter((each) => !isAside(each) || touched.has(each.id));
}

/** Returns whether a task only waits for others: what it waits for has a lane, and it never held the loop. */
function onlyWaits(process, task) {
  return task.waits.about.every((each) => each.kind === "task") && !process.blockings.some((each) => each.task === task.id);
}

function piecesOf(process, task) {
  const found = [];
  task.phases.about.forEach((phase, index) => {
    if (!phase.note) return;
    const [begin, end] = [task.phases.begins[index], task.phases.ends[index]];
    found.push({ ...lane(process, task, phase.name, begin, end), ending: phase.note, isBad: !phase.ok });
  });
  return found;
}

/** While a run goes on, the work that a task is at has not yet said its name: it is what follows its last piece. */
function openRests(process, tasks, pieces) {
  const parents = new Set(tasks.map((each) => each.parent));
  const rests = [];
  for (const task of tasks) {
    if (task.end !== null || process.ended) continue;
    const own = pieces.filter((each) => each.task === task);
    if (!own.length && parents.has(task.id)) continue;
    const begin = Math.max(task.begin, ...own.map((each) => each.end));
    rests.push(lane(process, task, own.length ? "…" : task.name, begin, null));
  }
  return rests;
}

function taskLane(process, task) {
  const isBad = !task.ok || task.outcome === "raised";
  const ending = task.note || (task.outcome === "raised" ? task.error : "") || (task.outcome === "cancelled" ? "cancelled" : "");
  return { ...lane(process, task, task.name, task.begin, task.end), ending, isBad };
}

function lane(process, task, name, begin, end) {
  const { runs, waits, phases, marks } = task;
  return { name, begin, end, task, process, runs, waits, phases, marks, ending: "", isBad: false, group: "" };
}
