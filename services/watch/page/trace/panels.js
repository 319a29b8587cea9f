// The panels of a run: which lanes are drawn of a trace, under which title, and from which zero.
//
// A process with a title is a panel with its own zero (the two runs of `compare`); all others share one. A phase that
// says how it ended is a piece of work: where a process has such phases, each is a lane. Elsewhere a task is a lane. Left
// out are tasks that made others: of our own programs all, of another program those that only wait for others. Left out
// is also, beside the lanes of other processes, such as workers, all that hands nothing over.

const MOST_PANELS = 64;
const OWN = new Set(["wget", "compare", "hello", "pipeline", "worker"]); // the programs of this lab

/**
 * @typedef {Object} Lane
 * @property {number} begin @property {number|null} end null: it is under way
 * @property {string} ending how its work ended, or its error; empty: it does not say @property {boolean} isBad
 * @property {string} outcome of the task, where the lane is a whole task
 */

/**
 * Returns the panels of a trace, as far as a page can have them; `leftOut` of the last one: how many more there would
 * be. `everyTask`: a lane for each task, also where there are pieces of work.
 */
export function panelsOf(trace, { everyTask = false } = {}) {
  const shown = [...trace.processes.values()].filter((each) => each.zero !== null || each.tasks.size);
  const shared = shown.filter((each) => !each.title);
  const groups = shown.filter((each) => each.title).map((each) => [each]);
  if (shared.length) groups.push(shared);
  const touched = touchedIn(trace);
  const panels = groups.slice(0, MOST_PANELS).map((each) => panel(trace, each, { everyTask, touched }));
  if (panels.length) panels.at(-1).leftOut = groups.length - panels.length;
  return panels;
}

function panel(trace, processes, { everyTask, touched }) {
  const [first] = processes;
  const zero = processes.reduce((least, each) => Math.min(least, zeroOf(each)), Infinity);
  const isOpen = processes.some((each) => !each.ended);
  const last = processes.reduce((most, each) => Math.max(most, lastOf(each)), zero);
  const isAlone = processes.length === 1;
  const lanes = processes.flatMap((each) => lanesOf(each, { everyTask, isAlone, touched: touched.get(each.id) ?? new Set() }));
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
    totals: () => totalsOf(lanes, last),
    leftOut: 0,
  };
}

function zeroOf(process) {
  if (process.zero !== null) return process.zero;
  let least = Infinity;
  for (const each of process.tasks.values()) least = Math.min(least, each.begin);
  return least;
}

function lastOf(process) {
  const total = process.ended?.total ?? null;
  return total === null ? process.last : zeroOf(process) + total;
}

/** Returns the sums of lanes: `work`: how long they ran; `waits`: how long they waited, but not for other tasks. */
function totalsOf(lanes, last) {
  let [work, waits] = [0, 0];
  for (const lane of lanes) {
    const end = lane.end ?? Math.max(lane.begin, last);
    const ran = lane.runs.sum(lane.begin, end);
    work += ran;
    waits += Math.max(0, end - lane.begin - ran - lane.waits.sum(lane.begin, end, isForTask));
  }
  return { work, waits, most: mostAtOneMoment(lanes, last) };
}

/** Returns whether a wait is for another task, whose own lane shows what it does. */
function isForTask({ kind }) {
  return kind === "task";
}

/**
 * Returns how many other lanes had begun and not ended while a call held the loop. Those that mostly wait for other tasks
 * are not among them: they would have waited without that call, too.
 */
export function lanesHeld({ lanes, last }, call) {
  const others = lanes.filter((each) => each.task !== call.task && each.begin < call.end && (each.end ?? last) > call.begin);
  return others.filter(({ waits }) => 2 * waits.sum(-Infinity, Infinity, isForTask) <= waits.sum(-Infinity, Infinity)).length;
}

function mostAtOneMoment(lanes, last) {
  const changes = lanes.flatMap((lane) => [[lane.begin, 1], [lane.end ?? last, -1]]);
  let [now, most] = [0, 0];
  for (const [, change] of changes.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    now += change;
    most = Math.max(most, now);
  }
  return most;
}

/** Returns the ids of tasks that hand something over, or get it, by their process. */
function touchedIn(trace) {
  const found = new Map();
  const begun = [...trace.begunArrows.values()].map((each) => each.from);
  for (const { pid, tid } of [...trace.arrows.flatMap((each) => [each.from, each.to]), ...begun]) {
    if (!found.has(pid)) found.set(pid, new Set());
    found.get(pid).add(tid);
  }
  return found;
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
  const isAside = (task) => parents.has(task.id) && (OWN.has(process.program) || onlyWaits(task));
  return tasks.filter((each) => !isAside(each) || touched.has(each.id));
}

/** Returns whether a task only waits for others: what it waits for has a lane, and it never held the loop. */
function onlyWaits(task) {
  return task.waits.about.every(isForTask) && !task.holds.length;
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
  return { ...lane(process, task, task.name, task.begin, task.end), ending: task.note || task.error, outcome: task.outcome, isBad };
}

function lane(process, task, name, begin, end) {
  const { runs, waits, phases, holds } = task;
  const ended = end === null ? null : Math.max(begin, end); // events of other programs come in any order
  return { name, begin, end: ended, task, process, runs, waits, phases, holds, ending: "", outcome: "", isBad: false, group: "" };
}
