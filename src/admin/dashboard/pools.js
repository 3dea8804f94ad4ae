// Pools with their backends: those that need somebody first, and no more than asked for.

import { History } from "./detail.js";
import { byId, Keyed, make, reshape, say, set, shape, show } from "./dom.js";
import { ago, clock, count, countdown, isHandedOut, last, lasting, percent, several, SOURCES, SOURCE_TELLS, STATES, STILL_ANSWERED, took, when } from "./words.js";

// How many pools are shown at first and with each `more`, and how many at most.
const PAGE = 30;
const PAGES_MAX = 300;
// How many shapes stand for the backends of a pool that is closed.
const STRIP_MAX = 24;
// How many backends of a pool are shown at first and with each `more`.
const BACKENDS_PAGE = 50;
// How many of the first pools are opened by themselves where something is wrong with them, and where all is well.
const [OPEN_WRONG, OPEN_WELL] = [6, 3];
// What was handed out is told over this time.
const WINDOW = 60_000;

export class Pools {
  constructor({ steer, changed }) {
    this.steer = steer;
    this.limit = PAGE;
    this.list = [];
    this.handed = new Handed();
    this.keyed = new Keyed(byId("pool-list"), (pool) => this.create(pool), (entry, pool) => this.update(entry, pool));
    const filter = byId("filter");
    let typing;
    filter.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.anew(changed), 150);
    });
    byId("filter-form").addEventListener("submit", (event) => {
      event.preventDefault();
      byId("pool-list").querySelector("summary")?.focus();
    });
    byId("order").addEventListener("change", () => this.anew(changed));
    byId("pools-more").addEventListener("click", () => {
      this.limit = Math.min(PAGES_MAX, this.limit + PAGE);
      changed();
    });
  }

  anew(changed) {
    this.limit = PAGE;
    changed();
  }

  // What is to be asked for.
  query() {
    return { filter: byId("filter").value.trim(), order: byId("order").value, limit: this.limit };
  }

  heard(list, total) {
    this.list = list;
    this.total = total;
    this.handed.heard(list);
    this.render();
  }

  render() {
    this.place = 0;
    this.keyed.render(this.list, (pool) => pool.key);
    const filter = byId("filter").value.trim();
    const more = this.total - this.list.length;
    say(byId("pools-count"), filter ? `${several(this.total, "pool")} with “${filter}”` : several(this.total, "pool"));
    show(byId("pools-none"), this.total === 0);
    say(byId("pools-none"), filter ? `No pool has “${filter}” in its name, policy, backends or addresses.` : "There is no pool in any zone.");
    show(byId("pools-more"), more > 0);
    byId("pools-more").disabled = this.limit >= PAGES_MAX;
    say(byId("pools-more"), this.limit >= PAGES_MAX ? `${count(more)} more; the filter finds them` : `${count(more)} more`);
  }

  create() {
    const entry = {
      shape: shape("up"),
      word: make("span"),
      zone: make("span", { class: "quiet" }),
      name: make("b"),
      strip: make("span", { class: "strip", "aria-hidden": "true" }),
      up: make("span", { class: "pool-up" }),
      how: make("span", { class: "pool-how quiet" }),
      tells: make("p", { class: "pool-tells quiet" }),
      caption: make("caption", { class: "unseen" }),
      more: make("button", { type: "button", class: "more", hidden: true, click: () => this.showMore(entry) }),
      shown: BACKENDS_PAGE,
      isTouched: false,
    };
    const head = make("thead", {}, make("tr", {},
      ...["Backend", "State", "Handed out", "Check"].map((text) => make("th", { scope: "col" }, text)),
      make("th", { scope: "col" }, make("span", { class: "unseen" }, "Hands"))));
    const table = make("table", { class: "backends" }, entry.caption, head);
    const row = (backend) => new Row(backend, this.steer, this.handed);
    entry.backends = new Keyed(table, row, (known, { backend, pool }) => known.update(backend, pool), head);
    entry.element = make("details", { class: "pool" },
      make("summary", { click: () => (entry.isTouched = true) },
        make("span", { class: "pool-state" }, entry.shape, entry.word),
        make("span", { class: "pool-key" }, entry.zone, entry.name),
        entry.strip, entry.up, entry.how),
      entry.tells, table, entry.more);
    return entry;
  }

  showMore(entry) {
    entry.shown += BACKENDS_PAGE;
    this.render();
  }

  update(entry, pool) {
    const [of, word] = standing(pool);
    const place = this.place++;
    // Opened by itself, until somebody has closed or opened it.
    if (!entry.isTouched && (of === "up" ? this.total <= OPEN_WELL : place < OPEN_WRONG)) entry.element.open = true;
    set(entry.element, "data-state", of);
    reshape(entry.shape, of);
    say(entry.word, word);
    say(entry.zone, pool.key.slice(0, pool.key.length - pool.pool.length));
    say(entry.name, pool.pool);
    strip(entry.strip, pool.backends);
    const serving = pool.backends.filter(({ state }) => state === "up" || state === "degraded").length;
    say(entry.up, `${serving} of ${pool.backends.length} up`);
    say(entry.how, `${pool.policy}, ttl ${pool.ttl_now} s`);
    const told = [
      pool.source === "in_service" ? null : SOURCE_TELLS[pool.source],
      pool.check ? `checked by ${pool.check}` : "no check",
      `${several(pool.answers, "address", "addresses")} an answer at most`,
      pool.ttl_now === pool.ttl ? `ttl ${pool.ttl} s` : `ttl ${pool.ttl_now} s now, ${pool.ttl} s while nothing changes side`,
    ];
    say(entry.tells, told.filter(Boolean).join(" · "));
    say(entry.caption, `Backends of ${pool.key}`);
    if (!entry.element.open) return;
    const shown = pool.backends.slice(0, entry.shown);
    entry.backends.render(shown.map((backend) => ({ backend, pool })), ({ backend }) => backend.key);
    show(entry.more, pool.backends.length > shown.length);
    say(entry.more, `${count(pool.backends.length - shown.length)} more backends`);
  }
}

