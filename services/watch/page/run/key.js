// The key of a chart: only what is drawn in it.

import { el } from "../dom.js";
import { phaseName } from "../chart/about.js";
import { PHASES } from "../chart/palette.js";
import { t } from "../text/text.js";

/** Returns the key for these panels. */
export function keyOf(sources, what) {
  const lanes = sources.flatMap((source) => source.lanes.slice(0, 300));
  const found = new Set(lanes.flatMap((lane) => lane.phases.about.map((phase) => phase.name)));
  const entry = (name, text) => el("li", {}, el("i", { class: name }), text);
  return el(
    "ul",
    { class: "key" },
    entry("wait", t(`key.wait.${what}`)),
    entry("work", t("key.work")),
    PHASES.filter((name) => found.has(name)).map((name) => entry(name, phaseName(name))),
    sources.some((source) => source.blockings.length) ? entry("held", t("key.held")) : null,
  );
}
