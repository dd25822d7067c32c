// SPDX-License-Identifier: Apache-2.0
// What is shown, and the actions that change it, one after the other. The address bar follows every change.

import { readAddress, sameWorld, writeAddress } from "./address.js";
import { askCatalog, askLockstep, askRun, askWalk, askWorld } from "./api.js";
import { forgetUnwritten, writeHistory } from "./history.js";

/**
 * The state: `address` as in the address bar; `world` and `otherWorld` as the server describes them; `trail` the steps
 * of the whole path; `here` the moment at `address.at` with its moves; `lockstep` both worlds there, or null.
 */
export const state = {
  address: { world: { scenario: "", kernel: "", platform: "", set: {} }, other: null, path: [], at: 0, digest: "" },
  catalog: null,
  world: null,
  otherWorld: null,
  trail: { start: null, steps: [], standing: [] },
  here: null,
  lockstep: null,
  notices: [],
  error: "",
  busy: false,
};

const listeners = new Set();
let queue = Promise.resolve();
let waiting = 0;
let lastMove = "";
let linkWaits = false;
const MOST_WAITING = 12;

/** Call a function with the state after every change. */
export function subscribe(listener) {
  listeners.add(listener);
}

function publish() {
  for (const listener of listeners) listener(state);
}

// Actions run one after the other, so that fast keys neither get lost nor overtake each other.
function enqueue(action, most = MOST_WAITING) {
  if (waiting >= most) return queue;
  waiting += 1;
  queue = queue.then(async () => {
    state.busy = true;
    try {
      state.error = "";
      await action();
    } catch (error) {
      state.error = error instanceof Error ? error.message : String(error);
    } finally {
      waiting -= 1;
      state.busy = waiting > 0;
      publish();
    }
  });
  return queue;
}

// A run of moves along the path is one entry of the browser's history; everything else is one each.
function remember(kind) {
  writeHistory(writeAddress(state.address), kind === "open" || (kind === "go" && lastMove === "go"));
  lastMove = kind;
}

async function compareHere() {
  const { world, other, path, at } = state.address;
  state.lockstep = other ? await askLockstep(world, other, path.slice(0, at)) : null;
}

function settle(answer, at) {
  const trail = state.trail;
  state.here = answer;
  state.trail = {
    start: answer.start,
    steps: [...trail.steps.slice(0, answer.since), ...answer.steps],
    standing: [...trail.standing.slice(0, answer.since), ...answer.standing],
  };
  Object.assign(state.address, { path: answer.path, at, digest: answer.digest });
}

const namesOf = ({ scenario, kernel, platform, set }) => ({ scenario, kernel, platform, set });

async function describeWorlds({ world, other }) {
  const same = state.world && sameWorld(world, state.address.world);
  const alike = state.otherWorld && sameWorld(other, state.address.other);
  return {
    world: same ? state.world : await askWorld(world),
    otherWorld: other ? (alike ? state.otherWorld : await askWorld(other)) : null,
  };
}

function noticesOf(address, answer) {
  const notices = [];
  if (address.unknown?.length) {
    notices.push(`The address says things that mean nothing here: ${address.unknown.map((name) => name.slice(0, 40)).join(", ")}.`);
  }
  if (address.digest && address.digest !== answer.digest) {
    notices.push(`This path was made in another model (${address.digest}; this one is ${answer.digest}).`);
  }
  if (answer.stopped) {
    notices.push(`The path ends at step ${answer.stopped.at} of ${address.path.length}: ${answer.stopped.why}`);
  }
  return notices;
}

async function openAddress(address, kind, asked = null) {
  const found = await describeWorlds(address);
  const world = namesOf(found.world);
  const other = found.otherWorld && namesOf(found.otherWorld);
  const answer = await askWalk(world, address.path, { digest: address.digest });
  const at = Math.min(address.at, answer.path.length);
  const { unknown, ...known } = address;
  Object.assign(state, found, { address: { ...known, world, other }, notices: noticesOf(address, answer) });
  settle(answer, at);
  if (at < answer.path.length) state.here = await askWalk(world, answer.path.slice(0, at), { since: at });
  await compareHere();
  // Whoever went elsewhere meanwhile finds that address as it was.
  if (asked === null || asked === location.hash) remember(kind);
}

async function moveTo(at) {
  const path = state.address.path;
  const to = Math.max(0, Math.min(at, path.length));
  if (to === state.address.at) return;
  state.here = await askWalk(state.address.world, path.slice(0, to), { since: to });
  state.address.at = to;
  await compareHere();
  remember("go");
}

async function extend(answer) {
  settle(answer, answer.path.length);
  state.notices = [];
  await compareHere();
  remember("take");
}

/** Begin: learn what there is, then open what the address bar says; where that is nothing, the start. */
export function begin() {
  return enqueue(async () => {
    state.catalog = await askCatalog();
    try {
      await openFragment("open");
    } catch (error) {
      await openAddress(startAddress(), "open");
      state.error = error.message;
    }
  });
}

const startAddress = () => ({ world: { ...state.catalog.start }, other: null, path: [], at: 0, digest: "" });

function openFragment(kind) {
  const asked = location.hash;
  return openAddress(asked.replace(/^#/, "") ? readAddress(asked) : startAddress(), kind, asked);
}

/** Open what the address bar says when its turn comes; somebody who goes back many times at once waits for the last. */
export function openLink() {
  forgetUnwritten();
  if (!linkWaits) enqueue(() => { linkWaits = false; return openFragment("open"); }, Infinity);
  linkWaits = true;
}

/** Take a move by the number of its rule; a step that the path takes next anyway keeps what comes after it. */
export const take = (rule) => enqueue(async () => {
  const { world, path, at } = state.address;
  if (path[at] === rule) return moveTo(at + 1);
  return extend(await askWalk(world, [...path.slice(0, at), rule], { since: at }));
});

/** Take the host's own next step. */
export const hostStep = () => enqueue(async () => {
  const { world, path, at } = state.address;
  const rule = state.here?.host ?? null;
  if (rule === null) return;
  if (path[at] === rule) await moveTo(at + 1);
  else await extend(await askWalk(world, [...path.slice(0, at), rule], { since: at }));
});

/** Let the host go on: until "guest", "event" or "property". */
export const run = (until) => enqueue(async () => {
  const { world, path, at } = state.address;
  const answer = await askRun(world, path.slice(0, at), until, at);
  if (answer.path.length === at) state.notices = [answer.why || "The host has no next step here."];
  else await extend(answer);
  if (until !== "guest" && answer.why) state.notices = [answer.why];
});

/** Go to a place on the path: a number, or a function of the present one. */
export const goTo = (place) => enqueue(() => moveTo(typeof place === "function" ? place(state.address) : place));

/** Load a path and show its end, with what led there. */
export const openPath = (path) => enqueue(() => openAddress({ ...state.address, path, at: path.length }, "take"));

/** Change the world, or the one beside it; the path is kept as far as it is possible there. */
export const changeWorld = (world, side = "world") => enqueue(() => {
  const kept = side === "world" && world.scenario !== state.address.world.scenario;
  const fresh = kept ? { path: [], at: 0 } : {};
  const digest = side === "world" ? "" : state.address.digest;
  return openAddress({ ...state.address, ...fresh, digest, [side]: world }, "take");
});

/** Say something that is no error. */
export function notify(text) {
  state.notices = text ? [text] : [];
  publish();
}

/** Show an error. */
export function complain(text) {
  state.error = text;
  publish();
}
