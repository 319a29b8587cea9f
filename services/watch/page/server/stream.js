// The stream of what happens, as server-sent events. It comes back by itself: a browser tries again where a connection
// ends, and says the last event that it has seen; where it gives up, as for a status that is no 200, this tries again.

const AGAIN_MS = 1000;
const EVENTS = ["state", "lab", "run", "sites", "journal", "services", "pipeline"];

export class Stream {
  /** `onEvent(name, data)`; `onOpen()`: it is there, perhaps again; `onGone()`: it is not. */
  constructor({ onEvent, onOpen, onGone }) {
    Object.assign(this, { onEvent, onOpen, onGone });
  }

  open() {
    this.source = new EventSource("/api/events");
    this.source.onopen = () => this.onOpen();
    this.source.onerror = () => this.failed();
    for (const name of EVENTS) this.source.addEventListener(name, (event) => this.onEvent(name, JSON.parse(event.data)));
  }

  failed() {
    this.onGone();
    if (this.source.readyState !== EventSource.CLOSED) return;
    this.source.close();
    setTimeout(() => this.open(), AGAIN_MS);
  }
}
