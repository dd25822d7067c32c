// SPDX-License-Identifier: Apache-2.0
// The path so far: one row for each step, with a rail for each lane, and what broke where.

import { el } from "../dom.js";
import { goTo, state } from "./store.js";

const pathList = document.getElementById("x-path");
const pathCount = document.getElementById("x-path-count");
let drawn = { steps: [], rows: [], lanes: null, compared: false };

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

// Where there is little room, the function's name gives way to the step's.
function nameParts(name) {
  const dot = /^[^\s.]*\./.exec(name)?.[0] ?? "";
  return [dot ? el("span", { class: "x-of", text: dot }) : null, el("span", { class: "x-what", text: name.slice(dot.length) })];
}

function drawRow(number, lanes, { lane, title, name, turn, unlike, beside }) {
  return el("li", {}, el("button", { type: "button", class: "x-row", title, on: { click: () => goTo(number) } },
    el("span", { class: "x-number", text: number }), railOf(lane, lanes),
    el("span", { class: "x-step" }, nameParts(name)), turn ?? null, unlike ?? null), beside ?? null);
}

const aside = (text, title) => el("span", { class: "x-alone", title, text });

// What the other world did at the same time: another step, none, or steps that the left world lacks.
function besideOf(number) {
  const both = state.lockstep;
  const index = both?.pairs.findIndex((pair) => pair.left === number - 1) ?? -1;
  if (index < 0) return {};
  const { right, differs } = both.pairs[index];
  const stepOf = (at) => both.right.steps[at]?.move.step ?? "";
  const found = [];
  if (right === null) found.push(aside("left only"));
  else if (stepOf(right) !== state.trail.steps[number - 1].move.step) found.push(aside(`right: ${stepOf(right)}`));
  for (let next = index + 1; next < both.pairs.length && both.pairs[next].left === null; next += 1) {
    found.push(aside(`right only: ${stepOf(both.pairs[next].right)}`));
  }
  return {
    unlike: differs.length
      ? el("span", { class: "x-unlike", title: `differ after it: ${differs.join(", ")}`, text: `≠ ${differs.length}` }) : null,
    beside: found.length ? el("span", { class: "x-beside" }, found) : null,
  };
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

// Rows are kept while their steps are the same, so that a long path costs no more than a short one.
function rowsOf({ steps }, at, names) {
  const used = Object.keys(names).filter((lane) => steps.some((taken) => taken.move.lane === lane));
  const reusable = !state.lockstep && !drawn.compared && used.join() === drawn.lanes;
  const rows = steps.map((taken, index) => (reusable && drawn.steps[index] === taken ? drawn.rows[index + 1] : drawRow(
    index + 1, used, { ...describeTaken(taken, names), ...(index < at ? besideOf(index + 1) : {}) })));
  const start = reusable ? drawn.rows[0] : drawRow(0, used, { name: "start", title: "where everything begins" });
  drawn = { steps, rows: [start, ...rows], lanes: used.join(), compared: Boolean(state.lockstep) };
  return drawn.rows;
}

function markRow(row, number, at) {
  const button = row.firstElementChild;
  button.classList.toggle("x-later", number > at);
  if (number === at) button.setAttribute("aria-current", "step");
  else button.removeAttribute("aria-current");
}

/** Draw the rows. */
export function drawPath() {
  const { at, path } = state.address;
  const held = pathList.contains(document.activeElement);
  const before = drawn.rows;
  const rows = rowsOf(state.trail, at, state.catalog?.lanes ?? {});
  rows.forEach((row, number) => markRow(row, number, at));
  pathCount.textContent = at === path.length ? `${at}` : `${at} of ${path.length}`;
  const same = before.findIndex((row, number) => row !== rows[number]);
  for (const old of same < 0 ? [] : before.slice(same)) old.remove();
  pathList.append(...rows.slice(same < 0 ? before.length : same));
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
