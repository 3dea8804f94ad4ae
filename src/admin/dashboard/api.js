// The admin API: requests that end within a time, and the stream of events. A token, where one is needed, is kept for the
// tab alone and sent as a header, never as a part of an address.

const TOKEN = "rotadns-token";
const PATIENCE = 10_000;
// The server sends something every 15 seconds.
const SILENCE = 40_000;

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (value) => sessionStorage.setItem(TOKEN, value),
  forget: () => sessionStorage.removeItem(TOKEN),
};

// The server has answered, and what it says is no.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function headers(more = {}) {
  const secret = token.get();
  return secret ? { ...more, Authorization: `Bearer ${secret}` } : more;
}

async function refusal(response) {
  const body = await response.json().catch(() => null);
  return new Refused(response.status, body?.error ?? `the server answered with ${response.status}`);
}

async function ask(path, options = {}) {
  const response = await fetch(path, {
    ...options,
    headers: headers(options.headers),
    cache: "no-store",
    credentials: "omit",
    signal: AbortSignal.timeout(PATIENCE),
  });
  if (!response.ok) throw await refusal(response);
  return response;
}

export async function get(path, query = {}) {
  return (await page(path, query)).body;
}

// With the headers that say how much more there is.
export async function page(path, query = {}) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== "" && one !== null && one !== undefined) asked.append(name, one);
    }
  }
  const text = asked.toString();
  const response = await ask(text ? `${path}?${text}` : path);
  return { body: await response.json(), total: Number(response.headers.get("Total-Count") ?? 0) };
}

export async function post(path, body) {
  const response = await ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  return response.json();
}

// Listens until the stream ends, breaks or falls silent, which it throws. EventSource could not say who asks.
export async function listen(after, { opened, event, gap }, signal) {
  const silent = new AbortController();
  const response = await fetch("/v1/events", {
    headers: headers({ Accept: "text/event-stream", "Last-Event-ID": String(after) }),
    cache: "no-store",
    credentials: "omit",
    signal: AbortSignal.any([signal, silent.signal]),
  });
  if (!response.ok) throw await refusal(response);
  opened();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const hush = () => silent.abort(new Error("the server has fallen silent"));
  let watch = setTimeout(hush, SILENCE);
  let rest = "";
  let [name, data] = ["", []];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the server has ended the connection");
      clearTimeout(watch);
      watch = setTimeout(hush, SILENCE);
      const lines = (rest + value).split(/\r\n|\n|\r/);
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
        else if (line.startsWith("event:")) name = line.slice(6).trim();
        else if (line === "" && data.length) {
          const told = JSON.parse(data.join("\n"));
          if (name === "gap") gap(told.missed);
          else event(told);
          [name, data] = ["", []];
        }
      }
    }
  } finally {
    clearTimeout(watch);
    reader.cancel().catch(() => {});
  }
}
