// What is drawn over the bars: the axis, names, endings, arrows, what held the loop, and the end of the whole run.

import { duration } from "../text/text.js";
import { endingBeside, longestHold } from "./about.js";
import { rowTop } from "./layout.js";

const FONT = 'system-ui, "Noto Sans", "DejaVu Sans", "Noto Sans CJK SC", sans-serif';
export const NAME_FONT = `12.5px ${FONT}`;
const SMALL_FONT = `11.5px ${FONT}`;
const MOST_ARROWS = 300;
const CROSS = 5;
const [BLAME_GAP, LEAST_BLAME] = [4, 60];
const [STACKED_NAME, STACKED_GAP] = [0.55, 12]; // of the width; pixels between a name and an ending
const LINE_GAP = 6; // pixels between an ending and the line at the end of the axis
const FAINT = 0.45; // many arrows lie over one another

/** Draws the lines of the axis. `ticks`: times from the panel's zero. */
export function drawGrid(context, view, height) {
  context.strokeStyle = view.css.line;
  context.lineWidth = 1;
  context.beginPath();
  for (const tick of view.ticks) {
    const x = Math.round(view.x(tick)) + 0.5;
    context.moveTo(x, 0);
    context.lineTo(x, height);
  }
  context.stroke();
}

/** Draws the axis' texts below the rows. */
export function drawTicks(context, view, y) {
  context.font = SMALL_FONT;
  context.fillStyle = view.css.faint;
  context.textBaseline = "middle";
  view.ticks.forEach((tick, index) => {
    const label = view.tickLabel(tick);
    const half = context.measureText(label).width / 2;
    const x = Math.min(Math.max(view.x(tick), half), view.layout.width - half);
    context.textAlign = "center";
    if (index % view.labelEvery === 0) context.fillText(label, x, y);
  });
}

/** Draws what held the loop, behind the bars: no other lane could run meanwhile. */
export function drawHeld(context, view, height) {
  for (const each of view.blockings) {
    if (each.begin > view.until) continue;
    const left = view.x(each.begin);
    const right = Math.max(view.x(Math.min(each.end, view.until)), left + 2);
    if (right < view.layout.left || left > view.layout.right) continue;
    context.fillStyle = view.css.held;
    context.fillRect(left, 0, right - left, height);
  }
}

/** Writes at each band which call held the loop, up to the next band, where there is room: the line to blame. */
export function drawBlame(context, view) {
  context.font = SMALL_FONT;
  context.textAlign = "left";
  context.textBaseline = "top";
  for (const [index, each] of view.blockings.entries()) {
    if (each.begin > view.until) break;
    const left = Math.max(view.layout.left, view.x(each.begin)) + BLAME_GAP;
    const next = view.blockings[index + 1];
    const room = Math.min(view.layout.width, next ? view.x(next.begin) : Infinity) - left;
    if (room < LEAST_BLAME || view.x(each.end) < view.layout.left || left > view.layout.right) continue;
    const shown = fitting(context, `${blameText(each)}: ${duration(each.end - each.begin)}`, room);
    context.fillStyle = view.css.bad;
    context.fillText(shown, left, 3 - view.scrollTop);
  }
}

/** Returns the call that held the loop, and where it is. */
export function blameText({ call, place, name }) {
  return [call && `${call}()`, place].filter(Boolean).join(", ") || name;
}

/** Draws the names of the rows in sight. */
export function drawNames(context, view, rows) {
  const { layout } = view;
  if (!layout.hasNames) return;
  context.font = NAME_FONT;
  context.textBaseline = "middle";
  for (const { lane, top, isChosen } of rows) {
    context.fillStyle = isChosen ? view.css.accent : view.css.ink;
    context.textAlign = layout.isStacked ? "left" : "right";
    const [x, y] = layout.isStacked ? [layout.left, top + 9] : [layout.left - 12, top + layout.row / 2];
    writeOver(context, view, nameText(context, lane, layout), x, y);
  }
}

/** Returns a lane's name, cut where there is no room for all of it. */
function nameText(context, lane, layout) {
  return fitting(context, lane.name, layout.isStacked ? layout.width * STACKED_NAME : layout.left - 14);
}

