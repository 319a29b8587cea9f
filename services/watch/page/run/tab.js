// The tab Run: choose a program, run it, and see its lanes; keep a run beside the next one.

import { Chart } from "../chart/chart.js";
import { Numbers } from "../chart/numbers.js";
import { Tools } from "../chart/tools.js";
import { el, setText, show } from "../dom.js";
import { Refused, change } from "../server/api.js";
import { choiceInAddress, keepInAddress, keptInHistory } from "../server/link.js";
import { t, whole } from "../text/text.js";
import { FileRun } from "./file_run.js";
import { Form } from "./form.js";
import { Foot } from "./foot.js";
import { keyOf } from "./key.js";
import { sourcesOf } from "./sources.js";
import { storyOf } from "./story.js";

const RENDER_MS = 120; // between two looks at a trace that grows

export class RunTab {
  constructor(store, root) {
    this.store = store;
    this.chosen = null;
    const kept = keptInHistory();
    this.shown = kept.shown ?? null; // the id of a run, or a FileRun
    this.kept = kept.kept ?? null;
    this.form = new Form(store, { onChange: (chosen) => this.choose(chosen) });
    this.chart = new Chart();
    this.tools = new Tools(this.chart, { onTasks: () => this.render() });
    this.numbers = new Numbers();
    this.foot = new Foot({ onKeep: () => this.keep(), onShow: (id) => this.open(id), onFile: (file) => this.openFile(file) });
    this.story = el("div");
    this.key = el("div");
    this.trouble = el("div");
    this.card = el("article", { class: "card" }, this.story, this.trouble, this.key, this.tools.element, this.chart.element, this.numbers.element);
    root.append(el("form", { onsubmit: (event) => this.submit(event) }, this.form.element), this.card, this.foot.element);
    store.addEventListener("state", () => this.stateCame());
    store.addEventListener("sites", () => this.showForm());
    store.addEventListener("lab", () => this.render());
    store.addEventListener("runs", () => this.renderSoon());
  }

  stateCame() {
    this.chosen ??= choiceInAddress(this.store.programs);
    this.showForm();
    this.render();
  }

  /** Shows all in the language in force. */
  relabel() {
    this.tools.render();
    this.chart.relabel();
    if (this.chosen) this.showForm();
    this.render();
  }

  showForm() {
    if (!this.chosen || this.form.element.querySelector("details[open]")) return;
    this.form.show(this.chosen);
    this.updateButton();
  }

  choose(chosen) {
    this.chosen = chosen;
    this.remember();
    this.foot.show(this.footState());
  }

  /** Chooses a program, as another tab asks. */
  chooseProgram(name) {
    this.form.chooseProgram(name);
  }

  remember() {
    const shown = typeof this.shown === "string" ? this.shown : null;
    if (this.chosen) keepInAddress(this.counting(), { shown, kept: this.kept });
  }

  async submit(event) {
    event.preventDefault();
    const running = this.ownRunning();
    try {
      if (running) await change("DELETE", `/api/runs/${running.about.id}`);
      else await this.start();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setText(this.form.said, error.status ? error.message : t("away.page"));
    }
  }

  async start() {
    setText(this.form.said, "");
    this.form.button.disabled = true;
    try {
      const run = await change("POST", "/api/runs", this.counting());
      this.store.runs.take({ id: run.id, run });
      this.tools.replay.end();
      this.chart.zoomBy(0);
      this.open(run.id);
    } finally {
      this.form.button.disabled = false;
    }
  }

  /** Returns what is chosen; options that do not count with the others are left out. */
  counting() {
    const { program: name, options } = this.chosen;
    const program = this.store.programs.find((each) => each.name === name);
    const first = options[program.options[0].name];
    const counting = program.options.filter((each) => !each.only || each.only === first);
    return { program: name, options: Object.fromEntries(counting.map((each) => [each.name, options[each.name]])) };
  }

  /** Shows a run by its id. */
  open(id) {
    this.shown = id;
    this.remember();
    this.render();
  }

