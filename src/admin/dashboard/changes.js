// The log of what changed, and the same for who does not see it.

import { byId, Keyed, make, say, set, show } from "./dom.js";
import { clock, count, several, when } from "./words.js";

// As many as the server keeps.
const KEPT = 1024;
const PAGE = 40;
// What is older when it comes is no news, and not spoken.
const NEWS = 10_000;
const SPOKEN_MAX = 3;

export class Changes {
  constructor() {
    this.all = [];
    this.page = PAGE;
    // The number of the last event.
    this.last = 0;
    this.spoken = [];
    this.keyed = new Keyed(byId("change-list"), create, update);
    byId("changes-follow").addEventListener("change", () => this.render());
    byId("changes-more").addEventListener("click", () => {
      this.page += PAGE;
      this.render();
    });
  }

  // Those of a server that was started anew are others.
  forget() {
    this.all = [];
    this.last = 0;
  }

  heard(event) {
    this.last = event.id;
    this.add(event);
    if (Date.parse(event.at) > clock.now() - NEWS) this.speak(`${event.subject}: ${event.message}`);
  }

  missed(number) {
    const message = `${several(number, "change")} more, too fast for this page`;
    this.add({ id: `gap-${this.last}`, at: new Date(clock.now()).toISOString(), subject: "", message });
  }

  add(event) {
    this.all.unshift(event);
    this.all.length = Math.min(this.all.length, KEPT);
    // Many come at once when the page is opened.
    this.rendering ??= setTimeout(() => {
      this.rendering = null;
      this.render();
    }, 50);
  }

  speak(text) {
    this.spoken.push(text);
    if (this.spoken.length > 1) return;
    setTimeout(() => {
      announce(this.spoken.length > SPOKEN_MAX ? several(this.spoken.length, "change") : this.spoken.join(". "));
      this.spoken = [];
    }, 1_000);
  }

  render() {
    const words = byId("changes-follow").checked ? byId("filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean) : [];
    const has = ({ subject, message }) => words.every((word) => `${subject} ${message}`.toLowerCase().includes(word));
    const found = this.all.filter(has);
    this.keyed.render(found.slice(0, this.page), ({ id }) => id);
    show(byId("changes-none"), found.length === 0);
    say(byId("changes-none"), this.all.length ? "None of the last changes has these words." : "Nothing has changed since the server started.");
    show(byId("changes-more"), found.length > this.page);
    say(byId("changes-more"), `${count(Math.max(0, found.length - this.page))} more`);
  }
}

export function announce(text) {
  byId("announce").textContent = text;
}

function create() {
  const entry = { time: make("time"), subject: make("span", { class: "subject" }), message: make("span", { class: "message" }) };
  entry.element = make("li", {}, entry.time, entry.subject, entry.message);
  return entry;
}

function update(entry, { at, subject, message }) {
  set(entry.time, "datetime", at);
  say(entry.time, when(at));
  say(entry.subject, subject);
  say(entry.message, message);
}
