// The numbers of a chart, as a table: what the lanes show, for those who read rather than look.

import { el, show, table } from "../dom.js";
import { duration, t, whole } from "../text/text.js";
import { endingText } from "./about.js";

const MOST_ROWS = 200;

/** A table that is made when it is opened. */
export class Numbers {
  constructor() {
    this.summary = el("summary");
    this.content = el("div", { class: "scroll", tabindex: "0", role: "region" });
    this.element = el("details", { ontoggle: () => this.fill() }, this.summary, this.content);
    this.sources = [];
  }

  /** Takes the panels of the chart. */
  show(sources) {
    this.sources = sources;
    this.summary.textContent = t("numbers.title");
    this.content.setAttribute("aria-label", t("numbers.title"));
    this.fill();
  }

  fill() {
    if (!this.element.open) return;
    show(this.content, this.sources.map(numbersOf));
  }
}

function numbersOf(source) {
  const slowest = [...source.lanes].sort((a, b) => lengthOf(source, b) - lengthOf(source, a)).slice(0, MOST_ROWS);
  const isCut = slowest.length < source.lanes.length;
  const lanes = isCut ? slowest : source.lanes;
  const caption = [source.heading, source.subheading, duration(source.span())].filter(Boolean).join(" · ");
  const more = isCut ? t("numbers.cut", { shown: whole(slowest.length), all: whole(source.lanes.length) }) : "";
  const columns = [
    [t("numbers.name"), false],
    [t("numbers.begin"), true],
    [t("numbers.length"), true],
    [t("numbers.ran"), true],
    [t("numbers.waited"), true],
    [t("numbers.ending"), false],
  ];
  return table([caption, more].filter(Boolean).join(" · "), columns, lanes.map((lane) => rowOf(source, lane)));
}

function lengthOf(source, lane) {
  return (lane.end ?? source.now()) - lane.begin;
}

function rowOf(source, lane) {
  const length = lengthOf(source, lane);
  const ran = lane.runs.sum(lane.begin, lane.begin + length);
  const ending = lane.isBad ? el("span", { class: "bad-text" }, endingText(lane)) : endingText(lane);
  const name = lane.group ? `${lane.name} (${lane.group})` : lane.name;
  return [name, duration(Math.max(0, lane.begin - source.zero)), duration(length), duration(ran), duration(Math.max(0, length - ran)), ending];
}
