// The server at a glance: counts by state, alarms, queries a second.

import { byId, Keyed, make, say, set, shape, show } from "./dom.js";
import { count, day, rate, SOURCES, STATES, time } from "./words.js";

const alarms = new Keyed(byId("alarm-list"), () => ({ element: make("li") }), (entry, alarm) => say(entry.element, alarm));

const sum = (counts) => Object.values(counts).reduce((all, one) => all + one, 0);

// What the rate is counted from.
let before = null;

// The server was started anew, and counts from nought.
export function forget() {
  before = null;
}

export function glance(status) {
  const { zones, backends, probers } = status;
  rateOf(status);
  say(byId("glance-backends"), count(sum(backends)));
  states(byId("glance-backends-more"), Object.entries(STATES).map(([state, [of, word]]) => [of, word, backends[state] ?? 0]));
  say(byId("glance-pools"), count(sum(status.pools)));
  states(byId("glance-pools-more"), Object.entries(SOURCES).map(([source, [of, word]]) => [of, word, status.pools[source] ?? 0]));
  say(byId("glance-zones"), count(zones.served + zones.stale + zones.broken));
  states(byId("glance-zones-more"), [["up", "served", zones.served], ["degraded", "stale", zones.stale], ["down", "broken", zones.broken]]);
  say(byId("glance-probers"), count(probers.length));
  const heard = (state) => probers.filter((prober) => prober.state === state).length;
  states(byId("glance-probers-more"), [["up", "heard", heard("live")], ["degraded", "cut off", heard("cut_off")], ["down", "lost", heard("lost")], ["partial", "awaited", heard("awaited")]]);
  say(byId("glance-uptime-more"), `since ${day(status.started)} ${time(status.started)}`);
  say(byId("version"), status.version);
  set(byId("version"), "title", `zones ${status.snapshot.digest.slice(0, 12)}, config ${status.config_digest.slice(0, 12)}, DNS on ${[...status.listen, ...status.listen_tls.map((address) => `${address} (TLS)`)].join(", ")}`);
  alarms.render(status.alarms, (alarm) => alarm);
  show(byId("alarms"), status.alarms.length > 0);
  // What needs somebody is seen while another tab is in front.
  const wrong = (backends.down ?? 0) + (backends.partial ?? 0) + status.alarms.length;
  document.title = `${wrong ? `(${wrong}) ` : ""}RotaDNS ${location.hostname}`;
}

// Shapes with how many there are of each; what is none is left out.
function states(element, counts) {
  const wanted = counts.filter(([, , number]) => number > 0);
  const signs = wanted.join(";");
  if (element.dataset.signs === signs) return;
  element.dataset.signs = signs;
  element.replaceChildren(...wanted.map(([of, word, number]) => make("span", { class: "state" }, shape(of), make("span", { class: "word" }, `${count(number)} ${word}`))));
}

// Queries a second since the last look; two looks at nearly the same time say little.
function rateOf({ queries, now }) {
  const at = Date.parse(now);
  say(byId("glance-queries-more"), `${count(queries)} since the start`);
  if (before && at - before.at < 500) return;
  if (before) say(byId("glance-queries"), `${rate((Math.max(0, queries - before.queries) * 1000) / (at - before.at))}/s`);
  before = { queries, at };
}
