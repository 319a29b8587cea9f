// How many items waited in the queue, over the time of a run.

import { el, svg } from "../dom.js";
import { tickText } from "../chart/marks.js";
import { t, whole } from "../text/text.js";
import { area, curveStepAfter, line, scaleLinear } from "../vendor/d3.js";

const [HEIGHT, LEFT, BOTTOM, TOP] = [150, 36, 20, 12];
const TICK_WIDTH = 90;
const MOST_POINTS = 1000;

/** Returns the picture, so many CSS pixels wide; nothing where the run has no counter of a queue. */
export function depthPicture({ depth, zero, last }, width) {
  if (!depth.at.length) return null;
  const most = depth.values.reduce((found, each) => Math.max(found, each), 1);
  const x = scaleLinear([0, Math.max(1, last - zero)], [LEFT, width - 2]);
  const y = scaleLinear([0, most], [HEIGHT - BOTTOM, TOP]);
  const points = thinned(depth).map(([at, value]) => [x(at - zero), y(value)]);
  points.push([x(last - zero), points.at(-1)[1]]);
  const below = area((each) => each[0], HEIGHT - BOTTOM, (each) => each[1]).curve(curveStepAfter);
  const above = line((each) => each[0], (each) => each[1]).curve(curveStepAfter);
  const label = t("depth.label", { most: whole(most) });
  const paths = [svg("path", { class: "area", d: below(points) }), svg("path", { class: "line", d: above(points) })];
  const size = { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT };
  const picture = svg("svg", { class: "depth", ...size, role: "img", "aria-label": label }, grid(y, most, width), times(x, width), paths);
  return el("div", {}, el("h3", {}, t("depth.title")), picture);
}

function grid(y, most, width) {
  return [0, most].map((value) => [
    svg("line", { class: "grid", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
    svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, whole(value)),
  ]).flat();
}

function times(x, width) {
  const ticks = x.ticks(Math.max(2, width / TICK_WIDTH));
  const step = ticks[1] - ticks[0];
  return ticks.map((tick) => svg("text", { x: x(tick), y: HEIGHT - 5, "text-anchor": tick === 0 ? "start" : x(tick) > width - LEFT ? "end" : "middle" }, tickText(tick, step)));
}

/** Returns [time, value] of as many points as can be seen: of each stretch, the greatest value. */
function thinned({ at, values }) {
  const stretch = Math.ceil(at.length / MOST_POINTS);
  const found = [];
  for (let begin = 0; begin < at.length; begin += stretch) {
    let most = begin;
    for (let i = begin; i < Math.min(at.length, begin + stretch); i += 1) if (values[i] >= values[most]) most = i;
    found.push([at[begin], values[most]]);
  }
  return found;
}
