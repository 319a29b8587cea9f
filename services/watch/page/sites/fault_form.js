// Chooses a fault and its parameters, with the bounds and the texts that the sites' admin API gives.

import { el, setText, show } from "../dom.js";
import { ofFault, t } from "../text/text.js";

export class FaultForm {
  /** `onSet(rule)`: put this rule in force. */
  constructor({ onSet }) {
    this.onSet = onSet;
    this.kinds = null;
    this.fault = "rst_at";
    this.element = el("form", { onsubmit: (event) => this.submit(event) });
    this.oracle = el("code");
    this.fields = el("div", { class: "parameters" });
    this.when = el("div", { class: "parameters" });
  }

  /** Shows the form for these kinds: the answer of /api/faults. */
  show(kinds) {
    this.kinds = kinds;
    const options = kinds.faults.map(({ fault }) => el("option", { value: fault, selected: fault === this.fault }, fault));
    this.select = el("select", { onchange: () => this.choose(this.select.value) }, options);
    show(
      this.element,
      el("h3", {}, t("faults.add")),
      el("p", {}, el("label", { class: "option" }, t("faults.kind"), " ", this.select)),
      el("p", { class: "lede" }, t("faults.oracle"), " ", this.oracle),
      this.fields,
      el("details", {}, el("summary", {}, t("faults.when")), this.when),
      el("p", {}, el("button", { type: "submit" }, t("faults.put"))),
    );
    this.choose(this.fault);
  }

  choose(fault) {
    const kind = this.kinds.faults.find((each) => each.fault === fault) ?? this.kinds.faults[0];
    this.fault = kind.fault;
    setText(this.oracle, ofFault(kind.bytes));
    show(this.fields, kind.parameters.map(field));
    show(this.when, kind.when.map(field));
  }

  submit(event) {
    event.preventDefault();
    const rule = { fault: this.fault };
    for (const input of this.element.querySelectorAll("[data-parameter]")) {
      if (input.value === "") continue;
      rule[input.dataset.parameter] = input.type === "number" ? Number(input.value) : input.value;
    }
    this.onSet(rule);
  }
}

function field(parameter) {
  const { name, meaning, required } = parameter;
  const input = parameter.choices ? choiceInput(parameter) : numberInput(parameter);
  input.dataset.parameter = name;
  if (required) input.required = true;
  return el("label", {}, name, required ? " *" : "", el("br"), input, el("small", {}, ofFault(meaning)));
}

function numberInput({ type, least, most, default: value }) {
  return el("input", { type: "number", min: least, max: most, step: type === "integer" ? 1 : "any", placeholder: value ?? "" });
}

function choiceInput({ choices, default: value }) {
  return el("select", {}, el("option", { value: "" }, value ?? "—"), choices.map((each) => el("option", { value: each }, each)));
}

/** Returns a rule in one line: its fault, and its parameters. */
export function ruleText({ fault, ...rule }) {
  const parameters = Object.entries(rule).filter(([name, value]) => !["seen", "fired", "remaining_s"].includes(name) && value !== null);
  return [fault, ...parameters.map(([name, value]) => `${name}=${value}`)].join(" ");
}
