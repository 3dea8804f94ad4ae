// The last hour: answers a second, stacked by response code, and a cursor that reads them out.

import { byId, draw, make, say, set } from "./dom.js";
import { clock, rate, time } from "./words.js";

// How much time is drawn: as much as there is, in round steps, up to an hour.
const SPANS = [120_000, 600_000, 1_200_000, 1_800_000, 3_600_000];
const HEIGHT = 168;
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 8, 8, 22];

// What is drawn, from the bottom up: its name, and which response codes it is.
const LAYERS = [
  ["noerror", "NOERROR", ["noerror"]],
  ["nxdomain", "NXDOMAIN", ["nxdomain"]],
  ["refused", "REFUSED", ["refused"]],
  ["servfail", "SERVFAIL", ["servfail"]],
  ["other", "other codes", ["formerr", "notimp", "yxdomain", "notauth", "badvers", "badcookie"]],
  ["dropped", "dropped", []],
];

// A round number that is at least this.
function ceiling(most) {
  const size = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 2.5, 5, 10].map((step) => step * size).find((step) => step >= most);
}

export class Chart {
  constructor() {
    this.samples = [];
    this.cursor = byId("cursor");
    this.place = null;
    // At the end it stays there while time goes on.
    this.cursor.addEventListener("input", () => {
      const at = Number(this.cursor.value);
      this.place = at === this.samples.length - 1 ? null : this.samples[at].at;
      this.render();
    });
    byId("legend").append(...LAYERS.map(([name, label]) => make("li", { hidden: true, "data-layer": name }, this.swatch(name), label)));
    const chart = byId("chart");
    chart.addEventListener("pointermove", (event) => this.point(event));
    chart.addEventListener("pointerleave", () => {
      this.place = null;
      this.render();
    });
    new ResizeObserver(() => this.render()).observe(chart);
    byId("traffic-rows").addEventListener("toggle", () => this.table());
  }

  swatch(name) {
    return draw("svg", { class: "swatch", width: 12, height: 12, "aria-hidden": "true" }, draw("rect", { width: 12, height: 12, ...painted(name) }));
  }

  heard({ samples }) {
    // Samples that took longer than they should may reach back further than what is drawn.
    const oldest = Date.parse(samples.at(-1)?.at) - SPANS.at(-1);
    const drawn = samples.filter(({ at }) => Date.parse(at) >= oldest);
    this.samples = drawn.map((sample) => ({
      at: Date.parse(sample.at),
      from: Math.max(oldest, Date.parse(sample.at) - sample.seconds * 1000),
      queries: sample.queries / sample.seconds,
      rates: LAYERS.map(([name, , codes]) => {
        const counts = name === "dropped" ? sample.dropped : codes.reduce((sum, code) => sum + (sample.answers[code] ?? 0), 0);
        return sample.seconds > 0 ? counts / sample.seconds : 0;
      }),
    }));
    this.render();
    this.table();
  }

  point(event) {
    const box = byId("chart").getBoundingClientRect();
    const part = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    const at = this.end() - this.span() * (1 - part);
    const near = this.samples.reduce((best, one) => (best && Math.abs(best.at - at) <= Math.abs(one.at - at) ? best : one), null);
    if (near) {
      this.place = near.at;
      this.render();
    }
  }

  end() {
    return this.samples.at(-1)?.at ?? clock.now();
  }

  span() {
    const there = this.end() - (this.samples[0]?.from ?? this.end());
    return SPANS.find((span) => span >= there) ?? SPANS.at(-1);
  }

