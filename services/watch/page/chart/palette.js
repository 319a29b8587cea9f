// The colours of the style sheet, for canvases: as text, and as the numbers that a bitmap takes.

const NAMES = ["bg", "card", "ink", "faint", "line", "accent", "bad", "wait", "work", "dns", "connect", "tls", "send", "head", "held"];
/** The phases that have a colour; in `first byte` a fetch waits. */
export const PHASES = ["dns", "connect", "tls", "send", "head"];

/** Returns the colours in force. `onPaper`: those for print. */
export function palette({ onPaper = false } = {}) {
  const probe = document.createElement("i");
  if (onPaper) probe.className = "on-paper";
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const css = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  probe.remove();
  return { css, pixels: Object.fromEntries(NAMES.map((name) => [name, pixel(css[name])])) };
}

/** Returns the number of a colour #rgb or #rrggbb in the bytes of an image: alpha, blue, green, red. */
function pixel(colour) {
  const digits = colour.replace("#", "");
  const long = digits.length === 3 ? [...digits].map((each) => each + each).join("") : digits;
  const [red, green, blue] = [0, 2, 4].map((at) => parseInt(long.slice(at, at + 2), 16));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
