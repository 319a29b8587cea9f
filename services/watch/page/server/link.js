// The address of the page: it holds the program and its options, so that a link can be handed out. It starts nothing.

const TABS = ["run", "sites", "pipeline", "services"];

/** Returns the tab that the address names. */
export function tabInAddress() {
  const named = location.hash.slice(1);
  return TABS.includes(named) ? named : TABS[0];
}

/** Returns the language that the address names; undefined where it names none. */
export function languageInAddress() {
  return new URLSearchParams(location.search).get("lang") ?? undefined;
}

/** Returns the program and options in the address, as far as there are such. */
export function choiceInAddress(programs) {
  const asked = new URLSearchParams(location.search);
  const program = programs.find((each) => each.name === asked.get("p")) ?? programs[0];
  const options = Object.fromEntries(program.options.map((each) => [each.name, valueIn(each, asked.get(each.name))]));
  return { program: program.name, options };
}

function valueIn(option, text) {
  if (text === null) return option.default;
  if (option.kind === "choice") return option.choices.includes(text) ? text : option.default;
  if (option.kind === "targets") return text.split(",").filter(Boolean).slice(0, option.most);
  const number = Number(text);
  return Number.isInteger(number) && number >= option.least && number <= option.most ? number : option.default;
}

/** Returns the address of a choice, with no host. `tab`: of the page. */
export function addressOf({ program, options }, tab = "run") {
  const query = new URLSearchParams({ p: program });
  for (const [name, value] of Object.entries(options)) query.set(name, Array.isArray(value) ? value.join(",") : value);
  return `/?${query}#${tab}`;
}

/** Puts a choice into the address, and what is shown beside it into the browser's history of this page. */
export function keepInAddress(chosen, shown) {
  history.replaceState(shown, "", addressOf(chosen, tabInAddress()));
}

/** Returns what `keepInAddress` has kept; a page that is loaded again has it. */
export function keptInHistory() {
  return history.state ?? {};
}
