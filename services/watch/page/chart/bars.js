// The bars of the lanes, as rectangles of a bitmap: waiting pale, phases coloured, work solid.
// A call that held the loop has the colour of errors.
//
// Whatever is too thin to see is drawn 2 pixels wide. What falls on pixels that are painted already costs nothing.

import { PHASES } from "./palette.js";

const LEAST_WIDTH = 2;
const WORK = 0.5; // of a bar's height, where phases are drawn too
const COLOURED = new Set(PHASES);

/**
 * Draws the bars of some rows.
 * @param {Bitmap} bitmap
 * @param {Array} lanes those in sight
 * @param {Object} view `x`: from a time to device pixels; `from`, `to`: the times in sight; `until`: what is later is
 *   not drawn; `top(index)`: of a bar, in device pixels; `height`: of a bar; `pixels`: the colours
 */
export function drawBars(bitmap, lanes, view) {
  lanes.forEach((lane, index) => drawWaiting(bitmap, lane, view, view.top(index)));
  if (view.height >= 4) lanes.forEach((lane, index) => drawPhases(bitmap, lane, view, view.top(index)));
  lanes.forEach((lane, index) => drawWork(bitmap, lane, view, view.top(index)));
  lanes.forEach((lane, index) => drawHolds(bitmap, lane, view, view.top(index)));
}

function drawWaiting(bitmap, lane, view, top) {
  const end = Math.min(lane.end ?? view.until, view.until);
  if (lane.begin > end) return;
  const left = Math.max(0, view.x(lane.begin));
  bitmap.fill(left, Math.max(view.x(end), left + LEAST_WIDTH), top, bottomOf(top, view), view.pixels.wait);
}

function bottomOf(top, view) {
  return Math.max(Math.round(top) + 1, top + view.height);
}

function drawPhases(bitmap, lane, view, top) {
  const { phases } = lane;
  for (let i = phases.firstAt(lane.begin); i < phases.length && phases.begins[i] < view.until; i += 1) {
    const name = phases.about[i].name;
    if (!COLOURED.has(name) || phases.begins[i] < lane.begin || phases.ends[i] > (lane.end ?? view.until)) continue;
    const left = view.x(phases.begins[i]);
    const right = view.x(Math.min(phases.ends[i], view.until));
    bitmap.fill(left, Math.max(right, left + LEAST_WIDTH), top, bottomOf(top, view), view.pixels[name]);
  }
}

/** In the colour of errors: the call that no other lane could run beside. */
function drawHolds(bitmap, { holds, begin, end }, view, top) {
  const until = Math.min(end ?? view.until, view.until);
  for (let i = holds.firstAt(begin); i < holds.length && holds.begins[i] < until; i += 1) {
    const left = view.x(Math.max(holds.begins[i], begin));
    const right = view.x(Math.min(holds.ends[i], until));
    if (holds.ends[i] > begin) bitmap.fill(left, Math.max(right, left + LEAST_WIDTH), top, bottomOf(top, view), view.pixels.bad);
  }
}

function drawWork(bitmap, lane, view, top) {
  const { runs } = lane;
  const from = Math.max(lane.begin, view.from);
  const to = Math.min(lane.end ?? view.until, view.until, view.to);
  const hasPhases = view.height >= 8 && lane.phases.about.some((each) => COLOURED.has(each.name));
  const bottom = bottomOf(top, view);
  const upper = hasPhases ? bottom - view.height * WORK : top;
  let painted = -1;
  for (let i = runs.firstAt(from); i < runs.length && runs.begins[i] <= to; i += 1) {
    if (runs.ends[i] < from) continue;
    const left = Math.round(view.x(Math.max(runs.begins[i], from)));
    const right = Math.max(Math.round(view.x(Math.min(runs.ends[i], to))), left + LEAST_WIDTH);
    if (right <= painted) continue;
    bitmap.fill(Math.max(left, painted), right, upper, bottom, view.pixels.work);
    painted = right;
  }
}
