// SPDX-License-Identifier: Apache-2.0
// The address bar holds the whole state: a world, the path through it, the place on the path, and a second world.

const LONGEST_PATH = 20000;
const PATH_PIECE = /^(\d{1,6})(?:-(\d{1,6}))?$/;

/** Read a path such as "11-13.86": numbers joined by dots, a run of consecutive numbers by its ends. */
export function pathNumbers(text) {
  const found = [];
  for (const piece of text ? text.split(".") : []) {
    const [, first, last = first] = PATH_PIECE.exec(piece) ?? [];
    if (first === undefined || Number(last) < Number(first)) {
      throw new RangeError(`path: ${piece.slice(0, 40)}: expected numbers of rules, as in 11-13.86`);
    }
    if (found.length + Number(last) - Number(first) >= LONGEST_PATH) throw new RangeError(`path: expected at most ${LONGEST_PATH} rules`);
    for (let rule = Number(first); rule <= Number(last); rule += 1) found.push(rule);
  }
  return found;
}

/** Write a path. */
export function pathText(path) {
  const runs = [];
  for (const rule of path) {
    const run = runs.at(-1);
    if (run && run[1] + 1 === rule) run[1] = rule;
    else runs.push([rule, rule]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(".");
}

const WORLD_NAMES = ["scenario", "kernel", "platform", "set"];
const KNOWN = new Set([...WORLD_NAMES, ...WORLD_NAMES.map((name) => `other.${name}`), "path", "at", "digest"]);

function readWorld(pairs, prefix, base) {
  const one = (name) => pairs.get(prefix + name) ?? base[name];
  const texts = pairs.getAll(`${prefix}set`).filter(Boolean);
  const chosen = pairs.has(`${prefix}set`)
    ? Object.fromEntries(texts.map((text) => [text.split("=", 1)[0], text.slice(text.indexOf("=") + 1)]))
    : base.set;
  return { scenario: one("scenario"), kernel: one("kernel"), platform: one("platform"), set: { ...chosen } };
}

/** Read what follows the "#" of an address, and what in it means nothing; throws RangeError for a path that is none. */
export function readAddress(fragment) {
  const pairs = new URLSearchParams(fragment.replace(/^#/, "").replace(/\+/g, "%2B"));
  const world = readWorld(pairs, "", { scenario: "", kernel: "", platform: "", set: {} });
  const beside = [...pairs.keys()].some((name) => name.startsWith("other."));
  const path = pathNumbers(pairs.get("path") ?? "");
  const at = /^\d{1,6}$/.test(pairs.get("at") ?? "") ? Number(pairs.get("at")) : path.length;
  return {
    world,
    other: beside ? readWorld(pairs, "other.", world) : null,
    path,
    at: Math.min(at, path.length),
    digest: pairs.get("digest") ?? "",
    unknown: [...new Set(pairs.keys())].filter((name) => name && !KNOWN.has(name)),
  };
}

/** Return the pairs that name a world in a request or in an address. */
export function worldPairs(world, prefix = "") {
  const names = ["scenario", "kernel", "platform"].map((name) => [prefix + name, world[name]]);
  const chosen = Object.entries(world.set).map(([name, value]) => [`${prefix}set`, `${name}=${value}`]);
  return [...names.filter(([, value]) => value), ...(prefix && !chosen.length ? [[`${prefix}set`, ""]] : chosen)];
}

// The quote must not end the one that a shell sees around a copied link.
const percent = (text) => encodeURIComponent(text).replace(/'/g, "%27").replace(/%3D/g, "=");

/** Write an address, from its "#" on. */
export function writeAddress({ world, other, path, at, digest }) {
  const pairs = worldPairs(world);
  if (path.length) pairs.push(["path", pathText(path)], ["at", at]);
  if (digest) pairs.push(["digest", digest]);
  if (other) pairs.push(...worldPairs(other, "other."));
  return `#${pairs.map(([name, value]) => `${name}=${percent(String(value))}`).join("&")}`;
}

/** Tell whether two worlds are named alike. */
export function sameWorld(one, other) {
  return Boolean(one && other) && writeAddress({ world: one, path: [] }) === writeAddress({ world: other, path: [] });
}
