// The page: asks for what it shows, listens for what changes, and says so where it cannot.
//
//   connect ──▶ status, pools, overrides, history ──▶ shown
//      ▲  └───▶ events ──▶ log; what they are about is asked for again
//      └── lost: a banner since when, what is shown goes grey, again after a while

import { get, listen, page, Refused, token } from "./api.js";
import { announce, Changes } from "./changes.js";
import { Chart } from "./chart.js";
import { byId, make, say, set, shape, show } from "./dom.js";
import { Explain } from "./explain.js";
import { forget, glance } from "./glance.js";
import { Pools } from "./pools.js";
import { SetByHand, Steer } from "./steer.js";
import { clock, countdown, lasting, STATES, time } from "./words.js";

const POLL = 5_000;
const HISTORY = 10_000;
// What happens at once is asked for once; a server that has much to look at is left so many times as long in peace.
const GATHER = 250;
const PEACE = 4;
const [RETRY_FIRST, RETRY_MOST] = [1_000, 15_000];
// A page that nobody sees lets go of its stream after this; the server has places for 32.
const HIDDEN = 120_000;
const KEYS = "rotadns-keys";

const line = { state: "wait", since: null, retryAt: 0, pause: RETRY_FIRST, stop: null, wake: null };
let status = null;

const chart = new Chart();
const changes = new Changes();
const steer = new Steer({ changed: () => soon() });
const setByHand = new SetByHand(steer);
const pools = new Pools({ steer: (key, backend) => steer.open(key, backend), changed: () => soon(0) });
new Explain();

// ---------------------------------------------------------------------------------------------- the line to the server

async function connect() {
  for (;;) {
    const stop = new AbortController();
    line.stop = stop;
    try {
      await begin();
      await listen(changes.last, { opened: live, event: heard, gap: missed }, stop.signal);
    } catch (error) {
      if (error instanceof Refused && (error.status === 401 || error.status === 403)) await login(error);
      else if (stop.signal.reason !== "hidden") lost(error);
    }
    await rest();
  }
}

// What is asked for before the stream, so that a server that was started anew is known as one.
async function begin() {
  const told = await get("/v1/status");
  if (status && status.started !== told.started) {
    changes.forget();
    forget();
    announce("The server was started anew.");
  }
  const caller = await get("/v1/caller");
  document.body.classList.toggle("looks-only", !caller.may_operate);
  show(byId("steer-open"), caller.may_operate);
  show(byId("forget"), Boolean(token.get()));
  set(byId("forget"), "title", caller.role ? `${caller.name}, role ${caller.role}` : caller.name);
  await Promise.all([refresh(told), history()]);
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
  setTimeout(soon, 1_000);
}

function lost(error) {
  line.since ??= clock.now();
  line.state = "lost";
  document.body.classList.add("is-lost");
  say(byId("lost-what"), status ? `No connection to the server since ${time(line.since)}.` : "The server does not answer.");
  const why = error.name === "TimeoutError" ? "it does not answer within 10 s" : error.name === "TypeError" ? "it cannot be reached" : error.message;
  say(byId("lost-why"), status ? `What you see is as it was then (${why}).` : why);
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
let took = 0;
let again = false;

// Asks for everything that changes with health; what is wanted meanwhile is asked for once more.
async function refresh(known = null) {
  if (asking) {
    again = true;
    return asking;
  }
  asking = (async () => {
    const query = pools.query();
    const began = performance.now();
    const [told, { body, total }, overrides] = await Promise.all([known ?? get("/v1/status"), page("/v1/pools", query), get("/v1/overrides")]);
    took = performance.now() - began;
    status = told;
    clock.heard(status.now);
    glance(status);
    pools.heard(body, total);
    setByHand.heard(overrides);
    changes.render();
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

function soon(after = Math.max(GATHER, PEACE * took)) {
  gathering ??= setTimeout(async () => {
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

function heard(event) {
  changes.heard(event);
  soon();
}

function missed(number) {
  changes.missed(number);
  soon();
}

// What goes by the clock.
function tick() {
  if (line.state === "live" && !document.hidden) {
    say(byId("glance-uptime"), lasting(clock.now() - Date.parse(status.started)));
    pools.render();
  }
  if (line.state === "lost") {
    const left = line.retryAt - Date.now();
    say(byId("lost-next"), `For ${lasting(clock.now() - line.since)} now. ${left > 0 ? `Trying again in ${countdown(left)}.` : "Trying again …"}`);
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
