// Below a run: the command that makes it again, the link, the files, the runs before it.

import { el, setText, show } from "../dom.js";
import { addressOf } from "../server/link.js";
import { has, t, timeOfDay } from "../text/text.js";

const COPIED_MS = 2000;

/** Returns what was chosen for a run, a text for each option. */
function optionTexts(options) {
  const textOf = (name, value) => {
    if (Array.isArray(value)) return t("form.sites", { count: `${value.length}` });
    if (typeof value === "number") return `${value} ${t(`option.${name}`)}`;
    return has(`value.${value}`) ? t(`value.${value}`) : value;
  };
  return Object.entries(options).map(([name, value]) => textOf(name, value));
}

export class Foot {
  constructor({ onKeep, onShow, onFile }) {
    Object.assign(this, { onKeep, onShow, onFile });
    this.again = el("p", { class: "lede again" });
    this.share = el("p", { class: "lede again no-print" });
    this.bar = el("div", { class: "bar tools no-print" });
    this.said = el("span", { class: "faint", role: "status" });
    this.element = el("div", {}, this.again, this.share, this.bar);
    this.before = "";
  }

  /** Shows it for a run. What has not changed stays, with the focus that it may have. */
  show(state) {
    const { run, chosen, runs, kept, isKept } = state;
    const listed = runs.map((each) => [each.about.id, each.about.state]);
    const now = JSON.stringify([run?.about, chosen, listed, kept?.about.id, isKept, document.documentElement.lang]);
    if (now === this.before) return;
    this.before = now;
    const hadFocus = document.activeElement?.dataset?.act;
    show(this.again, run?.about.command ? [t("foot.again"), " ", el("code", {}, run.about.command)] : null);
    show(this.share, chosen && run?.about.state !== "file" ? [t("foot.share"), " ", el("code", {}, addressOf(chosen)), " ", this.copyButton(chosen)] : null);
    show(this.bar, this.keepButton(state), this.earlier(state), this.files(run), this.opener(), this.said);
    setText(this.said, kept ? t("foot.kept", { time: timeOfDay(kept.about.began) }) : "");
    if (hadFocus) this.element.querySelector(`[data-act="${hadFocus}"]`)?.focus();
  }

  copyButton(chosen) {
    const copy = async () => {
      await navigator.clipboard?.writeText(location.origin + addressOf(chosen));
      setText(this.said, t("foot.copied"));
      setTimeout(() => setText(this.said, ""), COPIED_MS);
    };
    return el("button", { type: "button", class: "plain no-print", "data-act": "copy", onclick: copy }, t("foot.copy"));
  }

  keepButton({ run, isKept }) {
    if (!run?.about.id || run.isRunning) return null;
    return el("button", { type: "button", class: "quiet", "data-act": "keep", "aria-pressed": String(isKept), onclick: this.onKeep }, t("foot.keep"));
  }

  earlier({ run, runs }) {
    const isFile = run?.about.state === "file";
    if (runs.length < (isFile ? 1 : 2)) return null;
    const text = ({ about }) => [timeOfDay(about.began), about.program, ...optionTexts(about.options)].join(" · ");
    const options = runs.map((each) => el("option", { value: each.about.id, selected: each === run }, text(each)));
    if (isFile) options.unshift(el("option", { value: "", selected: true, disabled: true }, run.about.name));
    return el("select", { "aria-label": t("foot.runs"), "data-act": "runs", onchange: (event) => this.onShow(event.target.value) }, options);
  }

  files(run) {
    if (!run?.about.id || run.isRunning) return null;
    const at = `/api/runs/${encodeURIComponent(run.about.id)}`;
    return [el("a", { href: `${at}/trace`, download: "" }, t("foot.trace")), el("a", { href: `${at}/report`, target: "_blank" }, t("foot.report"))];
  }

  opener() {
    const taken = (event) => event.target.files[0] && this.onFile(event.target.files[0]);
    const input = el("input", { type: "file", class: "unseen", accept: ".json,application/json", onchange: taken });
    return el("label", { class: "option opener" }, input, el("span", {}, t("foot.open")));
  }
}
