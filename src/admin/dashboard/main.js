// The page: asks for what it shows, listens for what changes, and says so where it cannot.
//
//   connect ──▶ status, pools, overrides, history ──▶ shown
//      ▲  └───▶ events ──▶ log; what they are about is asked for again
//      └── lost: a banner since when, what is shown goes grey, again after a while

import { get, listen, page, Refused, token } from "./api.js";
import { Chart } from "./chart.js";
import { byId, Keyed, make, reshape, say, set, shape, show } from "./dom.js";
import { Explain } from "./explain.js";
import { Pools } from "./pools.js";
import { Steer } from "./steer.js";
import { clock, count, countdown, day, lasting, rate, several, STATES, SOURCES, time, when } from "./words.js";

const POLL = 5_000;
const HISTORY = 10_000;
// What happens at once is asked for once.
const GATHER = 250;
const [RETRY_FIRST, RETRY_MOST] = [1_000, 15_000];
// A page that nobody sees lets go of its stream after this; the server has places for 32.
const HIDDEN = 120_000;
const CHANGES_KEPT = 1024;
const PAGE = 40;
const SPOKEN_MAX = 3;
const KEYS = "rotadns-keys";

const shown = { status: null, statusAt: 0, queries: null, overrides: [], changes: [], changesPage: PAGE, overridesPage: 8, lastEvent: 0 };
const line = { state: "wait", since: null, retryAt: 0, pause: RETRY_FIRST, stop: null, wake: null };

const chart = new Chart();
const steer = new Steer({ changed: () => soon() });
const pools = new Pools({ steer: (key, backend) => steer.open(key, backend), changed: () => soon(0) });
new Explain();

// ---------------------------------------------------------------------------------------------- the line to the server

async function connect() {
  for (;;) {
    const stop = new AbortController();
    line.stop = stop;
    try {
      await begin();
      await listen(shown.lastEvent, { opened: live, event: heard, gap: missed }, stop.signal);
    } catch (error) {
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) await login(error);
      else if (stop.signal.reason !== "hidden") lost(error);
    }
    await rest();
  }
}

// What is asked for before the stream, so that a server that was started anew is known as one.
async function begin() {
  const status = await get("/v1/status");
  if (shown.status && shown.status.started !== status.started) {
    Object.assign(shown, { changes: [], lastEvent: 0, queries: null });
    announce("The server was started anew.");
  }
  const caller = await get("/v1/caller");
  document.body.classList.toggle("looks-only", !caller.may_operate);
  show(byId("steer-open"), caller.may_operate);
  show(byId("forget"), Boolean(token.get()));
  set(byId("forget"), "title", caller.role ? `${caller.name}, role ${caller.role}` : caller.name);
  await Promise.all([refresh(status), history()]);
  show(byId("login"), false);
  show(byId("main"), true);
}

function live() {
  if (line.since) announce("The connection is back.");
  Object.assign(line, { state: "live", since: null, pause: RETRY_FIRST });
  document.body.classList.remove("is-lost");
  show(byId("lost"), false);
  lamp("live", "live");
  // A rate takes two looks.
  soon(1_000);
}

function lost(error) {
  line.since ??= clock.now();
  line.state = "lost";
  document.body.classList.add("is-lost");
  say(byId("lost-what"), shown.status ? `No connection to the server since ${time(line.since)}.` : "The server does not answer.");
  const why = error instanceof Refused ? error.message : error.name === "TimeoutError" ? "it does not answer within 10 s" : error.message;
  say(byId("lost-why"), shown.status ? `What you see is as it was then (${why}).` : why);
  show(byId("lost"), true);
  lamp("lost", "connection lost");
  document.title = `(connection lost) RotaDNS ${location.hostname}`;
}

