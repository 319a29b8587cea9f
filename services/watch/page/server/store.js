// What the page knows of the lab, kept within bounds, and told to the tabs when it changes.

import { KnownRuns } from "./runs.js";

const MOST_ENTRIES = 200;
const MOST_LOOKS = 120; // at the services; one a second

export class Store extends EventTarget {
  constructor() {
    super();
    this.start = "";
    this.isHere = false; // the page's server
    this.lab = { healthy: false, trouble: "", sites: [] };
    this.programs = [];
    this.limits = {};
    this.isOneProcess = false; // its services, so that each figure of a process is that of all
    this.journal = [];
    this.services = [];
    this.looks = new Map(); // by the service's name: [{lag, rate, memory}]
    this.runs = new KnownRuns((id) => this.tell("runs", id));
  }

  /** Tells that something has changed: `state`, `lab`, `runs`, `sites`, `journal`, `services`. */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Takes an event of the stream. */
  take(name, data) {
    TAKE[name](this, data);
    if (name !== "run" && name !== "pipeline") this.tell(name);
  }

  setHere(isHere) {
    if (this.isHere === isHere) return;
    this.isHere = isHere;
    this.tell("lab");
  }
}

function takeState(store, data) {
  const isNew = store.start !== data.start;
  if (isNew) store.journal = [];
  Object.assign(store, { start: data.start, lab: data.lab, programs: data.programs, limits: data.limits, isOneProcess: data.one_process });
  takeServices(store, data);
  store.runs.reset(data.runs, isNew, data.limits.kept);
}

function takeServices(store, { services }) {
  store.services = services;
  const names = new Set(services.map((each) => each.name));
  for (const name of store.looks.keys()) if (!names.has(name)) store.looks.delete(name);
  for (const { name, lag_ms: lag, requests_per_s: rate } of services) {
    const looks = store.looks.get(name) ?? [];
    looks.push({ lag, rate });
    store.looks.set(name, looks.slice(-MOST_LOOKS));
  }
}

const TAKE = {
  state: takeState,
  lab: (store, data) => Object.assign(store.lab, { healthy: data.healthy, trouble: data.trouble }),
  run: (store, data) => store.runs.take(data),
  sites: (store, data) => (store.lab.sites = data.sites),
  journal: (store, data) => (store.journal = [...data.entries.reverse(), ...store.journal].slice(0, MOST_ENTRIES)),
  services: takeServices,
  pipeline: () => {}, // the ledger also comes with its run
};
