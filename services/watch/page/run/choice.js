// One of several words, all of them in sight: radio buttons, which arrow keys choose of.

import { el } from "../dom.js";

let made = 0;

/** Returns the choice. `change(value)`: one was chosen; `textOf(value)`: how it is shown. */
export function choice(label, values, chosen, change, textOf = (value) => value) {
  const name = `choice-${(made += 1)}`;
  const option = (value) =>
    el(
      "label",
      {},
      el("input", { type: "radio", name, value, checked: value === chosen, onchange: () => change(value) }),
      textOf(value),
    );
  return el("fieldset", { class: "choice" }, el("legend", { class: "unseen" }, label), el("div", { class: "segments" }, values.map(option)));
}
