// A bitmap of rectangles: a hundred thousand of them in a frame cost what the pixels cost that they cover.
//
// Filling them on a canvas takes several times as long. The bytes of an image are in the order red, green, blue, alpha,
// which is one number of 32 bits on every machine that browsers run on (all of them are little-endian).

export class Bitmap {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d");
    this.width = this.height = 0;
  }

  /** Makes it empty, of this size in device pixels. */
  clear(width, height) {
    if (width === this.width && height === this.height) {
      this.pixels.fill(0);
      return;
    }
    [this.width, this.height] = [this.canvas.width, this.canvas.height] = [width, height];
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /** Fills a rectangle, as far as it is inside. Its sides are rounded to whole pixels. */
  fill(left, right, top, bottom, colour) {
    const from = Math.max(0, Math.round(left));
    const to = Math.min(this.width, Math.round(right));
    const last = Math.min(this.height, Math.round(bottom));
    if (to <= from) return;
    for (let y = Math.max(0, Math.round(top)); y < last; y += 1) {
      this.pixels.fill(colour, y * this.width + from, y * this.width + to);
    }
  }

  /** Draws it over what is on a canvas of the same size. */
  drawOn(context) {
    this.context.putImageData(this.image, 0, 0);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.canvas, 0, 0);
    context.restore();
  }
}
