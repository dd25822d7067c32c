// SPDX-License-Identifier: Apache-2.0
// Questions to the server that this page came from. An error is one line, as the server wrote it.

import { pathText, worldPairs } from "./address.js";

const session = JSON.parse(document.getElementById("data").textContent);

async function answerTo(path, options) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "omit", referrerPolicy: "no-referrer", ...options });
  } catch {
    throw new Error("the server does not answer: is `xsavvy explore` still running?");
  }
  const said = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (!answer.ok) throw new Error(said.error ?? `the server answered ${answer.status}`);
  return said;
}

function query(pairs) {
  return pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&");
}

const changing = (method, body) => ({
  method,
  headers: { "X-Xsavvy": session.token, "Content-Type": "application/json" },
  body: body === undefined ? undefined : JSON.stringify(body),
});

/** Ask for everything that can be chosen. */
export const askCatalog = () => answerTo("/api/catalog");

/** Ask what a world is. */
export const askWorld = (world) => answerTo(`/api/world?${query(worldPairs(world))}`);

/** Walk a path; the answer tells its steps from the number `since` on. */
export const askWalk = (world, path, { since = 0, digest = "" } = {}) =>
  answerTo(`/api/walk?${query([...worldPairs(world), ["path", pathText(path)], ["since", since], ["digest", digest]])}`);

/** Walk a path and let the host go on until the guest has the word, something new can come, or a property turns. */
export const askRun = (world, path, until, since) =>
  answerTo(`/api/run?${query([...worldPairs(world), ["path", pathText(path)], ["since", since], ["until", until]])}`);

/** Walk the same events in two worlds. */
export const askLockstep = (world, other, path) =>
  answerTo(`/api/lockstep?${query([...worldPairs(world), ...worldPairs(other, "other."), ["path", pathText(path)]])}`);

/** Begin a search for { property } or { witness }. */
export const beginSearch = (world, wanted) => answerTo("/api/search", changing("POST", { world, ...wanted }));

/** Ask how a search is getting on. */
export const askSearch = (job) => answerTo(`/api/search/${encodeURIComponent(job)}`);

/** End a search. */
export const endSearch = (job) => answerTo(`/api/search/${encodeURIComponent(job)}`, changing("DELETE"));
