// SPDX-License-Identifier: Apache-2.0
// What can happen here: the host's next step, then every event by lane, with what each would break.

import { el } from "../dom.js";
import { drawToken } from "../machinevalue.js";
import { state, take } from "./store.js";

const moveList = document.getElementById("x-move-list");
const moveFilter = document.getElementById("x-filter");
const moveCount = document.getElementById("x-move-count");
let chosen = 0;
let shownMoves = [];
let drawnFor = null;

function fits(move, words) {
  const text = [move.step, move.actor, move.summary, move.source, ...Object.values(move.arguments)].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Sort moves for the list: the host's next step first, then lane by lane, each in the model's order. */
export function inOrder(moves, lanes, host) {
  const rank = Object.keys(lanes);
  const group = (move) => (move.rule === host ? -1 : rank.indexOf(move.lane) + (move.event ? 0 : 0.5));
  return [...moves].sort((one, other) => group(one) - group(other) || moves.indexOf(one) - moves.indexOf(other));
}

function argumentsOf(move) {
  const note = (text) => ({ name: "", legal: /^(0x|\d)/.test(text) ? "" : `one of init, ${text}` });
  return Object.entries(move.arguments).map(([name, text]) =>
    el("span", { class: "x-argument" }, name === "value" ? null : el("span", { class: "muted", text: name }), drawToken(note(text), text)));
}

function drawMove(move, index) {
  const origin = [move.source, move.code].filter(Boolean).join(" · ");
  return el("li", {},
    el("button", { type: "button", class: `x-move lane-${move.lane}`, data: { index, rule: move.rule },
      "aria-current": index === chosen ? "true" : null, on: { click: () => take(move.rule) } },
    el("span", { class: "x-move-head" },
      el("b", { text: move.step }), argumentsOf(move),
      move.inferred ? el("span", { class: "x-tag", title: "This rule was inferred, not read.", text: "inferred" }) : null,
      index < 9 ? el("kbd", { "aria-hidden": "true", text: index + 1 }) : null),
    move.breaks.length ? el("span", { class: "x-breaks", text: `breaks ${move.breaks.join(", ")}` }) : null,
    move.summary && el("span", { class: "x-move-text", text: move.summary }),
    el("span", { class: "x-move-more" }, move.interrupted ? `comes upon ${move.interrupted}` : null,
      move.context.length ? el("span", { text: move.context.join(", ") }) : null,
      origin ? el("span", { class: "code", text: origin }) : null)));
}

function headingOf(move, lanes) {
  return move.rule === state.here.host ? "The host goes on" : lanes[move.lane] ?? move.lane;
}

function drawGroups(moves, lanes) {
  const groups = [];
  moves.forEach((move, index) => {
    const title = headingOf(move, lanes);
    if (groups.at(-1)?.title !== title) groups.push({ title, lane: move.lane, items: [] });
    groups.at(-1).items.push(drawMove(move, index));
  });
  return groups.map(({ title, lane, items }) => el("section", { "aria-label": title },
    el("h3", { class: `x-lane lane-${lane}`, text: title }), el("ul", {}, items)));
}

function emptyText() {
  if (state.here?.moment.over) return "It is over: nothing happens any more.";
  return moveFilter.value ? "No move fits the filter." : "Nothing can happen here.";
}

/** Draw the list for the present moment. */
export function drawMoves() {
  if (!state.here) return;
  const lanes = state.catalog.lanes;
  const words = moveFilter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const held = moveList.contains(document.activeElement);
  if (drawnFor !== state.here) chosen = 0;
  drawnFor = state.here;
  const all = inOrder(state.here.moves, lanes, state.here.host);
  shownMoves = all.filter((move) => fits(move, words));
  chosen = Math.min(chosen, Math.max(0, shownMoves.length - 1));
  moveCount.textContent = words.length ? `${shownMoves.length} of ${all.length}` : `${all.length}`;
  moveList.replaceChildren(...(shownMoves.length ? drawGroups(shownMoves, lanes) : [el("p", { class: "muted", text: emptyText() })]));
  if (held) moveButton(chosen)?.focus();
}

const moveButton = (index) => moveList.querySelector(`[data-index="${index}"]`);

/** Choose the move above (-1) or below (1) the chosen one. */
export function chooseMove(step) {
  if (!shownMoves.length) return;
  moveButton(chosen)?.removeAttribute("aria-current");
  chosen = (chosen + step + shownMoves.length) % shownMoves.length;
  const button = moveButton(chosen);
  button.setAttribute("aria-current", "true");
  button.scrollIntoView({ block: "nearest" });
  if (moveList.contains(document.activeElement)) button.focus({ preventScroll: true });
}

/** Take the chosen move, or the one with a number of the list. */
export function takeShown(index = chosen) {
  const move = shownMoves[index];
  if (move) take(move.rule);
}

/** Put the cursor into the filter. */
export function focusFilter() {
  moveFilter.focus();
  moveFilter.select();
}

moveFilter.addEventListener("input", drawMoves);
moveFilter.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    moveFilter.value = "";
    drawMoves();
    moveFilter.blur();
  } else if (event.key === "Enter") {
    takeShown();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    chooseMove(event.key === "ArrowDown" ? 1 : -1);
  } else return;
  event.preventDefault();
  event.stopPropagation();
});
