// SPDX-License-Identifier: Apache-2.0
// Properties and witnesses: their sentences, whether they are true here and since when, and a search for each.

import { el } from "../dom.js";
import { brokenSince } from "./path.js";
import { startSearch } from "./search.js";
import { goTo, state } from "./store.js";

const propertyList = document.getElementById("x-property-list");
const witnessList = document.getElementById("x-witness-list");
const propertyCount = document.getElementById("x-property-count");

function sinceButton(since) {
  if (since === null) return null;
  const text = since === 0 ? "from the start" : `since step ${since}`;
  return el("button", { type: "button", class: "x-link", text, on: { click: () => goTo(since) } });
}

function searchButtons(label, what, wanted) {
  const here = state.address.at > 0
    ? el("button", { type: "button", class: "x-link", text: "from here", title: "Search what can follow from this step",
      "aria-label": `${label} from here: ${what}`, on: { click: () => startSearch(wanted, true) } })
    : null;
  return el("span", { class: "x-show" }, el("button", { type: "button", class: "x-link", text: label, "aria-label": `${label}: ${what}`,
    on: { click: () => startSearch(wanted) } }), here);
}

function drawStatement({ name, sentence, source }, status, since, button) {
  return el("li", { class: `x-statement x-${status.kind}`, data: { name } },
    el("p", { class: "x-sentence", text: sentence || name }),
    el("p", { class: "x-statement-foot" },
      el("span", { class: "x-status", text: status.text }), since,
      el("code", { text: name, title: source || null }), button));
}

function drawProperty(each, broken, rightBroken) {
  const here = broken.includes(each.name);
  const there = rightBroken?.includes(each.name);
  const words = rightBroken
    ? { kind: here || there ? "broken" : "holds",
      text: here === there ? (here ? "✗ broken on both sides" : "✓ holds on both sides") : here ? "✗ broken on the left" : "✗ broken on the right" }
    : { kind: here ? "broken" : "holds", text: here ? "✗ broken" : "✓ holds" };
  return drawStatement(each, words, here ? sinceButton(brokenSince(state.trail, state.address.at, each.name)) : null,
    searchButtons("Show a counterexample", each.name, { property: each.name }));
}

/** Draw both lists for the present moment; what is broken stands first. */
export function drawProperties() {
  if (!state.here || !state.world) return;
  const broken = state.here.moment.broken;
  const right = state.lockstep ? state.lockstep.right.moment.broken : null;
  const bad = (each) => broken.includes(each.name) || Boolean(right?.includes(each.name));
  const sorted = [...state.world.properties].sort((one, other) => Number(bad(other)) - Number(bad(one)));
  const count = sorted.filter(bad).length;
  propertyCount.textContent = count ? `${count} broken` : "all hold here";
  propertyCount.className = count ? "x-badge x-bad" : "x-badge";
  propertyList.replaceChildren(...sorted.map((each) => drawProperty(each, broken, right)));
  witnessList.replaceChildren(...state.world.witnesses.map((each) => {
    const seen = state.here.moment.seen.includes(each.name);
    return drawStatement(each, { kind: seen ? "seen" : "unseen", text: seen ? "● so here" : "○ not so here" }, null,
      searchButtons("Show me", each.name, { witness: each.name }));
  }));
}

/** Move the keyboard to the properties. */
export function focusProperties() {
  propertyList.focus();
  propertyList.scrollIntoView({ block: "nearest" });
}
