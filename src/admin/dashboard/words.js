// What is said: states, times, shares. Times are the server's; `clock` knows how far its clock is from the browser's.

export const STATES = {
  up: ["up", "up"],
  degraded: ["degraded", "degraded"],
  partial: ["partial", "partly up"],
  down: ["down", "down"],
  drained: ["drained", "drained"],
};

// Where the addresses of a pool come from: the shape, the word, and whether it is a guess.
export const SOURCES = {
  in_service: ["up", "serving"],
  fallback: ["degraded", "fallback"],
  last: ["degraded", "last known"],
  panic: ["degraded", "guessing"],
  all_down: ["down", "all down"],
  nothing: ["down", "nothing"],
};

export const SOURCE_TELLS = {
  in_service: "hands out what is in service",
  fallback: "none is in service: another pool's addresses are handed out",
  last: "none is in service: those that were last are handed out",
  panic: "too little is in service: every address is handed out, as a guess",
  all_down: "none is in service: every address is handed out, as a guess",
  nothing: "none is in service, and nothing is handed out",
};

// Of a backend that a hand has taken out, where its pool has nothing else to hand out.
export const STILL_ANSWERED = "NOT safe to stop: answers have it still";
export const isHandedOut = ({ override: set, addresses }) => Boolean(set) && set.state !== "up" && addresses.some(({ in_answers: is }) => is);

export const clock = {
  ahead: 0,
  now() {
    return Date.now() + this.ahead;
  },
  heard(text) {
    this.ahead = Date.parse(text) - Date.now();
  },
};

const pad = (number) => String(number).padStart(2, "0");

// 14:03:22, in the browser's zone.
export function time(at) {
  const date = new Date(at);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

export function day(at) {
  const date = new Date(at);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

// The time alone where it is of today.
export function when(at) {
  return day(at) === day(clock.now()) ? time(at) : `${day(at)} ${time(at)}`;
}

// 42 s, 5 min, 3 h 20 min, 12 d.
export function lasting(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d`;
}

export const ago = (at) => `${lasting(clock.now() - Date.parse(at))} ago`;

// 0:42, 12:05, 1:02:05.
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}

export function percent(part) {
  const percents = part * 100;
  return `${percents > 0 && percents < 9.95 ? percents.toFixed(1) : Math.round(percents)} %`;
}

// 0.4, 12, 3.4k, 1.2M.
export function rate(number) {
  if (number === 0) return "0";
  for (const [size, sign] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (number >= size) return `${(number / size).toFixed(number < size * 10 ? 1 : 0)}${sign}`;
  }
  return number < 10 ? number.toFixed(1) : String(Math.round(number));
}

export const count = (number) => number.toLocaleString("en").replaceAll(",", "\u202f");

export const several = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

export function took(seconds) {
  const ms = seconds * 1000;
  if (ms >= 1000) return `${seconds.toFixed(1)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

// The last part of ZONE/POOL/BACKEND.
export const last = (key) => key.slice(key.lastIndexOf("/") + 1);
