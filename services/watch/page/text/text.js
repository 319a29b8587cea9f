// The page's language: its texts, and how it writes times and numbers.

import { EN } from "./en.js";
import { ZH } from "./zh.js";
import { ZH_FAULTS } from "./zh_faults.js";

const LANGUAGES = { en: EN, zh: ZH };
const KEPT = "asynclab.language";

let language = "en";

/** Chooses the language: that of the address, else the kept one, else the browser's. */
export function chooseLanguage(asked) {
  const kept = readKept();
  const browsers = navigator.languages?.some((each) => each.toLowerCase().startsWith("zh")) ? "zh" : "en";
  language = [asked, kept, browsers].find((each) => Object.hasOwn(LANGUAGES, each ?? "")) ?? "en";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}

/** Keeps a language for the next visit, and takes it. */
export function keepLanguage(chosen) {
  try {
    localStorage.setItem(KEPT, chosen);
  } catch {
    // A browser may refuse to keep anything: the choice then holds for this page.
  }
  chooseLanguage(chosen);
}

function readKept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

export function currentLanguage() {
  return language;
}

/** Returns a text, with `{name}` replaced by what `values` has of that name. A key without text is shown as it is. */
export function t(key, values = {}) {
  const found = LANGUAGES[language][key] ?? EN[key] ?? key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Returns a text about a fault, which the sites give in English, in the language in force. */
export function ofFault(english) {
  return language === "zh" ? (ZH_FAULTS[english] ?? english) : english;
}

/** Returns whether there is a text of this key. */
export function has(key) {
  return key in EN;
}

/** Returns a time of microseconds with the unit that fits it. */
export function duration(us) {
  if (us >= 10e6) return `${(us / 1e6).toFixed(1)} s`;
  if (us >= 100e3) return `${(us / 1e6).toFixed(2)} s`;
  if (us >= 10e3) return `${(us / 1e3).toFixed(0)} ms`;
  return us >= 100 ? `${(us / 1e3).toFixed(1)} ms` : `${us.toFixed(0)} µs`;
}

/** Returns a whole number with separators. */
export function whole(number) {
  return number.toLocaleString("en");
}

/** Returns the local time of day of a moment in ISO 8601. */
export function timeOfDay(moment) {
  const date = new Date(moment);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleTimeString("en-GB");
}
