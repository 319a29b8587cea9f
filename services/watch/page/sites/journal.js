// What a site got and sent, newest first.

import { el, table } from "../dom.js";
import { t } from "../text/text.js";

const MOST_ROWS = 50;
const MOST_TARGET = 80;
const CUT_SHORT = new Set(["rst", "peer_rst", "timed_out", "bad_handshake", "site_error"]);

/** Returns the table of a host's entries. `known`: those loaded; `fresh`: those that came since, of the same host. */
export function journalTable(known, fresh) {
  const byNumber = new Map([...known, ...fresh].map((each) => [each.entry, each]));
  const entries = [...byNumber.values()].sort((a, b) => b.entry - a.entry).slice(0, MOST_ROWS);
  if (!entries.length) return [el("h2", {}, t("journal.title")), el("p", { class: "faint" }, t("journal.none"))];
  const columns = ["entry", "peer", "request", "status", "sent", "fault", "ended", "took"].map((name) => [
    t(`journal.${name}`),
    ["entry", "status", "sent", "took"].includes(name),
  ]);
  return [el("h2", {}, t("journal.title")), table(t("journal.caption"), columns, entries.map(rowOf))];
}

function rowOf(entry) {
  const target = `${entry.target ?? ""}`;
  const request = [entry.method ?? "", target.length > MOST_TARGET ? `${target.slice(0, MOST_TARGET)}…` : target].join(" ").trim();
  const ended = CUT_SHORT.has(entry.ended) ? el("span", { class: "bad-text" }, entry.ended) : (entry.ended ?? "");
  return [`${entry.entry}`, entry.peer ?? "", request, `${entry.status ?? ""}`, `${entry.sent_bytes ?? ""}`, entry.fault ?? "", ended, took(entry)];
}

function took({ received_s: from, ended_s: to }) {
  return Number.isFinite(from) && Number.isFinite(to) ? `${((to - from) * 1000).toFixed(1)} ms` : "";
}
