// Where the reader is: on the live page, or on that of an incident; and what the URL has after
// its #, a path and parameters, as in #/stat/errors/300?only=customer%3Dacme.

const STAY = ["only", "at"]; // parameters that go along from place to place

/** The id of the incident that this is the page of; "" on the live page. */
export const incidentHere = () => /^\/incident\/([a-z0-9-]+)$/.exec(globalThis.location?.pathname ?? "")?.[1] ?? "";

const decoded = (part) => {
  try { return decodeURIComponent(part); } catch { return part; }
};

/** The place that a hash names: its path in parts, and its parameters. */
export function placeOf(hash) {
  const at = hash.indexOf("?"), path = at < 0 ? hash : hash.slice(0, at);
  return { path: path.replace(/^#?\/?/, "").split("/").map(decoded), query: new URLSearchParams(at < 0 ? "" : hash.slice(at + 1)) };
}

/** The hash of a path in parts, with parameters, an object or URLSearchParams; those that
 * stay are taken along from another hash, unless they are given. */
export function hashOf(path, parameters = {}, from = location.hash) {
  const query = new URLSearchParams(parameters), before = placeOf(from).query;
  for (const name of STAY) if (!query.has(name)) for (const value of before.getAll(name)) query.append(name, value);
  return `#/${path.map(encodeURIComponent).join("/")}${query.size ? `?${query}` : ""}`;
}

/** Changes parameters of the URL where the reader stays; null takes one away. */
export function note(changes) {
  const { path, query } = placeOf(location.hash);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  history.replaceState(null, "", hashOf(path, query, ""));
}
