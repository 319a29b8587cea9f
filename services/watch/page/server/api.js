// Requests to the page's server. What changes anything has the token of the server's start, which only its page has.

const TOKEN_FIELD = "X-Asynclab-Token";
const META = 'meta[name="asynclab-token"]';
const TIMEOUT_MS = 20_000;

/** A request that was refused (`status`), or that had no answer (`status` 0). The message is one line. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let token = document.querySelector(META)?.content ?? "";

/** Returns the JSON at a path. Throws Refused. */
export function get(path) {
  return asked("GET", path);
}

/** Returns the text at a path. Throws Refused. */
export async function getText(path) {
  return (await answer("GET", path)).text();
}

/** Asks for a change, and returns the JSON of the answer. Throws Refused. */
export async function change(method, path, body) {
  try {
    return await asked(method, path, body);
  } catch (error) {
    if (error.status !== 403) throw error;
    await renewToken(); // the server has begun anew since this page was loaded
    return asked(method, path, body);
  }
}

async function renewToken() {
  const page = new DOMParser().parseFromString(await getText("/"), "text/html");
  token = page.querySelector(META)?.content ?? token;
}

async function asked(method, path, body) {
  return (await answer(method, path, body)).json();
}

async function answer(method, path, body) {
  const headers = method === "GET" ? {} : { [TOKEN_FIELD]: token, "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new Refused(0, error.message);
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Refused(response.status, typeof said.error === "string" ? said.error : `${response.status}`);
}
