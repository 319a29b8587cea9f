// The page begins here: the language, the tabs, and the stream that tells them what happens.

import { setText, show, el } from "./dom.js";
import { PipelineTab } from "./pipeline/tab.js";
import { RunTab } from "./run/tab.js";
import { languageInAddress, tabInAddress } from "./server/link.js";
import { Store } from "./server/store.js";
import { Stream } from "./server/stream.js";
import { ServicesTab } from "./services/tab.js";
import { SitesTab } from "./sites/tab.js";
import { chooseLanguage, currentLanguage, keepLanguage, t } from "./text/text.js";

const part = (id) => document.getElementById(id);
const store = new Store();

chooseLanguage(languageInAddress());
const run = new RunTab(store, part("run"));
const tabs = {
  run,
  sites: new SitesTab(store, part("sites")),
  pipeline: new PipelineTab(store, part("pipeline"), { onRun: () => run.chooseProgram("pipeline") }),
  services: new ServicesTab(store, part("services")),
};

/** Shows the tab that the address names. */
function showTab() {
  const shown = tabInAddress();
  for (const name of Object.keys(tabs)) part(name).hidden = name !== shown;
  for (const link of part("tabs").children) {
    if (link.hash === `#${shown}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `asynclab · ${t(`tab.${shown}`)}`;
  tabs[shown].onShown?.();
}

/** Shows whether the page's server and the lab are there. */
function showHealth() {
  const { isHere, lab } = store;
  const isWell = isHere && lab.healthy;
  show(part("health"), el("i", { class: isWell ? "dot" : "dot bad" }), isWell ? t("health.well") : t("health.away"));
  const away = part("away");
  const text = isHere ? t("away.lab", { trouble: lab.trouble }) : t("away.page");
  away.hidden = isWell || !store.start;
  setText(away, away.hidden ? "" : text);
}

/** Writes the page's own texts in the language in force. */
function relabel() {
  const names = Object.keys(tabs);
  show(part("tabs"), names.map((name) => el("a", { href: `#${name}` }, t(`tab.${name}`))));
  part("tabs").setAttribute("aria-label", t("tab.all"));
  setText(part("skip"), t("skip"));
  const other = currentLanguage() === "en" ? "zh" : "en";
  setText(part("language"), other === "zh" ? "中文" : "English");
  part("language").lang = other === "zh" ? "zh-CN" : "en";
  for (const tab of Object.values(tabs)) tab.relabel();
  showTab();
  showHealth();
}

// A link to #main would be an address without a tab.
part("skip").addEventListener("click", (event) => {
  event.preventDefault();
  part("main").focus();
});
part("language").addEventListener("click", () => {
  keepLanguage(currentLanguage() === "en" ? "zh" : "en");
  relabel();
});
addEventListener("hashchange", showTab);
store.addEventListener("lab", showHealth);
store.addEventListener("state", showHealth);
relabel();
new Stream({
  onEvent: (name, data) => store.take(name, data),
  onOpen: () => store.setHere(true),
  onGone: () => store.setHere(false),
}).open();

export { store, tabs }; // for tests
