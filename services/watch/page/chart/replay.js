// Plays a run again: how far it is, and at which part of its speed.

export const SPEEDS = [1, 0.1, 0.01, 0.001];
const TENTH = 0.1;

export class Replay {
  /** `onChange()`: it began, went on, or ended; `span()`: how long the run is, in microseconds. */
  constructor({ onChange, span }) {
    this.onChange = onChange;
    this.span = span;
    this.speed = TENTH;
    this.at = null; // null: nothing is replayed
    this.isPlaying = false;
  }

  /** Plays on from where it is, or from the beginning; or pauses. */
  toggle() {
    if (this.isPlaying) {
      this.isPlaying = false;
    } else {
      if (this.at === null || this.at >= this.span()) this.at = 0;
      this.isPlaying = true;
      this.before = performance.now();
      requestAnimationFrame((now) => this.step(now));
    }
    this.onChange();
  }

  step(now) {
    if (!this.isPlaying) return;
    this.at = Math.min(this.span(), this.at + Math.max(0, now - this.before) * 1000 * this.speed);
    this.before = now;
    if (this.at >= this.span()) this.isPlaying = false;
    else requestAnimationFrame((next) => this.step(next));
    this.onChange();
  }

  /** Goes to a time. */
  seek(at) {
    this.at = at;
    this.onChange();
  }

  /** Ends it: all of the run is shown again. */
  end() {
    this.at = null;
    this.isPlaying = false;
    this.onChange();
  }
}
