// Makes elements. All text goes in as text: nothing here, or on this page, reads a string as HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Returns an element.
 * @param {string} name
 * @param {Object} attributes `onX` is a listener for X; true, false and undefined set or leave out an attribute.
 * @param {...(Node|string|number|null|Array)} children null is left out; an array is its children
 */
export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** Returns an element of SVG. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false && value !== null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined));
  return element;
}

/** Shows children in an element, in the place of what it has. */
export function show(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((each) => each !== null && each !== undefined));
}

/** Sets a text where it has changed: a live region then speaks only what is new. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Returns a table. `columns`: [title, isNumber]; `rows`: lists of texts, of which the first names the row. */
export function table(caption, columns, rows) {
  const classOf = (index) => (columns[index][1] ? "number" : undefined);
  return el(
    "table",
    { class: columns.length === 2 ? "pair" : undefined },
    el("caption", {}, caption),
    el("thead", {}, el("tr", {}, columns.map(([title], i) => el("th", { scope: "col", class: classOf(i) }, title)))),
    el(
      "tbody",
      {},
      rows.map((row) =>
        el("tr", {}, row.map((cell, i) => (i === 0 ? el("th", { scope: "row", class: classOf(0) }, cell) : el("td", { class: classOf(i), "data-label": columns[i][0] }, cell)))),
      ),
    ),
  );
}