// The shape and the word of a pool.
function standing({ source, backends }) {
  if (source !== "in_service") return SOURCES[source];
  if (backends.some(({ state }) => !["up", "degraded"].includes(state))) return ["partial", "partly up"];
  if (backends.some(({ state }) => state === "degraded")) return ["degraded", "degraded"];
  return ["up", "serving"];
}

function strip(element, backends) {
  const shown = backends.slice(0, STRIP_MAX);
  const wanted = shown.map(({ state }) => STATES[state][0]);
  const signs = wanted.join() + backends.length;
  if (element.dataset.signs === signs) return;
  element.dataset.signs = signs;
  const more = backends.length - shown.length;
  element.replaceChildren(...wanted.map(shape), ...(more ? [`+${more}`] : []));
}

// A backend's line, and below it the last outcomes of its checks where they are asked for.
class Row {
  constructor({ backend: { key } }, steer, handed) {
    this.key = key;
    this.handed = handed;
    this.shape = shape("up");
    this.word = make("span", { class: "word" });
    this.since = make("span", { class: "quiet" });
    this.reason = make("span", { class: "reason" });
    this.safe = make("span", { class: "safe", hidden: true });
    this.addresses = make("span", { class: "addresses quiet" });
    this.bar = make("span", { class: "bar", "aria-hidden": "true" }, make("span", { class: "got" }), make("span", { class: "due" }));
    this.share = make("span", { class: "share" });
    this.check = make("span", { class: "check-told" }, make("span"), make("span"));
    this.history = make("button", { type: "button", "aria-expanded": "false", "aria-label": `Checks of ${key}`, click: () => this.toggle() }, "Checks");
    const hand = make("button", { type: "button", "aria-label": `Steer ${key}`, click: () => steer(key, this.backend) }, "Steer…");
    this.row = make("tr", {},
      make("th", { scope: "row" }, make("span", { class: "name" }, last(key)), this.addresses),
      make("td", { class: "cell-state" }, make("span", { class: "state" }, this.shape, this.word, this.since), this.reason, this.safe),
      make("td", { class: "cell-share" }, this.bar, this.share),
      make("td", { class: "cell-check" }, this.check),
      make("td", { class: "cell-hands" }, this.history, hand));
    this.element = make("tbody", {}, this.row);
  }

  update(backend, pool) {
    this.backend = backend;
    const [of, word] = STATES[backend.state];
    if (this.state && this.state !== backend.state) this.flash();
    this.state = backend.state;
    set(this.row, "data-state", of);
    reshape(this.shape, of);
    say(this.word, word);
    say(this.since, backend.since ? `for ${lasting(clock.now() - Date.parse(backend.since))}` : "");
    say(this.reason, backend.reason);
    say(this.addresses, addresses(backend));
    this.updateSafe(backend);
    this.updateShare(backend, pool);
    this.updateCheck(backend, pool);
    this.outcomes?.tick();
  }

