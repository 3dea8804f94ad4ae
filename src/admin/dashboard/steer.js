// A hand on backends: drain, down, up, and back to their checks.

import { get, post } from "./api.js";
import { byId, Keyed, make, reshape, say, shape, show } from "./dom.js";
import { clock, count, countdown, isHandedOut, several, STILL_ANSWERED, when } from "./words.js";

const AUTHOR = "rotadns-author";
const NAMED_MAX = 6;
// How many of what hands have set are shown at first and with each `more`.
const PAGE = 8;
const VERBS = { drain: "Drain", down: "Set down", up: "Set up", auto: "Give back" };
const DONE = { drain: "being drained", down: "set down", up: "set up", auto: "given back" };

export class Steer {
  constructor({ changed }) {
    this.dialog = byId("steer");
    this.form = byId("steer-form");
    this.backends = byId("steer-backends");
    let typing;
    this.backends.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.meant(), 200);
    });
    this.form.addEventListener("input", () => this.anew());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.act(changed);
    });
    byId("steer-close").addEventListener("click", () => this.dialog.close());
    byId("steer-open").addEventListener("click", () => this.open());
  }

  // For a backend or none; one that a hand has set is given back rather than drained.
  open(key = "", backend = null) {
    this.form.reset();
    this.backends.value = key;
    byId("steer-author").value = sessionStorage.getItem(AUTHOR) ?? "";
    this.form.elements.action.value = backend?.override ? "auto" : "drain";
    say(byId("steer-error"), "");
    this.anew();
    this.meant();
    this.dialog.showModal();
    (key ? this.form.querySelector("input[name=action]:checked") : this.backends).focus();
  }

  get action() {
    return this.form.elements.action.value;
  }

  // Something is to be done that is not done yet.
  anew() {
    show(byId("steered"), false);
    show(byId("steer-do"), true);
    say(byId("steer-close"), "Cancel");
    say(byId("steer-do"), VERBS[this.action]);
    byId("steer-do").classList.toggle("grave", this.action === "drain" || this.action === "down");
    // What is given back is so for good.
    byId("steer-seconds").disabled = this.action === "auto";
  }

  patterns() {
    return this.backends.value.split(/[\s,]+/).filter(Boolean);
  }

  // Which backends the patterns mean, before anything is done.
  async meant() {
    const patterns = this.patterns();
    const asked = patterns.join(" ");
    if (!patterns.length) return say(byId("steer-meant"), "");
    let told;
    try {
      const lists = await Promise.all(patterns.slice(0, NAMED_MAX).map((match) => get("/v1/backends", { match })));
      const keys = [...new Set(lists.flat().map(({ key }) => key))];
      const more = keys.length > NAMED_MAX ? ` and ${keys.length - NAMED_MAX} more` : "";
      told = keys.length === 1 && keys[0] === asked ? "" : `${several(keys.length, "backend")}: ${keys.slice(0, NAMED_MAX).join(", ")}${more}`;
    } catch (error) {
      told = error.message;
    }
    if (this.patterns().join(" ") === asked) say(byId("steer-meant"), told);
  }

  async act(changed) {
    const [action, author] = [this.action, byId("steer-author").value.trim()];
    const body = { backends: this.patterns() };
    if (author) body.author = author;
    if (byId("steer-reason").value.trim()) body.reason = byId("steer-reason").value.trim();
    if (action !== "auto" && byId("steer-seconds").value) body.seconds = Number(byId("steer-seconds").value);
    sessionStorage.setItem(AUTHOR, author);
    byId("steer-do").disabled = true;
    say(byId("steer-error"), "");
    try {
      this.done(action, await post(`/v1/backends/${action}`, body));
      changed();
    } catch (error) {
      show(byId("steered"), false);
      say(byId("steer-error"), error.message);
    } finally {
      byId("steer-do").disabled = false;
    }
  }

  done(action, { backends, warnings }) {
    const item = (backend) => {
      const { key, safe_to_stop: safe, reason } = backend;
      const left = safe ? Date.parse(safe) - clock.now() : null;
      const told = left === null ? (isHandedOut(backend) ? STILL_ANSWERED : reason) : left <= 0 ? "safe to stop now" : `safe to stop at ${when(safe)}, in ${countdown(left)}`;
      return make("li", {}, make("code", {}, key), ` ${told}`);
    };
    const more = backends.length - NAMED_MAX;
    byId("steered").replaceChildren(
      make("p", {}, shape("safe"), ` ${several(backends.length, "backend")} ${DONE[action]}.`),
      ...warnings.map((warning) => make("p", { class: "warning" }, warning)),
      make("ul", {}, ...backends.slice(0, NAMED_MAX).map(item), more > 0 ? make("li", {}, `and ${more} more`) : null),
    );
    show(byId("steered"), true);
    show(byId("steer-do"), false);
    say(byId("steer-close"), "Close");
    byId("steer-close").focus();
  }
}

// What hands have set, whoever did.
export class SetByHand {
  constructor(steer) {
    this.all = [];
    this.shown = PAGE;
    this.keyed = new Keyed(byId("override-list"), ({ key }) => create(key, steer), update);
    byId("overrides-more").addEventListener("click", () => {
      this.shown += PAGE;
      this.heard(this.all);
    });
  }

  heard(overrides) {
    this.all = overrides;
    show(byId("overrides"), overrides.length > 0);
    this.keyed.render(overrides.slice(0, this.shown), ({ key }) => key);
    show(byId("overrides-more"), overrides.length > this.shown);
    say(byId("overrides-more"), `${count(Math.max(0, overrides.length - this.shown))} more`);
  }
}

const SET = { up: ["up", "set up"], down: ["down", "set down"], drain: ["drained", "drained"] };

function create(key, steer) {
  const entry = { shape: shape("drained"), word: make("b"), told: make("span", { class: "quiet" }) };
  const back = make("button", { type: "button", class: "hand", "aria-label": `Give back ${key}`, click: () => steer.open(key, { override: true }) }, "Give back…");
  entry.element = make("li", {}, make("span", { class: "state" }, entry.shape, entry.word), make("code", {}, key), entry.told, back);
  return entry;
}

function update(entry, { state, author, reason, since, until, is_known: isKnown }) {
  const [of, word] = SET[state];
  reshape(entry.shape, of);
  say(entry.word, word);
  const lasts = until ? `, until ${when(until)}` : "";
  say(entry.told, `by ${author} at ${when(since)}${reason ? `: ${reason}` : ""}${lasts}${isKnown ? "" : "; there is no such backend now"}`);
}
