// The page's language: its texts, and how it writes times and numbers.

import { EN } from "./en.js";
import { ZH } from "./zh.js";
import { ZH_FAULTS } from "./zh_faults.js";

const LANGUAGES = { en: EN, zh: ZH };
const KEPT = "asynclab.language";
const UNITS = [[1e6, "s"], [1e3, "ms"], [1, "µs"]];
const DIGITS = 3;
const ROUNDS_UP = 0.9995; // of a unit, from which on three digits are one of it

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

/** Returns sentences as one text: with a space between two in English, with none in Chinese. What is empty is left out. */
export function oneText(...sentences) {
  return sentences.filter(Boolean).join(language === "zh" ? "" : " ");
}

/** Returns a text about a fault, which the sites give in English, in the language in force. */
export function ofFault(english) {
  return language === "zh" ? (ZH_FAULTS[english] ?? english) : english;
}

/** Returns whether there is a text of this key. */
export function has(key) {
  return key in EN;
}

/** Returns a time of microseconds in three digits, as reports write it: `1.03 s`, `12.4 ms`, `120 µs`. */
export function duration(us) {
  if (!us) return "0 s";
  const [size, unit] = UNITS.find(([least]) => us >= least * ROUNDS_UP) ?? UNITS.at(-1);
  const value = us / size;
  const decimals = Math.max(0, DIGITS - `${Math.trunc(value + 0.0005)}`.length);
  return `${value < 1000 ? value.toFixed(decimals) : whole(Math.round(value))} ${unit}`;
}

/** Returns how many times, as `2.9 ×`. */
export function times(factor) {
  return `${factor < 99.95 ? factor.toFixed(1) : whole(Math.round(factor))} ×`;
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