  // From when on it may be stopped: no cache that keeps to the TTL has it then.
  updateSafe(backend) {
    const safe = backend.safe_to_stop;
    const isHeld = isHandedOut(backend);
    show(this.safe, Boolean(safe) || isHeld);
    if (!safe) {
      if (!isHeld) return;
      this.safe.dataset.is = "held";
      return say(this.safe, STILL_ANSWERED);
    }
    const left = Date.parse(safe) - clock.now();
    const isSafe = left <= 0;
    if (this.safe.dataset.is !== String(isSafe)) {
      this.safe.dataset.is = isSafe;
      this.safe.replaceChildren(...(isSafe ? [shape("safe")] : []), make("span"));
    }
    say(this.safe.lastChild, isSafe ? `safe to stop since ${when(safe)}` : `safe to stop in ${countdown(left)}, at ${when(safe)}`);
  }

  updateShare(backend, pool) {
    const { got, span } = this.handed.of(backend, pool);
    const [bar, mark] = this.bar.children;
    bar.style.width = `${Math.min(100, (got ?? 0) * 100)}%`;
    mark.style.left = `${Math.min(100, backend.share_due * 100)}%`;
    say(this.share, `${got === null ? "nothing yet" : percent(got)}, ${percent(backend.share_due)} due`);
    set(this.share, "title", `handed out ${span}`);
  }

  updateCheck(backend, pool) {
    const reports = backend.addresses.flatMap(({ reports }) => reports);
    show(this.history, reports.length > 0);
    const [first, second] = this.check.children;
    if (!reports.length) {
      // A pool within has no address of its own, and is not checked here.
      say(first, pool.check && backend.addresses.length ? "not judged yet" : "–");
      return say(second, "");
    }
    const latest = reports.reduce((a, b) => (Date.parse(a.at) > Date.parse(b.at) ? a : b));
    const up = reports.filter(({ side }) => side === "up").length;
    say(first, `${took(latest.took)}${reports.length > 1 ? `, ${up} of ${reports.length} pass` : ""}`);
    say(second, `${ago(latest.at)}${latest.stale ? ", prober silent" : ""}`);
    set(this.check, "title", latest.detail);
  }

  toggle() {
    const isOpen = this.outcomes !== undefined && this.outcomes !== null;
    this.history.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) {
      this.outcomes.element.remove();
      this.outcomes = null;
      return;
    }
    this.outcomes = new History(this.key);
    this.element.append(this.outcomes.element);
  }

  // Shows where something has changed; the style leaves it out for who wants no motion.
  flash() {
    this.row.classList.remove("changed");
    requestAnimationFrame(() => this.row.classList.add("changed"));
  }
}

function addresses({ addresses }) {
  const told = addresses.map(({ address, in_service: isIn, in_answers: isAnswered, role, lag_ms: lag }) => {
    const more = [role, lag === null || lag === undefined ? null : `${lag} ms behind`, isIn || !isAnswered ? null : "in answers as a guess"];
    const words = more.filter(Boolean).join(", ");
    return words ? `${address} (${words})` : address;
  });
  return told.join(", ");
}

// What pools hand out over the last minute, from what the server has counted since its start.
class Handed {
  constructor() {
    this.seen = new Map();
  }

  heard(pools) {
    const now = Date.now();
    const before = this.seen;
    this.seen = new Map();
    for (const { key, backends } of pools) {
      const counts = new Map(backends.map((backend) => [backend.key, backend.answers]));
      let samples = before.get(key) ?? [];
      const past = samples.at(-1)?.counts;
      // Counts that are lower are those of another start.
      if (past && [...counts].some(([name, answers]) => answers < (past.get(name) ?? 0))) samples = [];
      // The last one that is older than the window is where it begins.
      while (samples.length > 1 && samples[1].at <= now - WINDOW) samples.shift();
      this.seen.set(key, [...samples, { at: now, counts }]);
    }
  }

  // The part of a backend, and of which time that is; `null` where nothing was handed out.
  of(backend, pool) {
    const samples = this.seen.get(pool.key) ?? [];
    const [first, now] = [samples[0]?.counts, samples.at(-1)?.counts];
    const since = (key) => (now?.get(key) ?? 0) - (first?.get(key) ?? 0);
    const total = pool.backends.reduce((sum, { key }) => sum + since(key), 0);
    if (total > 0) return { got: since(backend.key) / total, span: "in the last minute" };
    const any = pool.backends.some(({ answers }) => answers > 0);
    return { got: any ? backend.share : null, span: "since the start: nothing was in the last minute" };
  }
}
