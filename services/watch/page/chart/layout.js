// Where things are: the frame that all panels share, so that they have one axis, and the rows of each panel. All lengths
// are CSS pixels.

export const AXIS_HEIGHT = 22;
export const MOST_HEIGHT = 560; // of the rows of a panel; more are scrolled to
const NARROW = 600;
const MOST_NAMES_WIDTH = 190;
const ENDING_WIDTH = 210;
const WHOLE_HEIGHT = 420; // of a panel that shows all its lanes at once
const LEAST_NAMED_ROW = 12;
const BLAME_HEIGHT = 18;
const SEVERAL = 18; // lanes
const MANY = 60;

/** Returns the frame of all panels: where times begin and end, from the widths of the canvas and of the longest name. */
export function frameOf(width, namesWidth, hasNames) {
  const isNarrow = width < NARROW;
  const isPlain = isNarrow || !hasNames; // a narrow page has the name above its lane
  const left = isPlain ? 1 : Math.min(namesWidth, MOST_NAMES_WIDTH) + 14;
  const right = isPlain ? width - 10 : width - Math.min(ENDING_WIDTH, width / 5);
  return { width, isNarrow, left, right };
}

/**
 * Returns the rows of a panel of so many lanes. `isWhole`: all lanes are to be in sight, however thin; `isHeld`: calls
 * held the loop, which are named above the rows.
 */
export function layoutOf(frame, count, { isWhole, isHeld }) {
  const row = rowHeight(count, frame.isNarrow, isWhole);
  const hasNames = row >= LEAST_NAMED_ROW;
  const isStacked = frame.isNarrow && hasNames;
  const bar = isStacked ? 10 : hasNames ? Math.min(14, row - 6) : row; // without names, no gaps either
  const barTop = isStacked ? row - bar - 5 : (row - bar) / 2;
  const hasBlame = isHeld && hasNames;
  const padding = hasBlame ? BLAME_HEIGHT : hasNames ? 6 : 2;
  return { ...frame, row, bar, barTop, hasNames, isStacked, hasBlame, padding, count, height: Math.ceil(count * row) + 2 * padding };
}

/** Returns whether a panel of so many lanes has names at all. */
export function hasNames(count, isWhole) {
  return rowHeight(count, false, isWhole) >= LEAST_NAMED_ROW;
}

/** Returns whether so many lanes are too many to be seen at once. */
export function isMany(count) {
  return count > MANY;
}

function rowHeight(count, isNarrow, isWhole) {
  if (isWhole) return Math.min(isNarrow ? 34 : 30, WHOLE_HEIGHT / Math.max(1, count));
  if (isNarrow) return 34;
  return count > SEVERAL ? 20 : 30;
}

/** Returns the first and the last index, exclusive, of the rows between two heights. */
export function rowsBetween(layout, top, bottom) {
  const first = Math.max(0, Math.floor((top - layout.padding) / layout.row));
  return [first, Math.min(layout.count, Math.max(first, Math.ceil((bottom - layout.padding) / layout.row)))];
}

/** Returns the index of the row at a height, or -1. */
export function rowAt(layout, y) {
  const index = Math.floor((y - layout.padding) / layout.row);
  return index >= 0 && index < layout.count ? index : -1;
}

/** Returns where a row begins. */
export function rowTop(layout, index) {
  return layout.padding + index * layout.row;
}
