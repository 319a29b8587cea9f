// What a run shows, in words: a sentence, what it means, and three figures. All of it depends on what was measured.

import { blameText } from "../chart/marks.js";
import { lanesHeld } from "../trace/panels.js";
import { duration, oneText, t, times, whole } from "../text/text.js";

const HELD = 0.15; // of a panel that a call holds, from which on it is what is to be seen
const FASTER = 1.3; // times, from which on it is worth a word

/** Returns {title, lede, figures: [[value, text], ...]} for the panels of a run. `limits`: of runs, as the server has them. */
export function storyOf(about, sources, limits) {
  if (about?.state === "running") return runningStory(sources);
  const stopped = about?.state === "stopped" && { title: stoppedText(about, limits), lede: t("story.stopped.lede") };
  if (!sources.length) return { title: t("story.nothing.title"), lede: t("story.nothing.lede"), figures: [], ...stopped };
  const isFailed = sources.some((source) => source.lanes.some((lane) => lane.isBad));
  const story = storyWith(about, sources, isFailed);
  if (stopped) return { ...story, ...stopped };
  return isFailed ? { ...story, lede: oneText(failedText(sources), story.lede) } : story;
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
  const outcome = ratio >= FASTER ? "faster" : ratio > 1 / FASTER ? "equal" : "slower";
  const [before, after] = [first, second].map((source) => duration(source.totals().work));
  const figures = [
    [duration(one), t("figure.sequential")],
    [duration(other), t("figure.at-once")],
    isFailed ? ["—", t("figure.no-comparison")] : [times(ratio), t("figure.speedup", { before, after })],
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

/** The story of one run; of several without a comparison, of the longest. */
function alone(sources) {
  const longest = sources.reduce((found, each) => (each.span() > found.span() ? each : found));
  const worst = worstHold(sources);
  if (worst) return heldStory(worst);
  const { work, waits, most } = longest.totals();
  const total = longest.span();
  const overlap = total > 0 ? (work + waits) / total : 0;
  const kind = overlap >= FASTER ? "overlaps" : "no-overlap";
  const values = { count: whole(longest.lanes.length), total: duration(total), waits: duration(waits), most: whole(most) };
  return {
    title: t(`story.${kind}.title`, values),
    lede: t(`story.${kind}.lede`, values),
    figures: [
      [duration(total), t("figure.total")],
      [duration(waits), t("figure.waits")],
      [times(overlap), t("figure.overlap")],
    ],
  };
}

/** Returns the call that held the loop longest, where that is what is to be seen: {source, call, length}; else null. */
function worstHold(sources) {
  const all = sources.flatMap((source) => source.blockings.map((call) => ({ source, call, length: call.end - call.begin })));
  if (!all.length) return null;
  const worst = all.reduce((most, each) => (each.length > most.length ? each : most));
  return worst.length >= HELD * worst.source.span() ? worst : null;
}

function heldStory({ source, call, length }) {
  const values = { place: call.place, time: duration(length), where: blameText(call) };
  return {
    title: t(call.place ? "story.held.title" : "story.held-nowhere.title", values),
    lede: t("story.held.lede", values),
    figures: [
      [duration(length), t("figure.held")],
      [whole(lanesHeld(source, call)), t("figure.others-held")],
      [duration(source.span()), t("figure.total")],
    ],
  };
}
