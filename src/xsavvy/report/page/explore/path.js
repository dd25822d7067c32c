// SPDX-License-Identifier: Apache-2.0
// The path so far: one row for each step, with a rail for each lane, and what broke where.

import { el } from "../dom.js";
import { goTo, state } from "./store.js";

const pathList = document.getElementById("x-path");
const pathCount = document.getElementById("x-path-count");

/** Return since which step a property has been broken at a place, 0 for the start; null where it holds. */
export function brokenSince(trail, at, name) {
  for (let step = at; step > 0; step -= 1) {
    if (trail.steps[step - 1]?.breaks.includes(name)) return step;
    if (trail.steps[step - 1]?.mends.includes(name)) return null;
  }
  return trail.start?.broken.includes(name) ? 0 : null;
}

function railOf(lane, lanes) {
  return el("span", { class: "x-rail", "aria-hidden": "true" },
    lanes.map((each) => el("span", { class: each === lane ? `x-dot lane-${each}` : "" })));
}

function turnOf(taken) {
  const broke = taken.breaks.length ? el("span", { class: "x-broke", title: `breaks ${taken.breaks.join(", ")}`, text: "breaks" }) : null;
  const mended = taken.mends.length ? el("span", { class: "x-mended", title: `mends ${taken.mends.join(", ")}`, text: "mends" }) : null;
  return [broke, mended];
}

function drawRow(number, at, lanes, { lane, title, name, turn, beside }) {
  const classes = ["x-row", number > at ? "x-later" : "", beside ? "x-paired" : ""].filter(Boolean).join(" ");
  return el("li", {}, el("button", { type: "button", class: classes, "aria-current": number === at ? "step" : null,
    title, on: { click: () => goTo(number) } },
  el("span", { class: "x-number", text: number }), railOf(lane, lanes),
  el("span", { class: "x-step", text: name }), beside ?? null, turn ?? null));
}

// Beside the left step stands what the other world did at the same time.
function besideOf(number) {
  if (!state.lockstep) return [];
  const pairs = state.lockstep.pairs;
  const index = pairs.findIndex((pair) => pair.left === number - 1);
  if (index < 0) return [];
  const stepOf = (pair) => state.lockstep.right.steps[pair.right]?.move.step;
  const after = [];
  for (let next = index + 1; next < pairs.length && pairs[next].left === null; next += 1) after.push(stepOf(pairs[next]));
  const right = pairs[index].right === null ? null : stepOf(pairs[index]);
  const only = right === null ? el("span", { class: "x-alone", text: "left only" }) : null;
  return [only, ...after.map((step) => el("span", { class: "x-alone", text: `right only: ${step}` }))];
}

function describeTaken(taken, lanes) {
  const held = Object.entries(taken.move.arguments).map(([name, value]) => `${name}=${value}`).join(" ");
  return {
    lane: taken.move.lane,
    name: held ? `${taken.move.step} ${held}` : taken.move.step,
    title: [`${lanes[taken.move.lane] ?? taken.move.lane}: ${taken.move.step}`, taken.move.summary, taken.move.source]
      .filter(Boolean).join("\n"),
    turn: turnOf(taken),
  };
}

/** Draw the rows. */
export function drawPath() {
  const { at, path } = state.address;
  const names = state.catalog?.lanes ?? {};
  const used = Object.keys(names).filter((lane) => state.trail.steps.some((taken) => taken.move.lane === lane));
  const held = pathList.contains(document.activeElement);
  const rows = state.trail.steps.map((taken, index) => {
    const beside = state.address.other && index < at ? el("span", { class: "x-beside" }, besideOf(index + 1)) : undefined;
    return drawRow(index + 1, at, used, { ...describeTaken(taken, names), beside });
  });
  pathCount.textContent = at === path.length ? `${at}` : `${at} of ${path.length}`;
  pathList.replaceChildren(drawRow(0, at, used, { name: "start", title: "where everything begins" }), ...rows);
  const present = pathList.querySelector("[aria-current]");
  if (held) present?.focus({ preventScroll: true });
  keepInView(present);
}

// Scroll the list alone, never the page.
function keepInView(row) {
  if (!row) return;
  const list = pathList.getBoundingClientRect();
  const place = row.getBoundingClientRect();
  if (place.top < list.top) pathList.scrollTop -= list.top - place.top;
  else if (place.bottom > list.bottom) pathList.scrollTop += place.bottom - list.bottom;
}