// Waits for the next attempt, or until somebody wants it now.
async function rest() {
  if (line.state === "live") lost(new Error("the server has ended the connection"));
  const pause = document.hidden ? Infinity : line.pause;
  line.retryAt = Date.now() + pause;
  line.pause = Math.min(RETRY_MOST, Math.max(RETRY_FIRST, line.pause * 2));
  tick();
  await new Promise((wake) => {
    line.wake = wake;
    if (pause !== Infinity) setTimeout(wake, pause);
  });
}

function lamp(state, word) {
  set(byId("link"), "data-state", state);
  say(byId("link-word"), word);
}

// Asks for a token, and goes on when there is one.
async function login(error) {
  const had = token.get();
  token.forget();
  show(byId("lost"), false);
  show(byId("main"), false);
  show(byId("steer-open"), false);
  show(byId("forget"), false);
  show(byId("login"), true);
  lamp("wait", "waits for a token");
  say(byId("login-error"), had ? error.message : "");
  byId("token").value = "";
  byId("token").focus();
  await new Promise((wake) => {
    byId("login").addEventListener("submit", (event) => {
      event.preventDefault();
      token.set(byId("token").value.trim());
      wake();
    }, { once: true });
  });
  Object.assign(line, { state: "wait", since: null, pause: 0 });
  document.body.classList.remove("is-lost");
  lamp("wait", "connecting");
}

// ---------------------------------------------------------------------------------------------- what is asked for

let asking = null;
let again = false;

// Asks for everything that changes with health; what is wanted meanwhile is asked for once more.
async function refresh(known = null) {
  if (asking) {
    again = true;
    return asking;
  }
  asking = (async () => {
    const query = pools.query();
    const [status, { body, total }, overrides] = await Promise.all([known ?? get("/v1/status"), page("/v1/pools", query), get("/v1/overrides")]);
    clock.heard(status.now);
    glance(status);
    Object.assign(shown, { status, overrides, statusAt: Date.now() });
    pools.heard(body, total);
    renderOverrides();
    renderChanges();
  })();
  try {
    await asking;
  } finally {
    asking = null;
  }
  if (again) {
    again = false;
    await refresh();
  }
}

async function history() {
  chart.heard(await get("/v1/history"));
  history.at = Date.now();
}

let gathering = null;

function soon(after = GATHER) {
  if (gathering) return;
  gathering = setTimeout(async () => {
    gathering = null;
    await attempt(refresh());
  }, after);
}

// A request that fails while the stream seems well: the stream is given up, and its loop tells and tries again.
async function attempt(request) {
  try {
    await request;
  } catch (error) {
    if (line.state === "live") line.stop.abort(error);
  }
}

setInterval(() => {
  if (line.state !== "live" || document.hidden) return;
  attempt(refresh());
  if (Date.now() - history.at >= HISTORY - 500) attempt(history());
}, POLL);

let hiding = null;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) {
    hiding = setTimeout(() => {
      if (line.state !== "live") return;
      line.state = "paused";
      lamp("wait", "paused");
      line.stop.abort("hidden");
    }, HIDDEN);
  } else if (line.state === "live") soon(0);
  else line.wake?.();
});

// ---------------------------------------------------------------------------------------------- what is told

let spoken = [];

function heard(event) {
  shown.lastEvent = event.id;
  shown.changes.unshift(event);
  shown.changes.length = Math.min(shown.changes.length, CHANGES_KEPT);
  // What is told of the past at the start is nothing new.
  if (Date.parse(event.at) > clock.now() - 10_000) speak(`${event.subject}: ${event.message}`);
  soon();
}

function missed(number) {
  shown.changes.unshift({ id: `gap-${shown.lastEvent}`, at: new Date(clock.now()).toISOString(), kind: "gap", subject: "", message: `${several(number, "change")} more, too fast for this page` });
  soon();
}

function speak(text) {
  spoken.push(text);
  if (spoken.length > 1) return;
  setTimeout(() => {
    announce(spoken.length > SPOKEN_MAX ? `${spoken.length} changes` : spoken.join(". "));
    spoken = [];
  }, 1_000);
}

function announce(text) {
  byId("announce").textContent = text;
}

