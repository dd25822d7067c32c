// SPDX-License-Identifier: Apache-2.0
// The middle of the page: what the last step did, and the machine, or two machines beside each other.

import { el, readableText } from "../dom.js";
import { drawMachine } from "../machine.js";
import { drawField } from "../machinevalue.js";
import { goTo, state } from "./store.js";

const lastBox = document.getElementById("x-last");
const leftHost = document.getElementById("x-left");
const rightHost = document.getElementById("x-right");
const leftTitle = document.getElementById("x-left-title");
const rightTitle = document.getElementById("x-right-title");
const partedBox = document.getElementById("x-parted");
const MOST_CHANGES = 8;

const oldValues = (taken) => Object.fromEntries(Object.entries(taken?.changes ?? {}).map(([name, [old]]) => [name, old]));

function drawChanges(taken, notes) {
  const all = Object.entries(taken.changes);
  if (!all.length) return el("p", { class: "muted small", text: "No field changed: the step is there for its place and its context." });
  const shown = all.slice(0, MOST_CHANGES).map(([name, [old, now]]) => {
    const note = notes.get(name) ?? { name, legal: "", doc: "" };
    return el("li", {}, el("code", { text: name }), " ", drawField(note, now, { was: old }));
  });
  const more = all.length - shown.length;
  return el("ul", { class: "x-changes m-owners" }, shown, more > 0 ? el("li", { class: "muted", text: `and ${more} more, marked below` }) : null);
}

function drawTurns(taken) {
  const sentences = new Map(state.world.properties.map((each) => [each.name, each.sentence]));
  const line = (kind, word) => (name) => el("p", { class: kind }, el("b", { text: word }), " ", sentences.get(name) || name);
  return [...taken.breaks.map(line("x-breaks", "Breaks:")), ...taken.mends.map(line("x-mends", "True again:"))];
}

function drawStart() {
  return [el("p", { class: "x-last-head" }, el("b", { text: "The start" }),
    el("span", { class: "muted", text: "Choose what happens first: Enter takes the marked move, ? shows all keys." }))];
}

function drawTaken(taken, number, notes) {
  const { move } = taken;
  const held = Object.entries(move.arguments).map(([name, value]) => `${name}=${value}`).join(" ");
  const where = [move.interrupted ? `upon ${move.interrupted}` : "", ...move.context].filter(Boolean).join(", ");
  return [
    el("p", { class: "x-last-head" },
      el("span", { class: "muted", text: `Step ${number}` }),
      el("span", { class: `x-lane-name lane-${move.lane}`, text: state.catalog.lanes[move.lane] ?? move.lane }),
      el("b", { class: "x-last-name", text: held ? `${move.step} ${held}` : move.step }),
      where ? el("span", { class: "muted small", text: where }) : null),
    el("p", { class: "small" }, move.summary, move.summary && " ",
      el("span", { class: "muted code x-origin", text: [move.source, move.code].filter(Boolean).join(" · ") })),
    drawChanges(taken, notes),
    drawTurns(taken),
  ];
}

function drawOne(host, world, moment, taken, differs) {
  drawMachine(host, { fields: world.fields, groups: state.catalog.groups, lanes: state.catalog.lanes,
    values: moment.values, standing: moment.standing, before: oldValues(taken), differs });
}

const worldTitle = ({ scenario, kernel, platform }) => [scenario, kernel, platform].join(" · ");

function drawSecond() {
  const both = state.lockstep;
  document.body.classList.toggle("x-two", Boolean(both));
  for (const part of [rightHost, leftTitle, rightTitle, partedBox]) part.hidden = !both;
  if (!both) return;
  leftTitle.textContent = readableText(worldTitle(state.world));
  rightTitle.textContent = readableText(worldTitle(state.otherWorld));
  const differs = both.differs.map((each) => each.field);
  drawOne(rightHost, state.otherWorld, both.right.moment, both.right.steps.at(-1), [...differs, ...both.only_right]);
  const parting = both.parted ?? both.softly;
  partedBox.className = both.parted ? "x-notice x-part x-parted" : "x-notice x-part";
  partedBox.replaceChildren(el("p", {}, partedText(both)),
    parting ? el("button", { type: "button", text: "Go there", on: { click: () => goTo(leftCount(both, parting.at)) } }) : "");
}

// Steps of the left world up to and with a pair.
const leftCount = (both, at) => both.pairs.slice(0, at + 1).filter((pair) => pair.left !== null).length;

function partedText(both) {
  const now = both.differs.map((each) => each.field);
  const rest = now.length ? ` Here they differ in ${now.join(", ")}.` : " Here every field that both have is equal.";
  if (both.parted) return `They part at step ${leftCount(both, both.parted.at)}: ${both.parted.why}`;
  if (both.softly) {
    return `In lockstep; values begin to differ at step ${leftCount(both, both.softly.at)}: ${both.softly.fields.join(", ")}.${rest}`;
  }
  return `In lockstep.${rest}`;
}

/** Draw the last step and the machines. */
export function drawStage() {
  if (!state.here || !state.world) return;
  const { at } = state.address;
  const taken = at > 0 ? state.trail.steps[at - 1] : undefined;
  const notes = new Map(state.world.fields.map((note) => [note.name, note]));
  lastBox.className = taken?.breaks.length ? "x-last x-last-bad" : "x-last";
  lastBox.replaceChildren(...(taken ? drawTaken(taken, at, notes) : drawStart()).flat());
  const both = state.lockstep;
  const differs = both ? [...both.differs.map((each) => each.field), ...both.only_left] : [];
  drawOne(leftHost, state.world, state.here.moment, taken, differs);
  drawSecond();
}
