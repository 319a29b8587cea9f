// What the page takes from d3: the axis, zoom, curves, and searching. `make page` bundles it into services/watch/page/vendor/d3.js.
export { bisectRight } from "d3-array";
export { scaleLinear } from "d3-scale";
export { select } from "d3-selection";
export { area, curveStepAfter, line } from "d3-shape";
export { zoom, zoomIdentity } from "d3-zoom";
