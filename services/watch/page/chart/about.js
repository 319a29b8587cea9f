// What is said of a lane: at a time, where the pointer is; or of all of it, where it is chosen by key.

import { duration, has, oneText, t } from "../text/text.js";

/** Returns what a lane does at a time. */
export function about(panel, lane, time) {
  const from = duration(Math.max(0, time - panel.zero));
  const name = laneName(lane);
  if (time < lane.begin || (lane.end !== null && time > lane.end)) {
    return lane.end !== null && time > lane.end ? ended(lane, name, panel) : t("about.before", { name, time: duration(lane.begin - panel.zero) });
  }
  return oneText(t("about.at", { name, time: from }), doing(lane, time), phaseAt(lane, time));
}

function laneName(lane) {
  return lane.group ? `${lane.name} (${lane.group})` : lane.name;
}

function doing(lane, time) {
  const run = lane.runs.at(time);
  if (run >= 0) return t("about.runs", { time: duration(lane.runs.ends[run] - lane.runs.begins[run]) });
  const wait = lane.waits.at(time);
  if (wait < 0) return t("about.waits", { what: t("wait.unknown") });
  const length = duration(lane.waits.ends[wait] - lane.waits.begins[wait]);
  return t("about.waited", { what: waitText(lane.waits.about[wait]), time: length });
}

function waitText({ kind, awaits, place }) {
  const what = has(`wait.${kind}`) ? t(`wait.${kind}`) : kind || t("wait.unknown");
  const where = [awaits, place].filter(Boolean).join(", ");
  return where ? `${what} (${where})` : what;
}

function phaseAt(lane, time) {
  const inside = [];
  lane.phases.about.forEach((phase, index) => {
    if (!phase.note && lane.phases.begins[index] <= time && time <= lane.phases.ends[index]) inside.push(phaseName(phase.name));
  });
  return inside.length ? t("about.phase", { name: inside.join(", ") }) : "";
}

/** Returns the name of a phase in the page's language. */
export function phaseName(name) {
  return has(`phase.${name}`) ? t(`phase.${name}`) : name;
}

function ended(lane, name, panel) {
  return t("about.ended", { name, time: duration(lane.end - panel.zero), how: endingText(lane) });
}

/** Returns what is written beside a lane that ended: nothing where its task returned, as most do, and held no loop. */
export function endingBeside(lane) {
  const ending = ownEnding(lane);
  const worst = ending ? null : longestHold(lane);
  return worst ? t("ending.held", { place: worst.place || t("held.nowhere") }) : ending;
}

/** Returns the longest call of a lane that held the loop: {place, length}; null where there is none. */
export function longestHold({ holds, begin, end }) {
  let found = null;
  for (let i = holds.firstAt(begin); i < holds.length && holds.begins[i] <= (end ?? Infinity); i += 1) {
    const length = holds.ends[i] - holds.begins[i];
    if (holds.ends[i] >= begin && length > (found?.length ?? 0)) found = { ...holds.about[i], length };
  }
  return found;
}

function ownEnding(lane) {
  return lane.ending || (["cancelled", "raised"].includes(lane.outcome) ? t(`ending.${lane.outcome}`) : "");
}

/** Returns how a lane ended, in words. */
export function endingText(lane) {
  return lane.end === null ? t("ending.none") : ownEnding(lane) || t("ending.returned");
}

/** Returns all of a lane in one sentence. */
export function spokenAbout(panel, lane) {
  const end = lane.end ?? panel.source.last;
  const ran = lane.runs.sum(lane.begin, end);
  return t("about.whole", {
    name: laneName(lane),
    begin: duration(Math.max(0, lane.begin - panel.zero)),
    length: duration(end - lane.begin),
    ran: duration(ran),
    how: endingText(lane),
  });
}