const changes = new Keyed(byId("change-list"), () => {
  const entry = { time: make("time"), kind: make("span", { class: "kind" }), subject: make("span", { class: "subject" }), message: make("span", { class: "message" }) };
  entry.element = make("li", {}, entry.time, entry.kind, entry.subject, entry.message);
  return entry;
}, (entry, event) => {
  set(entry.time, "datetime", event.at);
  say(entry.time, when(event.at));
  set(entry.element, "data-kind", event.kind);
  say(entry.kind, event.kind);
  say(entry.subject, event.subject);
  say(entry.message, event.message);
});

function renderChanges() {
  const words = byId("changes-follow").checked ? byId("filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean) : [];
  const of = ({ subject, message }) => words.every((word) => `${subject} ${message}`.toLowerCase().includes(word));
  const found = shown.changes.filter(of);
  changes.render(found.slice(0, shown.changesPage), ({ id }) => id);
  show(byId("changes-none"), found.length === 0);
  say(byId("changes-none"), words.length && shown.changes.length ? "None of the last changes has these words." : "Nothing has changed since the server started.");
  show(byId("changes-more"), found.length > shown.changesPage);
  say(byId("changes-more"), `${count(Math.max(0, found.length - shown.changesPage))} more`);
}

byId("changes-follow").addEventListener("change", renderChanges);
byId("changes-more").addEventListener("click", () => {
  shown.changesPage += PAGE;
  renderChanges();
});

const overrides = new Keyed(byId("override-list"), ({ key }) => {
  const entry = { shape: shape("drained"), word: make("b"), key: make("code"), told: make("span", { class: "quiet" }) };
  const back = make("button", { type: "button", class: "hand", "aria-label": `Give back ${key}`, click: () => steer.open(key, { override: true }) }, "Give back…");
  entry.element = make("li", {}, make("span", { class: "state" }, entry.shape, entry.word), entry.key, entry.told, back);
  return entry;
}, (entry, { key, state, author, reason, since, until, is_known: isKnown }) => {
  reshape(entry.shape, { up: "up", down: "down", drain: "drained" }[state]);
  say(entry.word, { up: "set up", down: "set down", drain: "drained" }[state]);
  say(entry.key, key);
  const lasts = until ? `, until ${when(until)}` : "";
  say(entry.told, `by ${author} at ${when(since)}${reason ? `: ${reason}` : ""}${lasts}${isKnown ? "" : "; there is no such backend now"}`);
});

function renderOverrides() {
  const all = shown.overrides;
  show(byId("overrides"), all.length > 0);
  overrides.render(all.slice(0, shown.overridesPage), ({ key }) => key);
  show(byId("overrides-more"), all.length > shown.overridesPage);
  say(byId("overrides-more"), `${count(Math.max(0, all.length - shown.overridesPage))} more`);
}

byId("overrides-more").addEventListener("click", () => {
  shown.overridesPage += PAGE;
  renderOverrides();
});

const alarms = new Keyed(byId("alarm-list"), () => ({ element: make("li") }), (entry, alarm) => say(entry.element, alarm));

// Shapes with how many there are of each; what is none is left out.
function states(element, counts) {
  const wanted = counts.filter(([, , number]) => number > 0);
  const signs = wanted.join(";");
  if (element.dataset.signs === signs) return;
  element.dataset.signs = signs;
  element.replaceChildren(...wanted.map(([of, word, number]) => make("span", { class: "state" }, shape(of), make("span", { class: "word" }, `${count(number)} ${word}`))));
}

const sum = (counts) => Object.values(counts).reduce((all, one) => all + one, 0);

function glance(status) {
  const { zones, backends, probers } = status;
  rateOf(status);
  say(byId("glance-backends"), count(sum(backends)));
  states(byId("glance-backends-more"), Object.entries(STATES).map(([state, [of, word]]) => [of, word, backends[state] ?? 0]));
  say(byId("glance-pools"), count(sum(status.pools)));
  states(byId("glance-pools-more"), Object.entries(SOURCES).map(([source, [of, word]]) => [of, word, status.pools[source] ?? 0]));
  say(byId("glance-zones"), count(zones.served + zones.stale + zones.broken));
  states(byId("glance-zones-more"), [["up", "served", zones.served], ["degraded", "stale", zones.stale], ["down", "broken", zones.broken]]);
  say(byId("glance-probers"), count(probers.length));
  const heardOf = (state) => probers.filter((prober) => prober.state === state).length;
  states(byId("glance-probers-more"), [["up", "heard", heardOf("live")], ["degraded", "cut off", heardOf("cut_off")], ["down", "lost", heardOf("lost")], ["partial", "awaited", heardOf("awaited")]]);
  say(byId("glance-uptime-more"), `since ${day(status.started)} ${time(status.started)}`);
  say(byId("version"), status.version);
  set(byId("version"), "title", `zones ${status.snapshot.digest.slice(0, 12)}, config ${status.config_digest.slice(0, 12)}, DNS on ${status.listen.join(", ")}`);
  alarms.render(status.alarms, (alarm) => alarm);
  show(byId("alarms"), status.alarms.length > 0);
  const down = (backends.down ?? 0) + (backends.partial ?? 0);
  const wrong = down + status.alarms.length;
  document.title = `${wrong ? `(${wrong}) ` : ""}RotaDNS ${location.hostname}`;
}

// Queries a second since the last look.
function rateOf({ queries, now }) {
  const at = Date.parse(now);
  const before = shown.queries;
  shown.queries = { queries, at };
  say(byId("glance-queries-more"), `${count(queries)} since the start`);
  if (!before || queries < before.queries || at - before.at < 500) {
    if (before && queries >= before.queries) shown.queries = before;
    return;
  }
  say(byId("glance-queries"), `${rate(((queries - before.queries) * 1000) / (at - before.at))}/s`);
}

// What goes by the clock.
function tick() {
  if (shown.status) say(byId("glance-uptime"), lasting(clock.now() - Date.parse(shown.status.started)));
  if (line.state === "live" && !document.hidden) pools.render();
  if (line.state === "lost") {
    const left = line.retryAt - Date.now();
    say(byId("lost-next"), `${line.since ? `For ${lasting(clock.now() - line.since)} now. ` : ""}${left > 0 ? `Trying again in ${countdown(left)}.` : "Trying again …"}`);
  }
}

setInterval(tick, 1_000);

// ---------------------------------------------------------------------------------------------- hands and keys

byId("lost-retry").addEventListener("click", () => line.wake?.());
byId("forget").addEventListener("click", () => {
  token.forget();
  location.reload();
});
byId("help-open").addEventListener("click", () => byId("help").showModal());
byId("help-close").addEventListener("click", () => byId("help").close());

const keysOn = byId("keys-on");
keysOn.checked = localStorage.getItem(KEYS) !== "off";
keysOn.addEventListener("change", () => localStorage.setItem(KEYS, keysOn.checked ? "on" : "off"));

const filter = byId("filter");
filter.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault();
  if (filter.value === "") return filter.blur();
  filter.value = "";
  filter.dispatchEvent(new Event("input"));
});

const HANDS = {
  "/": () => filter.focus(),
  e: () => byId("explain-name").focus(),
  s: () => byId("steer-open").hidden || steer.open(),
  "?": () => byId("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  const isWritten = target.matches("input:not([type=checkbox], [type=radio], [type=range]), select, textarea");
  if (!keysOn.checked || isWritten || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]") || byId("main").hidden) return;
  if (!Object.hasOwn(HANDS, key)) return;
  event.preventDefault();
  HANDS[key]();
});

byId("shapes-list").append(...Object.values(STATES).map(([of, word]) => make("li", {}, make("span", { class: "state" }, shape(of), make("span", { class: "word" }, word)))));
say(byId("host"), location.host);
lamp("wait", "connecting");
connect();
