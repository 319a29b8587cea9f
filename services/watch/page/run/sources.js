// The panels of the runs that are shown, with their headings: the run itself, and the one that is kept beside it.

import { panelsOf } from "../trace/panels.js";
import { has, t, timeOfDay } from "../text/text.js";

/** Returns the panels of a run. `beside`: whether another run is shown, so that each needs its name. */
export function sourcesOf(run, { everyTask, beside }) {
  return panelsOf(run.trace, { everyTask }).map((panel) => source(run, panel, beside));
}

function source(run, panel, beside) {
  const isOpen = panel.isOpen && run.isRunning;
  const loaded = panel.last;
  const now = () => (isOpen ? loaded + Math.max(0, performance.now() - run.heardAt) * 1000 : loaded);
  return {
    ...panel,
    isOpen,
    heading: headingOf(run, panel),
    subheading: [panel.loop, beside && run.about.began ? timeOfDay(run.about.began) : ""].filter(Boolean).join(" · "),
    now,
    span: () => Math.max(0, now() - panel.zero),
  };
}

function headingOf(run, panel) {
  if (panel.processes.length > 1) return t("mode.several", { count: `${panel.processes.length}` });
  for (const key of [panel.title, panel.mode]) if (key && has(`mode.${key.toLowerCase()}`)) return t(`mode.${key.toLowerCase()}`);
  return panel.title || panel.mode || run.about.program || panel.program || t("mode.run");
}
