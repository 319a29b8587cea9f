// The choice of a program and its options, as the server offers them.

import { el, show } from "../dom.js";
import { has, t } from "../text/text.js";
import { choice } from "./choice.js";

const MOST_SEGMENTS = 5;

export class Form {
  /** `onChange(chosen)`: another program or option was chosen. */
  constructor(store, { onChange }) {
    this.store = store;
    this.onChange = onChange;
    this.element = el("div", { class: "bar", role: "group" });
    // Of a double click, the second one would stop what the first has started.
    this.button = el("button", { type: "submit", onclick: (event) => event.detail > 1 && event.preventDefault() });
    this.said = el("span", { class: "faint", role: "status" });
  }

  /** Shows a choice: `{program, options}`. */
  show(chosen) {
    this.chosen = chosen;
    const { programs } = this.store;
    const program = programs.find((each) => each.name === chosen.program);
    const names = programs.map((each) => each.name);
    this.element.setAttribute("aria-label", t("form.label"));
    show(
      this.element,
      choice(t("form.program"), names, program.name, (name) => this.chooseProgram(name)),
      program.options.map((option) => this.field(program, option)),
      this.button,
      this.said,
    );
  }

  chooseProgram(name) {
    const program = this.store.programs.find((each) => each.name === name);
    const options = Object.fromEntries(program.options.map((each) => [each.name, this.kept(each)]));
    this.change({ program: name, options });
    this.element.querySelector("input:checked")?.focus();
  }

  /** An option that both programs have keeps its value. */
  kept(option) {
    const value = this.chosen.options[option.name];
    return option.kind === "choice" && option.choices.includes(value) ? value : option.default;
  }

  change(chosen) {
    this.show(chosen);
    this.onChange(chosen);
  }

  set(name, value, isShownAgain = false) {
    const chosen = { ...this.chosen, options: { ...this.chosen.options, [name]: value } };
    if (isShownAgain) this.change(chosen);
    else {
      this.chosen = chosen;
      this.onChange(chosen);
    }
  }

  field(program, option) {
    if (option.only && this.chosen.options[program.options[0].name] !== option.only) return null;
    if (option.kind === "choice") return this.choiceField(program, option);
    return option.kind === "targets" ? this.targetsField(option) : this.numberField(option);
  }

  choiceField(program, option) {
    const value = this.chosen.options[option.name];
    const decides = program.options.some((each) => each.only) && option === program.options[0];
    const change = (chosen) => {
      this.set(option.name, chosen, decides);
      if (decides) this.element.querySelectorAll(".choice")[1]?.querySelector("input:checked")?.focus();
    };
    if (option.choices.length <= MOST_SEGMENTS) return choice(nameOf(option), option.choices, value, change, valueText);
    const options = option.choices.map((each) => el("option", { value: each, selected: each === value }, valueText(each)));
    return el("select", { "aria-label": nameOf(option), onchange: (event) => change(event.target.value) }, options);
  }

  numberField(option) {
    const { name, least, most } = option;
    const change = (event) => {
      const value = event.target.valueAsNumber;
      const isGood = Number.isInteger(value) && value >= least && value <= most;
      event.target.setAttribute("aria-invalid", String(!isGood));
      this.said.textContent = isGood ? "" : t("form.bounds", { name: nameOf(option), least, most });
      if (isGood) this.set(name, value);
    };
    const input = el("input", { type: "number", min: least, max: most, step: 1, value: this.chosen.options[name], oninput: change });
    return el("label", { class: "option" }, input, nameOf(option));
  }

  targetsField(option) {
    const hosts = this.store.lab.sites.map((each) => each.host);
    const chosen = new Set(this.chosen.options[option.name]);
    const all = [...new Set([...hosts, ...chosen])];
    const summary = el("summary", {}, countText(chosen.size));
    const change = (event, host) => {
      if (event.target.checked) chosen.add(host);
      else chosen.delete(host);
      summary.textContent = countText(chosen.size);
      this.set(option.name, all.filter((each) => chosen.has(each)).slice(0, option.most));
    };
    const box = (host) => el("label", {}, el("input", { type: "checkbox", checked: chosen.has(host), onchange: (event) => change(event, host) }), ` ${host}`);
    return el("details", { class: "drop" }, summary, el("div", { class: "hosts" }, all.map(box)));
  }
}

function countText(count) {
  return t("form.sites", { count });
}

function nameOf(option) {
  return has(`option.${option.name}`) ? t(`option.${option.name}`) : option.name;
}

function valueText(value) {
  return has(`value.${value}`) ? t(`value.${value}`) : value;
}