/** Draws how each lane in sight ended: its status, or a red cross and the error's own words. */
export function drawEndings(context, view, rows) {
  const { layout } = view;
  context.font = NAME_FONT;
  context.textBaseline = "middle";
  for (const { lane, top } of rows) {
    if (lane.end === null || lane.end > view.until) continue;
    const x = view.x(lane.end);
    const isInSight = x >= layout.left - 1 && x <= layout.right + 1;
    if (lane.isBad && isInSight) drawCross(context, view, x, top + layout.barTop + layout.bar / 2);
    if (layout.hasNames && (isInSight || layout.isStacked)) drawEnding(context, view, lane, x, top);
  }
}

function drawEnding(context, view, lane, x, top) {
  const ending = endingBeside(lane);
  if (!ending) return;
  const { layout } = view;
  const besideName = layout.right - context.measureText(nameText(context, lane, layout)).width - STACKED_GAP;
  const room = layout.isStacked ? besideName : Math.max(layout.width - x - 14, 130);
  const shown = fitting(context, ending, room);
  const left = Math.min(x + 12, layout.width - context.measureText(shown).width - 2);
  context.textAlign = layout.isStacked ? "right" : "left";
  const [at, y] = layout.isStacked ? [layout.right - LINE_GAP, top + 9] : [left, top + layout.row / 2];
  context.fillStyle = lane.isBad || longestHold(lane) ? view.css.bad : view.css.faint;
  writeOver(context, view, shown, at, y);
}

/** Writes a text, in the colour that is set, over lines that it may lie on. */
function writeOver(context, view, text, x, y) {
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = view.css.card;
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

function drawCross(context, view, x, y) {
  const half = Math.min(CROSS, Math.max(2, view.layout.bar / 2));
  context.strokeStyle = view.css.bad;
  context.lineWidth = 2.2;
  context.beginPath();
  context.moveTo(x - half, y - half);
  context.lineTo(x + half, y + half);
  context.moveTo(x + half, y - half);
  context.lineTo(x - half, y + half);
  context.stroke();
}

/** Draws arrows between rows: hand-offs faint, redeliveries in the colour of errors. */
export function drawArrows(context, view, arrows) {
  arrows.slice(0, MOST_ARROWS).forEach((arrow) => {
    if (arrow.to.at > view.until) return;
    const [fromX, toX] = [view.x(arrow.from.at), view.x(arrow.to.at)];
    const [fromY, toY] = [arrow.fromRow, arrow.toRow].map(
      (row) => rowTop(view.layout, row) + view.layout.barTop + view.layout.bar / 2 - view.scrollTop,
    );
    context.globalAlpha = arrow.kind === "redelivery" ? 1 : FAINT;
    context.strokeStyle = context.fillStyle = arrow.kind === "redelivery" ? view.css.bad : view.css.faint;
    context.lineWidth = arrow.kind === "redelivery" ? 1.8 : 0.8;
    context.beginPath();
    context.moveTo(fromX, fromY);
    const middle = (fromX + toX) / 2;
    context.bezierCurveTo(middle, fromY, middle, toY, toX, toY);
    context.stroke();
    context.beginPath();
    context.moveTo(toX, toY);
    context.lineTo(toX - 6, toY - 3);
    context.lineTo(toX - 6, toY + 3);
    context.fill();
  });
  context.globalAlpha = 1;
}

/** Draws a dashed line at a time: the end of the whole run, or how far a replay is. */
export function drawLine(context, view, time, colour, height) {
  const x = view.x(time);
  if (x < view.layout.left - 1 || x > view.layout.right + 1) return;
  context.save();
  context.strokeStyle = colour;
  context.lineWidth = 1.2;
  context.setLineDash([3, 3]);
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, height);
  context.stroke();
  context.restore();
}

/** Returns a text that is no wider than this, cut at its end. */
export function fitting(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let least = 0;
  let most = text.length;
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) least = middle;
    else most = middle - 1;
  }
  return `${text.slice(0, least)}…`;
}

/** Returns how a tick is written, beside others that are `step` microseconds apart. */
export function tickText(us, step) {
  if (step >= 1e5) return `${+(us / 1e6).toFixed(1)} s`;
  if (step >= 1e4) return `${+(us / 1e6).toFixed(2)} s`;
  return step >= 1e3 && us < 1e6 ? `${+(us / 1e3).toFixed(0)} ms` : us < 1e6 ? duration(us) : `${+(us / 1e6).toFixed(4)} s`;
}
