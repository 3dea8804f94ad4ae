// Why an answer is as it is, or would be if more were down.

import { get } from "./api.js";
import { byId, make, say, shape, show } from "./dom.js";
import { SOURCES } from "./words.js";

// How many addresses of a pool are listed.
const CANDIDATES_MAX = 100;

export class Explain {
  constructor() {
    byId("explain-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask(new FormData(event.target));
    });
  }

  async ask(form) {
    const query = Object.fromEntries([...form].map(([name, value]) => [name, value.trim()]));
    query.down = query.down.split(/[\s,]+/).filter(Boolean);
    try {
      this.tell(await get("/v1/explain", query), query.down);
      say(byId("explain-error"), "");
    } catch (error) {
      say(byId("explain-error"), error.message);
      show(byId("explained"), false);
    }
  }

  tell(told, down) {
    const flags = [told.rcode, told.authoritative ? "authoritative" : null, told.truncated ? "truncated" : null];
    const sections = [["Answer", told.answer], ["Authority", told.authority], ["Additional", told.additional]];
    byId("explained").replaceChildren(
      make("h3", {}, make("code", {}, told.question), " ", make("span", { class: "quiet" }, flags.filter(Boolean).join(", "))),
      down.length ? make("p", { class: "warning" }, `As it would be if ${down.join(", ")} were down.`) : "",
      ...sections.filter(([, records]) => records.length).map(([name, records]) =>
        make("div", { class: "records" }, make("h4", {}, name), make("pre", { tabindex: 0, role: "region", "aria-label": name }, records.join("\n")))),
      make("h4", {}, "Steps"),
      make("ol", { class: "steps" }, ...told.steps.map(({ stage, said }) => make("li", {}, make("b", {}, stage), " ", said))),
      ...told.pools.map(pool),
    );
    show(byId("explained"), true);
  }
}

function pool({ key, source, candidates }) {
  const [of, word] = SOURCES[source];
  const row = ({ backend, address, eligible, reason, chosen }) =>
    make("tr", { class: chosen ? "chosen" : null },
      make("th", { scope: "row" }, backend),
      make("td", {}, make("code", {}, address)),
      make("td", {}, make("span", { class: "state" }, shape(eligible ? "up" : "down"), make("span", { class: "word" }, eligible ? "may be" : "may not"))),
      make("td", {}, chosen ? "in this answer" : ""),
      make("td", { class: "quiet" }, reason));
  const head = ["Backend", "Address", "Handed out", "Chosen", "Why"].map((text) => make("th", { scope: "col" }, text));
  const more = candidates.length - CANDIDATES_MAX;
  return make("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": `Addresses of ${key}` },
    make("table", { class: "candidates" },
      make("caption", {}, shape(of), ` ${key}: ${word}`),
      make("thead", {}, make("tr", {}, ...head)),
      make("tbody", {}, ...candidates.slice(0, CANDIDATES_MAX).map(row))),
    more > 0 ? make("p", { class: "quiet" }, `${more} more addresses`) : null);
}
