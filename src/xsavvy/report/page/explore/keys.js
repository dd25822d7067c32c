// SPDX-License-Identifier: Apache-2.0
// The keyboard: every key, and where it does not count.

import { chooseMove, focusFilter, takeShown } from "./moves.js";
import { focusProperties } from "./properties.js";
import { goTo, hostStep, run } from "./store.js";
import { toggleCompare } from "./worlds.js";

const helpDialog = document.getElementById("x-help");

const KEYS = {
  ArrowUp: () => chooseMove(-1),
  ArrowDown: () => chooseMove(1),
  Enter: () => takeShown(),
  Backspace: () => goTo(({ at }) => at - 1),
  ArrowLeft: () => goTo(({ at }) => at - 1),
  ArrowRight: () => goTo(({ at }) => at + 1),
  Home: () => goTo(0),
  End: () => goTo(({ path }) => path.length),
  " ": () => hostStep(),
  n: () => hostStep(),
  g: () => run("guest"),
  e: () => run("event"),
  t: () => run("property"),
  "/": () => focusFilter(),
  p: () => focusProperties(),
  c: () => toggleCompare(),
  l: () => document.getElementById("x-copy-link").click(),
  "?": () => helpDialog.showModal(),
};

// Enter and Space belong to a button that has the focus, and letters to a text field.
function belongsElsewhere(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  if (document.querySelector("dialog[open]")) return true;
  const typing = event.target.closest?.("input, select, textarea");
  const pressing = event.target.closest?.("button, a, summary") && (event.key === "Enter" || event.key === " ");
  return Boolean(typing || pressing);
}

/** Listen to the keyboard. */
export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (belongsElsewhere(event)) return;
    const action = /^[1-9]$/.test(event.key) ? () => takeShown(Number(event.key) - 1) : KEYS[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

export const showHelp = () => helpDialog.showModal();
