// One panel: a heading, and lanes on a canvas. It knows where it draws; what is in sight, the chart says.

import { el, setText } from "../dom.js";
import { duration, t } from "../text/text.js";
import { Bitmap } from "./bitmap.js";
import { drawBars } from "./bars.js";
import { AXIS_HEIGHT, MOST_HEIGHT, rowAt, rowTop, rowsBetween } from "./layout.js";
import * as marks from "./marks.js";

const PRINTED_HEIGHT = 3000;

export class Panel {
  /** `onPoint(panel, index, time)`: the pointer is over a lane; -1: over none. `onKey(panel, event)`. */
  constructor({ onPoint, onKey, onScroll }) {
    this.title = el("h2");
    this.sub = el("span", { class: "sub" });
    this.total = el("span", { class: "total" });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.axis = el("canvas", { "aria-hidden": "true" });
    this.sizer = el("div", {}, this.canvas);
    this.lanes = el("div", { class: "lanes", tabindex: "0", role: "group" }, this.sizer);
    this.lanes.addEventListener("keydown", (event) => onKey(this, event));
    this.lanes.addEventListener("scroll", onScroll, { passive: true });
    this.canvas.addEventListener("pointermove", (event) => this.point(event, onPoint));
    this.canvas.addEventListener("pointerleave", () => onPoint(this, -1, 0));
    this.element = el("section", { class: "panel" }, el("div", { class: "panel-head" }, this.title, this.sub, this.total), this.lanes, this.axis);
    this.bitmap = new Bitmap();
    this.chosen = -1;
  }

  /** Takes what is to be shown: a panel of a trace, its lanes in sight, and texts. */
  take(source, lanes) {
    this.source = source;
    this.lanesShown = lanes;
    this.rowOf = new Map(lanes.map((lane, index) => [lane.task, index]));
    this.arrows = arrowsOf(source, this.rowOf);
    setText(this.title, source.heading);
    setText(this.sub, source.subheading);
  }

  get zero() {
    return this.source.zero;
  }

  /** Draws all that is in sight. `sight`: the chart's scale, layout, palette, and how far time has come. */
  draw(sight, layout) {
    const view = this.viewOf(sight, layout);
    const height = Math.min(layout.height, sight.onPaper ? PRINTED_HEIGHT : MOST_HEIGHT);
    this.size(layout, height, sight.dpr);
    this.layout = layout;
    const context = scaled(this.canvas, sight.dpr);
    const [first, last] = rowsBetween(layout, view.scrollTop, view.scrollTop + height);
    const rows = this.lanesShown.slice(first, last).map((lane, index) => ({
      lane,
      top: rowTop(layout, first + index) - view.scrollTop,
      isChosen: first + index === this.chosen,
    }));
    context.clearRect(0, 0, layout.width, height);
    marks.drawHeld(context, view, height);
    marks.drawGrid(context, view, height);
    this.drawBars(context, view, rows, sight.dpr, height);
    if (!this.source.isOpen) marks.drawLine(context, view, this.source.last, view.css.ink, height);
    if (layout.hasBlame) marks.drawBlame(context, view);
    marks.drawArrows(context, view, this.arrows);
    marks.drawNames(context, view, rows);
    marks.drawEndings(context, view, rows);
    if (sight.isReplaying) marks.drawLine(context, view, view.until, view.css.accent, height);
    const axis = scaled(this.axis, sight.dpr);
    axis.clearRect(0, 0, layout.width, AXIS_HEIGHT);
    marks.drawTicks(axis, view, AXIS_HEIGHT / 2);
    setText(this.total, this.totalText(view.until));
  }

  drawBars(context, view, rows, dpr, height) {
    const { layout } = view;
    const left = layout.left * dpr;
    this.bitmap.clear(Math.round(layout.width * dpr), Math.round(height * dpr));
    drawBars(this.bitmap, rows.map((each) => each.lane), {
      x: (time) => Math.max(left, Math.min(view.x(time), layout.right + 1) * dpr),
      from: this.zero + view.domain[0],
      to: this.zero + view.domain[1],
      until: view.until,
      top: (index) => (rows[index].top + layout.barTop) * dpr,
      height: layout.bar * dpr,
      pixels: view.pixels,
    });
    this.bitmap.drawOn(context);
  }

  viewOf(sight, layout) {
    const { zero } = this;
    return {
      ...sight.palette,
      layout,
      x: (time) => sight.scale(time - zero),
      domain: sight.scale.domain(),
      ticks: sight.ticks.map((each) => each + zero),
      tickLabel: (time) => marks.tickText(time - zero, sight.tickStep),
      labelEvery: sight.labelEvery,
      until: sight.isReplaying ? zero + sight.replayAt : this.source.now(),
      blockings: this.source.blockings,
      scrollTop: sight.onPaper ? 0 : this.lanes.scrollTop,
    };
  }

  size(layout, height, dpr) {
    setSize(this.canvas, layout.width, height, dpr);
    setSize(this.axis, layout.width, AXIS_HEIGHT, dpr);
    this.sizer.style.height = `${layout.height}px`;
    this.lanes.style.height = `${height}px`;
    this.element.style.setProperty("--names", layout.isNarrow ? "0" : `${layout.left}px`);
  }

  totalText(until) {
    const total = (this.source.isOpen ? until : Math.min(until, this.source.last)) - this.zero;
    const isOver = !this.source.isOpen && until >= this.source.last;
    return t(isOver ? "chart.total" : "chart.so-far", { time: duration(Math.max(0, total)) });
  }

  /** Says of an assistive technology's user what this is. */
  describe(hint) {
    const count = this.lanesShown.length;
    const spoken = t("chart.spoken", { title: this.source.heading, count, time: duration(this.source.last - this.zero), hint });
    if (this.lanes.getAttribute("aria-label") !== spoken) this.lanes.setAttribute("aria-label", spoken);
  }

  point(event, onPoint) {
    if (!this.layout) return;
    const box = this.canvas.getBoundingClientRect();
    const index = rowAt(this.layout, event.clientY - box.top + this.lanes.scrollTop);
    onPoint(this, index, event.clientX - box.left);
  }

  /** Chooses a lane by its index, and scrolls to it. */
  choose(index) {
    this.chosen = Math.max(-1, Math.min(index, this.lanesShown.length - 1));
    if (this.chosen < 0 || !this.layout) return;
    const top = rowTop(this.layout, this.chosen);
    const height = this.lanes.clientHeight;
    if (top < this.lanes.scrollTop) this.lanes.scrollTop = top - this.layout.padding;
    else if (top + this.layout.row > this.lanes.scrollTop + height) this.lanes.scrollTop = top + this.layout.row - height;
  }
}

function arrowsOf(source, rowOf) {
  const processes = new Map(source.processes.map((each) => [each.id, each]));
  const rowOfEnd = (end) => rowOf.get(processes.get(end.pid)?.tasks.get(end.tid));
  return source.arrows
    .map((arrow) => ({ ...arrow, fromRow: rowOfEnd(arrow.from), toRow: rowOfEnd(arrow.to) }))
    .filter((arrow) => arrow.fromRow !== undefined && arrow.toRow !== undefined);
}

function scaled(canvas, dpr) {
  const context = canvas.getContext("2d");
  context.setTransform(dpr, 0, 0, dpr, 0, 0);
  return context;
}

function setSize(canvas, width, height, dpr) {
  const [inner, outer] = [Math.round(width * dpr), Math.round(height * dpr)];
  if (canvas.width === inner && canvas.height === outer) return;
  [canvas.width, canvas.height] = [inner, outer];
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}
