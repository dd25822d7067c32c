// SPDX-License-Identifier: Apache-2.0
// Which world is shown: scenario, kernel, platform and choices, for one side or two.

import { el, readableText } from "../dom.js";
import { makeCombobox } from "./combobox.js";
import { changeWorld, state } from "./store.js";

const worldsBox = document.getElementById("x-worlds");
const questionBox = document.getElementById("x-question");
const choiceDialog = document.getElementById("x-choices");
const choiceList = document.getElementById("x-choice-list");
const choiceFilter = document.getElementById("x-choice-filter");
const choiceTitle = document.getElementById("x-choice-title");
let drawnWorlds = [];
let choosingFor = "world";

const FREE = { kernel: "as typed; commits can be added and taken away, as in v6.18+b45f72177594" };

// The newest first; distributions' kernels, which have names of their own, after the releases.
function kernelsOf({ kernels, newest }) {
  const released = kernels.filter((name) => /^v\d/.test(name)).reverse();
  const others = kernels.filter((name) => !released.includes(name));
  return [...released, ...others].map((name) => ({ value: name, note: name === newest ? "newest" : "" }));
}

function optionsOf(catalog) {
  return {
    scenario: catalog.scenarios.map(({ name, question }) => ({ value: name, note: question })),
    kernel: kernelsOf(catalog),
    platform: catalog.platforms.map(({ name, title }) => ({ value: name, note: title })),
  };
}

function withShown(options, value) {
  return options.some((option) => option.value === value) ? options : [{ value, note: "" }, ...options];
}

function drawWorld(side, world, title) {
  const options = optionsOf(state.catalog);
  const box = (name, label) => makeCombobox({ label, value: world[name], free: FREE[name], options: withShown(options[name], world[name]),
    choose: (value) => changeWorld({ ...state.address[side], [name]: value }, side) });
  const count = Object.keys(world.set).length;
  return el("div", { class: "x-world", role: "group", "aria-label": title, data: { side } },
    state.address.other ? el("span", { class: "x-side", text: title }) : null,
    box("scenario", "Scenario"), box("kernel", "Kernel"), box("platform", "Platform"),
    el("button", { type: "button", class: "x-choose", "aria-haspopup": "dialog", text: count ? `Choices: ${count} set` : "Choices",
      on: { click: () => openChoices(side) } }));
}

function drawQuestion() {
  const { question, leaves_out: leaves, notes } = state.world;
  questionBox.replaceChildren(el("b", { text: question }),
    state.catalog.patch ? el("span", { class: "x-patched", text: `Patched by ${state.catalog.patch}` }) : "",
    leaves ? el("span", { class: "muted", text: `Leaves out: ${leaves}` }) : "",
    ...notes.map((note) => el("span", { class: "muted", text: note })));
}

/** Draw the choosers anew where a world has changed. */
export function drawWorlds() {
  if (!state.catalog || !state.world) return;
  const shown = [state.world, state.otherWorld, state.error];
  if (shown.every((each, index) => each === drawnWorlds[index])) return;
  drawnWorlds = shown;
  const held = worldsBox.contains(document.activeElement) ? focusedName() : null;
  worldsBox.replaceChildren(drawWorld("world", state.address.world, "Left"),
    state.address.other ? drawWorld("other", state.address.other, "Right") : "");
  if (held) worldsBox.querySelector(`[data-side="${held.side}"] [aria-label="${held.label}"]`)?.focus();
  drawQuestion();
  if (choiceDialog.open) drawChoices();
}

function focusedName() {
  const focused = document.activeElement;
  return { side: focused.closest("[data-side]")?.dataset.side ?? "world", label: focused.getAttribute("aria-label") ?? "" };
}

const describedWorld = () => (choosingFor === "other" ? state.otherWorld : state.world);

function setChoice(name, value) {
  const world = state.address[choosingFor];
  const chosen = { ...world.set };
  if (value === describedWorld().usual[name]) delete chosen[name];
  else chosen[name] = value;
  changeWorld({ ...world, set: chosen }, choosingFor);
}

function drawChoice({ name, question, values, answers }, world) {
  const now = world.choices[name];
  const usual = world.usual[name];
  const id = `x-choice-${name}`;
  return el("li", { class: now === usual ? null : "x-set" },
    el("label", { for: id }, el("code", { text: name }), el("span", { text: question })),
    el("select", { id, on: { change: (event) => setChoice(name, event.target.value) } },
      values.map((value) => el("option", { value, selected: value === now,
        text: value === usual ? `${value} (as in this kernel)` : value }))),
    answers?.[now] ? el("p", { class: "muted small", text: answers[now] }) : null);
}

function drawChoices() {
  const world = describedWorld();
  const words = choiceFilter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ name, question }) => words.every((word) => `${name} ${question}`.toLowerCase().includes(word));
  const known = state.catalog.choices.filter(({ name }) => name in world.choices);
  const held = choiceList.contains(document.activeElement) ? document.activeElement.id : null;
  choiceTitle.textContent = readableText(`Choices of ${world.scenario} on ${world.kernel}`);
  choiceList.replaceChildren(...known.filter(fits).map((choice) => drawChoice(choice, world)));
  if (held) document.getElementById(held)?.focus();
}

function openChoices(side) {
  choosingFor = side;
  choiceFilter.value = "";
  drawChoices();
  choiceDialog.showModal();
}

/** Put a second world beside the first, or take it away. */
export function toggleCompare() {
  const { other, world } = state.address;
  changeWorld(other ? null : { ...world, set: { ...world.set } }, "other").then(() => {
    if (!other) worldsBox.querySelector('[data-side="other"] [aria-label="Kernel"]')?.focus();
  });
}

choiceFilter.addEventListener("input", drawChoices);
document.getElementById("x-choice-reset").addEventListener("click", () =>
  changeWorld({ ...state.address[choosingFor], set: {} }, choosingFor));
