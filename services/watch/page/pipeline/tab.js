// The tab Pipeline: producer, queue, workers, results of the newest run of a pipeline; depth, redeliveries, the ledger.

import { el, setText, show, table } from "../dom.js";
import { duration, has, t, whole } from "../text/text.js";
import { depthPicture } from "./depth.js";
import { flowOf } from "./flow.js";

const RENDER_MS = 200;
const MOST_REDELIVERIES = 50;
const [LEAST_WIDTH, CARD_PADDING] = [240, 42]; // CSS pixels

export class PipelineTab {
  /** `onRun()`: the program is to be chosen in the tab Run. */
  constructor(store, root, { onRun }) {
    this.store = store;
    this.onRun = onRun;
    this.root = root;
    this.title = el("h1");
    this.lede = el("p", { class: "lede" });
    this.content = el("div");
    root.append(this.title, this.lede, this.content);
    new ResizeObserver(() => this.renderSoon()).observe(root);
    store.addEventListener("runs", () => this.renderSoon());
    store.addEventListener("state", () => this.renderSoon());
  }

  onShown() {
    this.render();
  }

  relabel() {
    setText(this.title, t("pipeline.title"));
    setText(this.lede, t("pipeline.lede"));
    this.render();
  }

  renderSoon() {
    if (this.root.hidden) return;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.render();
    }, RENDER_MS);
  }

  pictureWidth() {
    return Math.max(LEAST_WIDTH, this.content.clientWidth - CARD_PADDING);
  }

  render() {
    if (this.root.hidden) return;
    const run = this.store.runs.all.find((each) => each.about.program === "pipeline");
    const toRun = el("p", {}, el("a", { href: "#run", onclick: () => this.onRun() }, t("pipeline.run")));
    if (!run) {
      show(this.content, el("div", { class: "card" }, el("p", { class: "faint" }, t("pipeline.none")), toRun));
      return;
    }
    if (!run.isWhole && !run.loading) this.store.runs.load(run.about.id).catch(() => {});
    const flow = flowOf(run);
    const box = ([name, figure, text]) => el("li", {}, el("h2", {}, t(`pipeline.${name}`)), el("p", { class: "figure" }, figure, el("small", {}, text)));
    show(
      this.content,
      el("section", { class: "card" }, el("ul", { class: "flow" }, flow.boxes.map(box)), depthPicture(flow, this.pictureWidth()), el("p", { class: "faint" }, el("code", {}, run.about.command))),
      flow.redeliveries.length ? el("section", { class: "card scroll" }, redeliveryTable(flow)) : null,
      run.about.ledger ? el("section", { class: "card" }, ledgerTable(run.about.ledger)) : null,
      toRun,
    );
  }
}

function redeliveryTable({ redeliveries, zero }) {
  const columns = [[t("redelivery.job"), false], [t("redelivery.at"), true], [t("redelivery.from"), false], [t("redelivery.to"), false]];
  const rows = redeliveries.slice(0, MOST_REDELIVERIES).map((each) => [each.name, duration(each.to.at - zero), each.fromName, each.toName]);
  return table(t("redelivery.title", { count: whole(redeliveries.length) }), columns, rows);
}

/** The ledger's own names stay beside their translation: they are what the command prints. */
function ledgerTable(ledger) {
  const numbers = Object.entries(ledger).filter(([name, value]) => Number.isInteger(value) && has(`ledger.${name}`));
  const nameOf = (name) => t(`ledger.${name}`);
  const bad = (name, value) => value > 0 && ["lost", "unexpected", "failed", "dead_lettered"].includes(name);
  const rows = numbers.map(([name, value]) => [nameOf(name), el("span", { class: bad(name, value) ? "bad-text" : undefined }, whole(value))]);
  return table(t("ledger.title"), [[t("ledger.name"), false], [t("ledger.count"), true]], rows);
}
