// SPDX-License-Identifier: Apache-2.0
// A page with stories: the state at the step under the pointer, or at the one that arrow keys have chosen.

import { el } from "./dom.js";
import { drawMachine } from "./machine.js";
import { stateAfter } from "./storystate.js";
import { filterSteps } from "./stepfilter.js";
import { copyAddress, switchTheme } from "./theme.js";

const NARROW = "(max-width: 66rem)";
const stories = JSON.parse(document.getElementById("data").textContent);
const spoken = document.querySelector("[data-said]");
const say = (words) => { spoken.textContent = words; };

function wordsOf(step) {
  const what = step?.summary || "Nothing that is modelled changes.";
  return step ? [what, step.code && el("code", { class: "muted", text: step.code })] : ["Before the first step."];
}

function verdictOf(state) {
  if (state.broken.length) return { class: "broken", text: `Broken here: ${state.broken.join(", ")}` };
  if (state.atRisk) return { class: "risk", text: "The property is at risk here." };
  return { class: "calm", text: "Every property holds here." };
}

// The state panel of one story; however many steps pass in one frame, the last of them is drawn.
function showState(player, number) {
  if (player.shown === number) return;
  if (!player.waiting) requestAnimationFrame(() => drawState(player));
  Object.assign(player, { shown: number, waiting: true });
}

function drawState(player) {
  const { story, panel, shown: number } = player;
  player.waiting = false;
  const step = story.steps[number - 1];
  const state = stateAfter(story, number);
  const part = (name) => panel.querySelector(`[data-${name}]`);
  part("title").replaceChildren(number ? `After step ${number}` : "At the start", " ",
    el("code", { text: step?.name ?? "" }));
  part("words").replaceChildren(...wordsOf(step).flatMap((each) => (each ? [each, " "] : [])));
  const verdict = verdictOf(state);
  part("verdict").className = `state-verdict ${verdict.class}`;
  part("verdict").textContent = verdict.text;
  panel.querySelector('[data-go="-1"]').disabled = number === 0;
  panel.querySelector('[data-go="1"]').disabled = number === story.steps.length;
  drawMachine(part("machine"), {
    fields: part("moving").checked ? player.moving : story.fields,
    groups: story.groups, lanes: story.lanes, values: state.values, before: state.before, standing: state.standing,
  });
}

function mark(player, number) {
  player.rows[player.chosen ?? 0].removeAttribute("aria-current");
  player.chosen = number;
  if (number !== null) player.rows[number].setAttribute("aria-current", "step");
}

// Arrow keys belong to one story; where there is little room, so does the foot of the window.
function makeActive(player) {
  active?.panel.classList.remove("current");
  active = player;
  player.panel.classList.add("current");
}

function choose(player, number, { scroll = true, address = true } = {}) {
  mark(player, number);
  showState(player, number);
  makeActive(player);
  if (scroll) player.rows[number].scrollIntoView({ block: "nearest" });
  if (address) history.replaceState(null, "", `#${player.rows[number].id}`);
}

// The next step in a direction that is not hidden.
function neighbor(player, direction) {
  const from = player.chosen ?? (direction > 0 ? 0 : player.rows.length);
  for (let at = from + direction; at >= 0 && at < player.rows.length; at += direction) {
    if (!player.rows[at].classList.contains("hidden")) return at;
  }
  return player.chosen ?? from;
}

function tell(player, number) {
  const step = player.story.steps[number - 1];
  const changes = Object.entries(step?.changes ?? {}).map(([name, [was, is]]) => `${name}: ${was} to ${is}`);
  say(step ? `Step ${number}: ${step.name}. ${changes.join(", ") || "Nothing changes."}` : "The start.");
}

function walk(player, number) {
  choose(player, number);
  tell(player, number);
}

const MOVES = {
  ArrowDown: (player) => neighbor(player, 1),
  j: (player) => neighbor(player, 1),
  ArrowUp: (player) => neighbor(player, -1),
  k: (player) => neighbor(player, -1),
  Home: () => 0,
  End: (player) => player.story.steps.length,
};

function onKey(event) {
  const busy = event.target.closest?.("input, select, textarea");
  if (busy || !active || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const move = MOVES[event.key];
  if (!move) return;
  event.preventDefault();
  walk(active, move(active));
}

// A page that scrolls below a resting pointer is no sign of the pointer's.
function onPointer(player, event) {
  if (event.pointerType === "touch" || (event.clientX === player.x && event.clientY === player.y)) return;
  Object.assign(player, { x: event.clientX, y: event.clientY });
  const row = event.target.closest("[data-step]");
  if (row) showState(player, Number(row.dataset.step));
}

function onClick(player, event) {
  const row = event.target.closest("[data-step]");
  if (!row || String(getSelection())) return;
  if (event.target.closest("a")) event.preventDefault();
  walk(player, Number(row.dataset.step));
}

function fold(player) {
  const folded = player.panel.classList.toggle("folded");
  player.panel.querySelector("[data-fold]").setAttribute("aria-expanded", String(!folded));
}

function newPlayer(story, index) {
  const section = document.querySelector(`[data-story="${index}"]`);
  const panel = document.querySelector(`[data-state="${index}"]`);
  const steps = new Set(story.steps.flatMap((step) => Object.keys(step.changes)));
  const player = { story, panel, chosen: null, shown: null, moving: story.fields.filter((each) => steps.has(each.name)),
    rows: [...section.querySelectorAll("[data-step]")] };
  story.steps.forEach((step, at) => { step.event = player.rows[at + 1].classList.contains("event"); });
  const list = section.querySelector(".steps");
  list.addEventListener("pointermove", (event) => onPointer(player, event));
  list.addEventListener("pointerleave", () => showState(player, player.chosen ?? story.steps.length));
  list.addEventListener("click", (event) => onClick(player, event));
  panel.querySelector("[data-moving]").addEventListener("change", () => {
    const number = player.shown;
    player.shown = null;
    showState(player, number);
  });
  panel.querySelector("[data-fold]").addEventListener("click", () => fold(player));
  for (const button of panel.querySelectorAll("[data-go]")) {
    button.addEventListener("click", () => {
      walk(player, neighbor(player, Number(button.dataset.go)));
    });
  }
  panel.hidden = false;
  panel.classList.toggle("folded", matchMedia(NARROW).matches);
  showState(player, story.steps.length);
  return player;
}

function followAddress() {
  for (const player of players) {
    const number = player.rows.findIndex((row) => row.id === location.hash.slice(1));
    if (number >= 0) {
      choose(player, number, { address: false });
      return;
    }
  }
}

const players = stories.map(newPlayer);
let active = null;
if (players.length === 1) makeActive(players[0]);
const tools = document.querySelector("[data-tools]");
tools.hidden = false;
filterSteps(tools, players);
copyAddress(tools.querySelector('[data-do="link"]'), say);
switchTheme(tools.querySelector('[data-do="theme"]'));
document.addEventListener("keydown", onKey);
addEventListener("hashchange", followAddress);
followAddress();