  async openFile(file) {
    this.shown = await FileRun.read(file);
    this.tools.replay.end();
    this.chart.zoomBy(0);
    this.render();
  }

  keep() {
    const run = this.runShown();
    const isKept = this.kept !== null && this.kept === run?.about.id;
    this.kept = isKept ? null : (run?.about.id ?? null);
    this.remember();
    this.render();
  }

  /** Returns the run that is shown: the chosen one, or the newest. */
  runShown() {
    if (this.shown instanceof FileRun) return this.shown;
    return this.store.runs.get(this.shown) ?? this.store.runs.all[0];
  }

  /** Returns the run that goes on and was started or chosen here: who only looks on at a run does not stop it. */
  ownRunning() {
    const run = this.runShown();
    return run?.isRunning && run.about.id === this.shown ? run : null;
  }

  runKept() {
    const run = this.kept === null ? null : this.store.runs.get(this.kept);
    return run === this.runShown() ? null : run;
  }

  renderSoon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.render();
    }, RENDER_MS);
  }

  render() {
    const run = this.runShown();
    const kept = this.runKept();
    this.load(run, kept);
    const look = { everyTask: this.tools.everyTask, beside: Boolean(kept) };
    const own = run ? sourcesOf(run, look) : [];
    const sources = kept ? [...sourcesOf(kept, look), ...own] : own;
    this.showStory(run, own);
    show(this.key, sources.length ? keyOf(sources, run.about.program === "pipeline" ? "turn" : "site") : null);
    this.chart.show(sources);
    this.numbers.show(sources);
    this.tools.update();
    for (const each of [this.tools, this.chart, this.numbers]) each.element.hidden = !sources.length;
    this.updateButton();
    this.foot.show(this.footState());
  }

  load(...runs) {
    for (const run of runs) {
      if (run && !(run instanceof FileRun) && !run.isWhole && !run.loading) this.store.runs.load(run.about.id).catch(() => {});
    }
  }

  showStory(run, sources) {
    if (!run) {
      show(this.story, el("h1", {}, t("story.none.title")), el("p", { class: "lede" }, t("story.none.lede")));
      show(this.trouble);
      return;
    }
    const { title, lede, figures } = storyOf(run.about, sources, this.store.limits);
    const figure = ([value, text]) => el("p", { class: "figure" }, value, el("small", {}, text));
    show(this.story, el("h1", {}, title), el("p", { class: "lede" }, lede), el("div", { class: "three" }, figures.map(figure)));
    show(this.trouble, troubles(run, sources));
  }

  updateButton() {
    setText(this.form.button, this.ownRunning() ? t("form.stop") : t("form.run"));
    this.form.button.disabled = !this.store.isHere;
  }

  footState() {
    const run = this.runShown();
    return { run, kept: this.runKept(), isKept: Boolean(run && this.kept === run.about.id), runs: this.store.runs.all, chosen: this.chosen && this.counting() };
  }
}

/** Returns what a person has to know of a run that did not go well, or of which not all is kept. */
function troubles(run, sources) {
  const { state, exit_code: code, note, said, dropped } = run.about;
  const found = [];
  if (run.trouble) found.push(el("p", { class: "bad-text" }, run.trouble));
  if (state === "ended" && code !== 0) found.push(el("p", { class: "bad-text" }, note || t("trouble.code", { code: `${code}` })));
  if (said && (found.length || state === "stopped")) found.push(el("pre", { tabindex: "0" }, said));
  if (dropped) found.push(el("p", { class: "faint" }, t("trouble.dropped", { count: `${dropped}` })));
  const leftOut = sources.at(-1)?.leftOut;
  if (leftOut) found.push(el("p", { class: "faint" }, t("trouble.panels", { count: whole(leftOut) })));
  if (["ended", "file"].includes(state) && run.isWhole && run.trace.odd) found.push(el("p", { class: "faint" }, t("trouble.odd", { count: `${run.trace.odd}` })));
  return found;
}
