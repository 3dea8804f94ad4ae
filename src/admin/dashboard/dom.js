// Elements. Whatever is shown is set as text: names of zones and pools are other people's.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

// An element with attributes and children; what is null or undefined is left out, a function listens.
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Sets a text where it differs, so that what did not change is not touched, selected text among it.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function set(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

export function show(element, is) {
  if (element.hidden === is) element.hidden = !is;
}

// The shape of a state, for the eye alone: a word stands beside it.
export function shape(name) {
  return draw("svg", { class: "shape", "aria-hidden": "true", "data-state": name, width: 12, height: 12 }, draw("use", { href: `#shape-${name}` }));
}

export function reshape(svg, name) {
  set(svg, "data-state", name);
  set(svg.firstChild, "href", `#shape-${name}`);
}

// Makes the children of a parent those of a list: each keeps its element for as long as its key is there, and with it
// what has the focus, what is open and what is selected.
export class Keyed {
  // Those after the element `after`, where there is one.
  constructor(parent, create, update, after = null) {
    Object.assign(this, { parent, create, update, after });
    this.known = new Map();
  }

  render(items, key) {
    const before = this.known;
    const focused = this.parent.contains(document.activeElement) ? document.activeElement : null;
    this.known = new Map();
    for (const item of items) {
      const name = key(item);
      if (this.known.has(name)) continue;
      const kept = before.get(name) ?? this.create(item);
      before.delete(name);
      this.update(kept, item);
      this.known.set(name, kept);
    }
    for (const { element } of before.values()) element.remove();
    let place = this.after ? this.after.nextElementSibling : this.parent.firstElementChild;
    for (const { element } of this.known.values()) {
      if (element === place) place = place.nextElementSibling;
      else if (element.parentNode === this.parent && this.parent.moveBefore) this.parent.moveBefore(element, place);
      else this.parent.insertBefore(element, place);
    }
    if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
  }
}
