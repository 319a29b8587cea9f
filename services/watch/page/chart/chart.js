// All panels on one axis: its scale and zoom, which lanes are in sight, and how far a replay has come.

import { el, setText, show } from "../dom.js";
import { t } from "../text/text.js";
import { scaleLinear, select, zoom, zoomIdentity } from "../vendor/d3.js";
import { about, endingBeside, spokenAbout } from "./about.js";
import { frameOf, hasNames, isMany, layoutOf } from "./layout.js";
import { NAME_FONT } from "./marks.js";
import { palette } from "./palette.js";
import { Panel } from "./panel.js";

const MOST_ZOOM = 1e6;
const TICK_WIDTH = 90;
const LABEL_WIDTH = 58;
const PAN = 0.15; // of the width, a key
const STEP = 1.5; // of the zoom, a key or button
const NEARLY = 2; // characters: a name that is so much shorter may be wider
const MOST_MEASURED = 20; // names, in each frame
const LEAST_SPAN_US = 1000;
const ROOMS_US = [1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 90, 120].map((seconds) => seconds * 1e6);

export class Chart {
  constructor() {
    this.panels = [];
    this.sources = [];
    this.filter = "";
    this.isWhole = null; // null: only where there are many lanes
    this.replayAt = null;
    this.transform = zoomIdentity;
    this.list = el("div");
    this.aboutLine = el("p", { class: "about" });
    this.spoken = el("p", { class: "unseen", role: "status" });
    this.element = el("div", { class: "chart" }, this.list, this.aboutLine, this.spoken);
    this.zoom = zoom().scaleExtent([1, MOST_ZOOM]).filter(mayZoom).on("zoom", (event) => this.zoomed(event));
    this.frames = 0;
    this.isAsked = false;
    this.onPaper = false;
    new ResizeObserver(() => this.ask()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    addEventListener("beforeprint", () => this.print(true));
    addEventListener("afterprint", () => this.print(false));
  }

  /** Shows panels: those of a trace, each with `heading`, `subheading` and `now()`. */
  show(sources) {
    this.sources = sources;
    while (this.panels.length > sources.length) this.panels.pop();
    while (this.panels.length < sources.length) this.panels.push(this.newPanel());
    sources.forEach((source, index) => this.panels[index].take(source, this.filtered(source)));
    const elements = this.panels.map((each) => each.element);
    if (elements.length !== this.list.childElementCount) show(this.list, elements);
    this.ask();
  }

  /** Shows its own texts in the language in force. */
  relabel() {
    setText(this.aboutLine, t("about.hint"));
    this.ask();
  }

  newPanel() {
    const panel = new Panel({
      onPoint: (of, index, x) => this.point(of, index, x),
      onKey: (of, event) => this.key(of, event),
      onScroll: () => this.ask(),
    });
    select(panel.canvas).call(this.zoom).on("dblclick.zoom", null);
    return panel;
  }

  filtered(source) {
    const sought = this.filter.trim().toLowerCase();
    if (!sought) return source.lanes;
    return source.lanes.filter((each) => `${each.name} ${endingBeside(each)} ${each.group}`.toLowerCase().includes(sought));
  }

  /** Shows only lanes with this text in name or ending. */
  setFilter(text) {
    this.filter = text;
    this.show(this.sources);
  }

  setWhole(isWhole) {
    this.isWhole = isWhole;
    this.ask();
  }

  get showsWhole() {
    return this.isWhole ?? this.hasMany;
  }

  get hasMany() {
    return this.sources.some((each) => isMany(each.lanes.length));
  }

  /** How long the longest panel is, in microseconds. */
  get span() {
    return Math.max(LEAST_SPAN_US, ...this.sources.map((each) => each.span()));
  }

  /** The length of the axis: while lanes grow, they grow into room that is there, so that the axis stays for a while. */
  get axisSpan() {
    const { span } = this;
    return this.sources.some((each) => each.isOpen) ? (ROOMS_US.find((each) => each > span) ?? span * 1.5) : span;
  }

  /** Sets how far a replay is; null: it is over. */
  setReplay(at) {
    this.replayAt = at;
    this.ask();
  }

  /** Asks for a frame; several requests make one. */
  ask() {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.draw();
      if (this.sources.some((each) => each.isOpen)) this.ask();
    });
  }

  draw() {
    const width = this.element.clientWidth;
    if (!width || !this.panels.length) return;
    const frame = frameOf(width, this.namesWidth(), this.sources.some((each) => hasNames(each.lanes.length, this.showsWhole)));
    const sight = this.sightOf(frame);
    for (const panel of this.panels) {
      panel.draw(sight, layoutOf(frame, panel.lanesShown.length, { isWhole: this.showsWhole, isHeld: panel.source.blockings.length > 0 }));
      panel.describe(t("chart.keys"));
    }
    this.frames += 1;
  }

  sightOf(frame) {
    const { left, right } = frame;
    this.base = scaleLinear([0, this.axisSpan], [left, right]);
    this.zoom.extent([[left, 0], [right, 1]]).translateExtent([[left, -Infinity], [right, Infinity]]);
    const scale = this.transform.rescaleX(this.base);
    const ticks = scale.ticks(Math.max(2, (right - left) / TICK_WIDTH));
    const tickStep = ticks.length > 1 ? ticks[1] - ticks[0] : this.axisSpan;
    this.colours ??= palette({ onPaper: this.onPaper });
    return {
      scale,
      ticks,
      tickStep,
      labelEvery: Math.max(1, Math.ceil(LABEL_WIDTH / Math.max(1, scale(tickStep) - scale(0)))),
      palette: this.colours,
      dpr: this.onPaper ? 2 : devicePixelRatio || 1,
      onPaper: this.onPaper,
      isReplaying: this.replayAt !== null,
      replayAt: this.replayAt,
    };
  }

  namesWidth() {
    this.ruler ??= document.createElement("canvas").getContext("2d");
    this.ruler.font = NAME_FONT;
    const names = this.sources.flatMap((each) => each.lanes.slice(0, 200).map((lane) => lane.name));
    const most = names.reduce((found, each) => Math.max(found, each.length), 0);
    const longest = [...new Set(names.filter((each) => each.length >= most - NEARLY))].slice(0, MOST_MEASURED);
    return longest.reduce((found, each) => Math.max(found, this.ruler.measureText(each).width), 0);
  }

  recolour() {
    this.colours = null;
    this.ask();
  }

  print(onPaper) {
    this.onPaper = onPaper;
    this.colours = null;
    this.draw();
  }

  zoomed(event) {
    this.transform = event.transform;
    for (const panel of this.panels) panel.canvas.__zoom = event.transform;
    this.ask();
  }

  /** Zooms by a factor around the middle; 0: all of it. */
  zoomBy(factor) {
    if (!this.panels.length) return;
    const target = select(this.panels[0].canvas);
    if (factor === 0) target.call(this.zoom.transform, zoomIdentity);
    else target.call(this.zoom.scaleBy, factor);
  }

  /** Moves what is in sight, by a part of its width. */
  panBy(part) {
    if (!this.panels.length) return;
    const [left, right] = this.base.range();
    select(this.panels[0].canvas).call(this.zoom.translateBy, (-part * (right - left)) / this.transform.k, 0);
  }

  point(panel, index, x) {
    if (index < 0 || !this.base) {
      setText(this.aboutLine, t("about.hint"));
      return;
    }
    const time = panel.zero + this.transform.rescaleX(this.base).invert(x);
    setText(this.aboutLine, about(panel, panel.lanesShown[index], time));
  }

  key(panel, event) {
    const act = this.keys(panel)[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  keys(panel) {
    const choose = (index) => this.choose(panel, index);
    return {
      ArrowDown: () => choose(panel.chosen + 1),
      ArrowUp: () => choose(Math.max(0, panel.chosen - 1)),
      Home: () => choose(0),
      End: () => choose(panel.lanesShown.length - 1),
      ArrowLeft: () => this.panBy(-PAN),
      ArrowRight: () => this.panBy(PAN),
      "+": () => this.zoomBy(STEP),
      "=": () => this.zoomBy(STEP),
      "-": () => this.zoomBy(1 / STEP),
      0: () => this.zoomBy(0),
    };
  }

  choose(panel, index) {
    for (const each of this.panels) if (each !== panel) each.choose(-1);
    panel.choose(index);
    const lane = panel.lanesShown[panel.chosen];
    if (lane) {
      const said = spokenAbout(panel, lane);
      setText(this.aboutLine, said);
      setText(this.spoken, said);
    }
    this.ask();
  }
}

/** The wheel alone scrolls the page; one finger, too, until something is zoomed. */
function mayZoom(event) {
  if (event.type === "wheel") return event.ctrlKey || event.metaKey || event.shiftKey;
  if (event.touches) return event.touches.length > 1 || (this.__zoom?.k ?? 1) > 1;
  return !event.button && !event.ctrlKey;
}
