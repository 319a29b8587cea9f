// The tab Services: health, loop lag, requests a second, memory of each service of the lab.

import { el, setText, show, svg, table } from "../dom.js";
import { t } from "../text/text.js";
import { line, scaleLinear } from "../vendor/d3.js";

const [WIDTH, HEIGHT] = [120, 24];
const MIB = 1024 * 1024;

export class ServicesTab {
  constructor(store, root) {
    this.store = store;
    this.title = el("h1");
    this.lede = el("p", { class: "lede" });
    this.content = el("div", { class: "card scroll", tabindex: "0", role: "region" });
    root.append(this.title, this.lede, this.content);
    this.root = root;
    for (const name of ["state", "services", "lab"]) store.addEventListener(name, () => this.render());
  }

  onShown() {
    this.render();
  }

  relabel() {
    setText(this.title, t("services.title"));
    setText(this.lede, t("services.lede"));
    this.content.setAttribute("aria-label", t("services.title"));
    this.render();
  }

  render() {
    if (this.root.hidden) return;
    const { services } = this.store;
    const columns = ["name", "health", "lag", "rate", "memory"].map((name) => [t(`services.${name}`), false]);
    const shared = this.store.isOneProcess ? el("p", { class: "faint" }, t("services.shared")) : null;
    if (services.length) show(this.content, table(t("services.caption"), columns, services.map((each) => this.rowOf(each))), shared);
    else show(this.content, el("p", { class: "faint" }, t("services.none")));
  }

  rowOf(service) {
    const looks = this.store.looks.get(service.name) ?? [];
    return [
      service.name,
      healthOf(service),
      [figure(service.lag_ms, (ms) => `${ms.toFixed(1)} ms`), spark(looks.map((each) => each.lag))],
      [figure(service.requests_per_s, (rate) => `${rate.toFixed(1)}/s`), spark(looks.map((each) => each.rate))],
      figure(service.memory_bytes, (bytes) => `${(bytes / MIB).toFixed(1)} MiB`),
    ].map((cell) => (Array.isArray(cell) ? el("span", {}, cell) : cell));
  }
}

function healthOf({ healthy, detail }) {
  const word = healthy ? t("services.well") : detail || t("services.unwell");
  return el("span", { class: healthy ? undefined : "bad-text" }, el("i", { class: healthy ? "dot" : "dot bad" }), word);
}

function figure(value, textOf) {
  return Number.isFinite(value) ? textOf(value) : "—";
}

/** Returns the last values as a small line; they are in the figure beside it, so that it is not read aloud. */
function spark(values) {
  if (!values.some(Number.isFinite)) return null;
  const known = values.map((each) => each ?? 0);
  const x = scaleLinear([0, Math.max(1, known.length - 1)], [1, WIDTH - 1]);
  const y = scaleLinear([0, Math.max(1, ...known)], [HEIGHT - 2, 2]);
  const path = line((value, index) => x(index), (value) => y(value))(known);
  return svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" }, path ? svg("path", { d: path }) : null);
}
