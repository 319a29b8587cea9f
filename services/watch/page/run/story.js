// What a run shows, in words: a sentence, what it means, and three figures. All of it depends on what was measured.

import { blameText } from "../chart/marks.js";
import { duration, t, whole } from "../text/text.js";

const HELD = 0.2;
const NOISE = 1.25; // two times with a smaller ratio are as long as each other

/** Returns {title, lede, figures: [[value, text], ...]} for the panels of a run. `limits`: of runs, as the server has them. */
export function storyOf(about, sources, limits) {
  if (about?.state === "running") return runningStory(sources);
  const stopped = about?.state === "stopped" && { title: stoppedText(about, limits), lede: t("story.stopped.lede") };
  if (!sources.length) return { title: t("story.nothing.title"), lede: t("story.nothing.lede"), figures: [], ...stopped };
  const isFailed = sources.some((source) => source.lanes.some((lane) => lane.isBad));
  const story = storyWith(about, sources, isFailed);
  if (stopped) return { ...story, ...stopped };
  return isFailed ? { ...story, lede: `${failedText(sources)} ${story.lede}` } : story;
}

function storyWith(about, sources, isFailed) {
  if (about.program === "compare" && sources.length === 2) return compared(about, sources, isFailed);
  return sources.length === 1 && sources[0].arrows.length ? pipeline(sources[0]) : alone(sources);
}

function runningStory(sources) {
  const key = sources.length ? "running" : "waiting";
  const totals = sources.map((source) => [duration(source.span()), source.heading]);
  return { title: t(`story.${key}.title`), lede: t(`story.${key}.lede`), figures: totals.slice(0, 3) };
}

/** Returns why a run was stopped: a person did so, or it took too long. */
function stoppedText({ began, ended }, { run_s: most }) {
  const took = (Date.parse(ended) - Date.parse(began)) / 1000;
  return took >= most ? t("story.too-long", { most: `${most}` }) : t("story.stopped.title");
}

function failedText(sources) {
  const lanes = sources.flatMap((source) => source.lanes);
  return t("story.failed", { failed: whole(lanes.filter((lane) => lane.isBad).length), all: whole(lanes.length) });
}

function compared(about, [first, second], isFailed) {
  const [one, other] = [first.span(), second.span()];
  const ratio = one / Math.max(1, other);
  const what = about.options?.what ?? "wget";
  const outcome = ratio >= NOISE ? "faster" : ratio > 1 / NOISE ? "equal" : "slower";
  const work = duration(second.totals.work);
  const text = outcome === "slower" ? t("figure.slower", { work }) : t("figure.faster", { work });
  const figures = [
    [duration(one), t("figure.sequential")],
    [duration(other), t("figure.at-once")],
    [isFailed ? "—" : `${(outcome === "slower" ? 1 / ratio : ratio).toFixed(1)} ×`, isFailed ? t("figure.no-comparison") : text],
  ];
  const count = whole(second.lanes.length);
  return { title: t(`story.compare.${what}.${outcome}.title`, { count }), lede: t(`story.compare.${what}.${outcome}.lede`), figures };
}

function pipeline(source) {
  const again = source.arrows.filter((each) => each.kind === "redelivery").length;
  const depths = source.processes.flatMap((each) => [...each.depths.values()].flatMap((depth) => depth.values));
  const count = whole(source.arrows.length - again);
  const kind = again ? "again" : "pipeline";
  const last = again ? [whole(again), t("figure.again")] : [whole(depths.reduce((most, each) => Math.max(most, each), 0)), t("figure.depth")];
  return {
    title: t(`story.${kind}.title`, { count, again: whole(again) }),
    lede: t(`story.${kind}.lede`),
    figures: [[duration(source.span()), t("figure.total")], [count, t("figure.items")], last],
  };
}

function alone(sources) {
  const total = Math.max(...sources.map((source) => source.span()));
  const atOnce = Math.max(...sources.map((source) => source.totals.atOnce));
  const waits = sources.reduce((sum, source) => sum + source.totals.waits, 0);
  const count = sources.reduce((sum, source) => sum + source.lanes.length, 0);
  const kind = isHeld(sources, total) ? "held" : atOnce >= NOISE ? "overlaps" : "no-overlap";
  const values = { count: whole(count), total: duration(total), ...heldValues(sources) };
  return {
    title: t(`story.${kind}.title`, values),
    lede: t(`story.${kind}.lede`, values),
    figures: [
      [duration(total), t("figure.total")],
      [duration(waits), t("figure.waits")],
      [atOnce.toFixed(1), t("figure.overlap")],
    ],
  };
}

/** Whether calls held the loop for so much of the time that this is what is to be seen. */
function isHeld(sources, total) {
  const held = sources.flatMap((source) => source.blockings).reduce((sum, each) => sum + each.end - each.begin, 0);
  return held > HELD * total;
}

/** The call that held the loop longest. */
function heldValues(sources) {
  const all = sources.flatMap((source) => source.blockings);
  if (!all.length) return {};
  const longest = all.reduce((most, each) => (each.end - each.begin > most.end - most.begin ? each : most));
  return { time: duration(longest.end - longest.begin), where: blameText(longest) };
}
