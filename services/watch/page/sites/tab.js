// The tab Sites: the hosts of the lab; of the chosen one its head, its faults, and its journal as it comes.

import { el, setText, show } from "../dom.js";
import { Refused, change, get } from "../server/api.js";
import { t } from "../text/text.js";
import { FaultForm, ruleText } from "./fault_form.js";
import { journalTable } from "./journal.js";

export class SitesTab {
  constructor(store, root) {
    this.store = store;
    this.host = null;
    this.site = null; // what the server says of the chosen host
    this.kinds = null;
    this.title = el("h1");
    this.lede = el("p", { class: "lede" });
    this.list = el("ul", { class: "sites" });
    this.head = el("div");
    this.rules = el("div");
    this.said = el("p", { role: "status" });
    this.form = new FaultForm({ onSet: (rule) => this.set(rule) });
    this.journal = el("div", { class: "scroll", tabindex: "0", role: "region" });
    const faults = el("section", { class: "card" }, this.rules, this.said, this.form.element);
    const details = el("div", {}, el("section", { class: "card" }, this.head), faults, el("section", { class: "card" }, this.journal));
    root.append(this.title, this.lede, el("div", { class: "columns" }, this.list, details));
    this.details = details;
    for (const name of ["state", "sites"]) store.addEventListener(name, () => this.sitesCame());
    store.addEventListener("journal", () => this.showJournal());
  }

  /** Is called when the tab is shown, and again in another language. */
  onShown() {
    this.isShown = true;
    this.sitesCame();
  }

  relabel() {
    setText(this.title, t("sites.title"));
    setText(this.lede, t("sites.lede"));
    this.journal.setAttribute("aria-label", t("journal.title"));
    if (this.kinds) this.form.show(this.kinds);
    this.showList();
    this.showSite();
  }

  sitesCame() {
    const { sites } = this.store.lab;
    if (!sites.some((each) => each.host === this.host)) {
      [this.host, this.site] = [sites[0]?.host ?? null, null];
      this.showSite();
    }
    this.showList();
    if (this.isShown && this.host && this.store.lab.healthy) this.load();
  }

  async load() {
    const { host } = this;
    try {
      this.kinds ??= await get("/api/faults");
      const site = await get(`/api/sites/${encodeURIComponent(host)}`);
      if (host !== this.host) return; // another one was chosen meanwhile
      this.site = site;
      if (!this.form.kinds) this.form.show(this.kinds);
      this.showSite();
    } catch (error) {
      this.say(error);
    }
  }

  say(error) {
    if (!(error instanceof Refused)) throw error;
    this.said.className = "bad-text";
    setText(this.said, error.status ? error.message : t("away.page"));
  }

  showList() {
    const button = ({ host, plan }) =>
      el(
        "li",
        {},
        el(
          "button",
          { type: "button", "aria-current": host === this.host ? "true" : undefined, "data-host": host, onclick: () => this.choose(host) },
          host,
          plan?.faults?.length ? el("small", {}, plan.faults.map((each) => each.fault).join(", ")) : null,
        ),
      );
    const focused = document.activeElement?.dataset?.host;
    show(this.list, this.store.lab.sites.map(button));
    if (focused) this.list.querySelector(`[data-host="${CSS.escape(focused)}"]`)?.focus();
    this.details.hidden = !this.host;
  }

  choose(host) {
    this.host = host;
    this.site = null;
    this.said.textContent = "";
    this.showList();
    this.showSite();
    this.load();
  }

  showSite() {
    const { site } = this;
    const head = site ? el("pre", { tabindex: "0", "aria-label": t("sites.head") }, visible(site.head ?? "").trimEnd()) : null;
    show(this.head, el("h2", {}, this.host ?? ""), head);
    this.showRules();
    this.showJournal();
  }

  showRules() {
    if (!this.site) {
      show(this.rules, el("h2", {}, t("faults.title")));
      return;
    }
    const rules = this.site.plan?.faults ?? [];
    const clear = el("button", { type: "button", class: "quiet", onclick: () => this.clear() }, t("faults.clear"));
    const row = (rule) => el("p", { class: "rule" }, el("code", {}, ruleText(rule)), el("span", { class: "faint" }, countsText(rule)));
    const shown = rules.length ? [rules.map(row), el("p", {}, clear)] : el("p", { class: "faint" }, t("faults.none"));
    show(this.rules, el("h2", {}, t("faults.title")), shown);
  }

  /** Adds a rule to the plan in force. */
  async set(rule) {
    const before = (this.site?.plan?.faults ?? []).map(withoutCounts);
    await this.ask("PUT", { faults: [...before, rule] });
  }

  async clear() {
    await this.ask("DELETE");
  }

  async ask(method, plan) {
    const { host } = this;
    try {
      await change(method, `/api/sites/${encodeURIComponent(host)}/faults`, plan);
      this.said.className = "faint";
      setText(this.said, method === "PUT" ? t("faults.set", { host }) : t("faults.cleared", { host }));
    } catch (error) {
      this.say(error);
    }
    await this.load();
  }

  showJournal() {
    const fresh = this.store.journal.filter((each) => each.host === this.host);
    if (this.site || fresh.length) show(this.journal, journalTable(this.site?.journal ?? [], fresh));
    else show(this.journal, el("h2", {}, t("journal.title")));
  }
}

function withoutCounts(rule) {
  return Object.fromEntries(Object.entries(rule).filter(([name]) => !["seen", "fired", "remaining_s"].includes(name)));
}

function countsText({ seen, fired }) {
  return Number.isFinite(fired) ? t("faults.fired", { fired: `${fired}`, seen: `${seen}` }) : "";
}

/** Returns a head with its control characters in sight; its lines stay lines. */
function visible(head) {
  return head.replace(/\r\n/g, "\n").replace(/[\0-\x09\x0b-\x1f\x7f-\x9f]/g, (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