  render() {
    const chart = byId("chart");
    const width = Math.max(240, chart.clientWidth);
    const totals = this.samples.map(({ rates }) => rates.reduce((sum, one) => sum + one, 0));
    const most = ceiling(Math.max(1, ...totals));
    const [end, span] = [this.end(), this.span()];
    const x = (at) => LEFT + (width - LEFT - RIGHT) * (1 - (end - at) / span);
    const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
    const parts = [patterns()];
    for (const part of [0, 0.5, 1]) {
      const line = y(most * part);
      parts.push(draw("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: line, y2: line }));
      parts.push(draw("text", { class: "tick", x: LEFT - 6, y: line + 4, "text-anchor": "end" }, rate(most * part)));
    }
    say(byId("traffic-title"), `Answers a second, the last ${span === SPANS.at(-1) ? "hour" : `${span / 60_000} minutes`}`);
    const isShort = span === SPANS[0];
    const step = isShort || span > SPANS[2] ? span / 4 : span / 5;
    for (let at = Math.ceil((end - span) / step) * step; at <= end; at += step) {
      parts.push(draw("line", { class: "grid", x1: x(at), x2: x(at), y1: TOP, y2: HEIGHT - BOTTOM }));
      const anchor = x(at) > width - 40 ? "end" : x(at) < LEFT + 16 ? "start" : "middle";
      parts.push(draw("text", { class: "tick", x: x(at), y: HEIGHT - 6, "text-anchor": anchor }, time(at).slice(0, isShort ? 8 : 5)));
    }
    parts.push(...this.layers(x, y));
    const at = this.reading();
    if (at >= 0) {
      const here = x(this.samples[at].at);
      parts.push(draw("line", { class: this.place === null ? "now" : "cursor", x1: here, x2: here, y1: TOP, y2: HEIGHT - BOTTOM }));
    }
    chart.replaceChildren(draw("svg", { width, height: HEIGHT, role: "img", "aria-label": this.summary(totals) }, ...parts));
    this.read(at);
  }

  layers(x, y) {
    // A sample is of the time up to it, so the first one begins before where it stands.
    const points = this.samples.length ? [{ ...this.samples[0], at: this.samples[0].from }, ...this.samples] : [];
    const below = points.map(() => 0);
    return LAYERS.flatMap(([name], layer) => {
      const is = this.samples.some(({ rates }) => rates[layer] > 0);
      byId("legend").children[layer].hidden = !is;
      if (!is) return [];
      const bottom = points.map(({ at }, place) => `${x(at).toFixed(1)},${y(below[place]).toFixed(1)}`);
      points.forEach(({ rates }, place) => (below[place] += rates[layer]));
      const top = points.map(({ at }, place) => `${x(at).toFixed(1)},${y(below[place]).toFixed(1)}`);
      const area = `M${[...top, ...bottom.reverse()].join("L")}Z`;
      return [draw("path", { ...painted(name), d: area }), draw("path", { class: `edge edge-${name}`, d: `M${top.join("L")}` })];
    });
  }

  // Which sample is read out.
  reading() {
    if (this.place === null) return this.samples.length - 1;
    const at = this.samples.findIndex((sample) => sample.at >= this.place);
    return at < 0 ? this.samples.length - 1 : at;
  }

  read(at) {
    set(this.cursor, "max", Math.max(0, this.samples.length - 1));
    this.cursor.disabled = this.samples.length === 0;
    if (this.cursor.value !== String(at)) this.cursor.value = String(at);
    if (at < 0) return say(byId("reading"), "The first ten seconds are not over yet.");
    const { at: when, queries, rates } = this.samples[at];
    const told = LAYERS.flatMap(([, label], layer) => (rates[layer] > 0 ? [`${label} ${rate(rates[layer])}/s`] : []));
    const text = `${time(when)}  ${rate(queries)} queries/s${told.length ? `: ${told.join(", ")}` : ""}`;
    say(byId("reading"), text);
    set(this.cursor, "aria-valuetext", text);
  }

  summary(totals) {
    if (!totals.length) return "Nothing is counted yet";
    return `Answers a second over the last hour: now ${rate(totals.at(-1))}, at most ${rate(Math.max(...totals))}; the table below has them by response code`;
  }

  // Five minutes a row, the newest first.
  table() {
    const rows = byId("traffic-rows");
    if (!rows.open) return;
    const used = LAYERS.map((_, layer) => layer).filter((layer) => this.samples.some(({ rates }) => rates[layer] > 0));
    const parts = new Map();
    for (const sample of this.samples) {
      const start = Math.floor(sample.at / 300_000) * 300_000;
      parts.set(start, [...(parts.get(start) ?? []), sample]);
    }
    const mean = (list, value) => rate(list.reduce((sum, one) => sum + value(one), 0) / list.length);
    const column = (text) => make("th", { scope: "col" }, text);
    rows.querySelector("thead").replaceChildren(make("tr", {}, column("From"), column("Queries/s"), ...used.map((layer) => column(LAYERS[layer][1]))));
    const row = ([start, list]) =>
      make("tr", {}, make("th", { scope: "row" }, time(start).slice(0, 5)), make("td", {}, mean(list, (one) => one.queries)),
        ...used.map((layer) => make("td", {}, mean(list, (one) => one.rates[layer]))));
    rows.querySelector("tbody").replaceChildren(...[...parts].reverse().map(row));
  }
}

// Those that say that something is wrong are hatched, so that layers differ where colours do not.
const HATCHED = ["refused", "servfail", "dropped"];

function painted(name) {
  return { class: `layer-${name}`, fill: HATCHED.includes(name) ? `url(#hatch-${name})` : null };
}

function patterns() {
  const hatch = (name, path, size) =>
    draw("pattern", { id: `hatch-${name}`, width: size, height: size, patternUnits: "userSpaceOnUse" },
      draw("rect", { width: size, height: size, class: `hatch-${name}` }), draw("path", { d: path, class: "hatch" }));
  return draw("defs", {},
    hatch("refused", "M0 6 6 0", 6), hatch("servfail", "M0 0 5 5M0 5 5 0", 5), hatch("dropped", "M0 2H4", 4));
}
