// Times with a begin and an end, in the order of their begins; each may have something that is said of it.

import { bisectRight } from "../vendor/d3.js";

export class Spans {
  constructor() {
    this.begins = [];
    this.ends = [];
    this.about = [];
    this.isSorted = true;
  }

  get length() {
    return this.begins.length;
  }

  /** Adds one; times that are none are left out. */
  add(begin, end, about) {
    if (!Number.isFinite(begin) || !(end >= begin)) return;
    if (this.length && begin < this.begins[this.length - 1]) this.isSorted = false;
    this.begins.push(begin);
    this.ends.push(end);
    this.about.push(about);
  }

  /** Puts them in order, where events did not come so. */
  sort() {
    if (this.isSorted) return;
    const order = this.begins.map((_, index) => index).sort((a, b) => this.begins[a] - this.begins[b]);
    for (const key of ["begins", "ends", "about"]) {
      const before = this[key];
      this[key] = order.map((index) => before[index]);
    }
    this.isSorted = true;
  }

  /** Returns the index of the first that may still be under way at a time, where none lies in another. */
  firstAt(time) {
    this.sort();
    return Math.max(0, bisectRight(this.begins, time) - 1);
  }

  /** Returns the index of the one that contains a time, or -1. */
  at(time) {
    const index = this.firstAt(time);
    return this.begins[index] <= time && time <= this.ends[index] ? index : -1;
  }

  /** Returns the sum of what lies between two times; `isCounted(about)`: which of them count. */
  sum(from, to, isCounted = () => true) {
    this.sort();
    let total = 0;
    for (let i = this.firstAt(from); i < this.length && this.begins[i] < to; i += 1) {
      if (isCounted(this.about[i])) total += Math.max(0, Math.min(this.ends[i], to) - Math.max(this.begins[i], from));
    }
    return total;
  }
}
