// The last outcomes of a backend's checks: how long each took and which failed.

import { get } from "./api.js";
import { draw, make, say } from "./dom.js";
import { lasting, several, time, took } from "./words.js";

const AGAIN = 5_000;
const FAILURES_SHOWN = 8;
const [WIDTH_MIN, WIDTH_MAX, HEIGHT, LEFT, TOP, BOTTOM] = [240, 620, 90, 52, 10, 18];

export class History {
  constructor(key) {
    this.key = key;
    this.body = make("td", { colspan: 5 }, make("p", { class: "quiet" }, "…"));
    this.element = make("tr", { class: "outcomes" }, this.body);
    this.load();
  }

  // Asks again from time to time, for as long as it is there.
  tick() {
    if (Date.now() - this.asked > AGAIN) this.load();
  }

  async load() {
    this.asked = Date.now();
    try {
      const parts = this.key.split("/").map(encodeURIComponent);
      const backend = await get(`/v1/backends/${parts.join("/")}`);
      const style = getComputedStyle(this.body);
      const room = this.body.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      const width = Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, Math.floor(room)));
      this.body.replaceChildren(...backend.addresses.map((one) => address(one, width)));
    } catch (error) {
      say(this.body, error.message);
    }
  }
}

// The API leaves out lists that are empty.
function address({ address, history = [], failures = [], changes }, width) {
  const passed = history.filter((one) => one.passed).map((one) => one.took);
  const sorted = passed.toSorted((a, b) => a - b);
  const middle = sorted.length ? `half took under ${took(sorted[sorted.length >> 1])}, the slowest ${took(sorted.at(-1))}` : "none passed";
  const failed = history.length - passed.length;
  const summary = `${address}: ${several(history.length, "check")}, ${failed ? `${failed} failed` : "all passed"}; ${middle}; ${several(changes, "change")} of side since the start`;
  return make("div", { class: "outcome" }, make("p", {}, summary), history.length ? plot(history, summary, width) : null, list(failures));
}

// A mark for each outcome, from left to right as they came; a failure is a cross at the top.
function plot(history, summary, width) {
  const outcomes = history.toReversed();
  const [from, to] = [Date.parse(outcomes[0].at), Date.parse(outcomes.at(-1).at)];
  const most = Math.max(0.001, ...outcomes.map((one) => one.took));
  const x = (at) => LEFT + 6 + (width - LEFT - 14) * (to > from ? (Date.parse(at) - from) / (to - from) : 1);
  const y = (seconds) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - seconds / most);
  const tick = (attributes, text) => draw("text", { class: "tick", ...attributes }, text);
  const parts = [
    draw("line", { class: "grid", x1: LEFT, x2: width, y1: y(0), y2: y(0) }),
    draw("line", { class: "grid", x1: LEFT, x2: width, y1: y(most), y2: y(most) }),
    tick({ x: LEFT - 6, y: y(most) + 4, "text-anchor": "end" }, took(most)),
    tick({ x: LEFT - 6, y: y(0) + 4, "text-anchor": "end" }, "0"),
    tick({ x: LEFT, y: HEIGHT - 3 }, time(from)),
    tick({ x: width, y: HEIGHT - 3, "text-anchor": "end" }, `${time(to)}, ${lasting(to - from)} later`),
  ];
  for (const { at, passed, took: seconds } of outcomes) {
    const [across, down] = [x(at).toFixed(1), y(seconds).toFixed(1)];
    parts.push(
      passed
        ? draw("circle", { class: "passed", cx: across, cy: down, r: 2.2 })
        : draw("path", { class: "failed", d: `M${across - 3} ${TOP - 3}l6 6m0 -6l-6 6` }),
    );
  }
  return draw("svg", { class: "plot", width, height: HEIGHT, role: "img", "aria-label": summary }, ...parts);
}

function list(failures) {
  if (!failures.length) return null;
  const told = ({ at, prober, detail, changed }) =>
    make("li", {}, make("time", { datetime: at }, time(at)), ` ${detail} `, make("span", { class: "quiet" }, `(${prober}${changed ? `; it is ${changed} by this` : ""})`));
  return make("div", {}, make("p", { class: "quiet" }, "The last failures and changes of side"), make("ol", { class: "failures" }, ...failures.slice(0, FAILURES_SHOWN).map(told)));
}
