// The tools above a chart: what is in sight, zoom, and the replay.

import { el, setText } from "../dom.js";
import { duration, t } from "../text/text.js";
import { choice } from "../run/choice.js";
import { Replay, SPEEDS } from "./replay.js";

const RANGE = 1000; // steps of the slider

export class Tools {
  /** `onTasks(everyTask)`: pieces of work or tasks are to be the lanes. */
  constructor(chart, { onTasks }) {
    this.chart = chart;
    this.onTasks = onTasks;
    this.everyTask = false;
    this.replay = new Replay({ onChange: () => this.replayed(), span: () => chart.span });
    this.element = el("div", { class: "bar tools", role: "group" });
    this.render();
  }

  /** Makes all tools anew, in the language in force. */
  render() {
    const { chart } = this;
    const quiet = (label, act, text, key) => el("button", { type: "button", class: "quiet", "aria-label": label, title: label, "aria-keyshortcuts": key, onclick: act }, text);
    this.play = el("button", { type: "button", class: "quiet", onclick: () => this.replay.toggle() });
    this.slider = el("input", { type: "range", min: 0, max: RANGE, value: RANGE, "aria-label": t("replay.position"), oninput: () => this.slid() });
    this.end = el("button", { type: "button", class: "quiet", onclick: () => this.ended() }, t("replay.end"));
    this.time = el("span", { class: "faint" });
    this.rows = choice(t("tools.rows"), ["readable", "whole"], chart.showsWhole ? "whole" : "readable", (value) => chart.setWhole(value === "whole"), (value) => t(`rows.${value}`));
    const search = el("input", { type: "search", size: 13, placeholder: t("tools.filter"), "aria-label": t("tools.filter"), value: chart.filter, oninput: (event) => chart.setFilter(event.target.value) });
    this.element.setAttribute("aria-label", t("tools.all"));
    this.element.replaceChildren(
      this.play,
      this.speeds(),
      this.slider,
      this.time,
      this.end,
      el(
        "span",
        { class: "together" },
        quiet(t("zoom.out"), () => chart.zoomBy(1 / 2), "−", "-"),
        quiet(t("zoom.in"), () => chart.zoomBy(2), "+", "+"),
        quiet(t("zoom.whole"), () => chart.zoomBy(0), "↔", "0"),
      ),
      search,
      this.rows,
      this.tasks(),
    );
    this.replayed();
    this.update();
  }

  speeds() {
    const options = SPEEDS.map((each) => el("option", { value: each, selected: each === this.replay.speed }, t(`speed.${each}`)));
    return el("select", { "aria-label": t("replay.speed"), onchange: (event) => (this.replay.speed = Number(event.target.value)) }, options);
  }

  tasks() {
    const change = (event) => {
      this.everyTask = event.target.checked;
      this.onTasks(this.everyTask);
    };
    return el("label", { class: "option" }, el("input", { type: "checkbox", checked: this.everyTask, onchange: change }), t("tools.tasks"));
  }

  slid() {
    const part = Number(this.slider.value) / RANGE;
    if (part >= 1 && !this.replay.isPlaying) this.replay.end();
    else this.replay.seek(part * this.chart.span);
  }

  /** Ends the replay; its button goes, and the focus with it. */
  ended() {
    this.replay.end();
    this.play.focus();
  }

  replayed() {
    const { at, isPlaying } = this.replay;
    this.chart.setReplay(at);
    setText(this.play, isPlaying ? t("replay.pause") : t("replay.play"));
    this.slider.value = at === null ? RANGE : (at / this.chart.span) * RANGE;
    this.slider.setAttribute("aria-valuetext", duration(at ?? this.chart.span));
    setText(this.time, at === null ? "" : duration(at));
    this.end.hidden = at === null;
  }

  /** Shows only the tools that what is drawn needs. */
  update() {
    this.rows.hidden = !this.chart.hasMany;
    const value = this.chart.showsWhole ? "whole" : "readable";
    for (const each of this.rows.querySelectorAll("input")) each.checked = each.value === value;
  }
}
