// SPDX-License-Identifier: Apache-2.0
// Which steps are shown: all, those that change something, those that change one field.

import { el } from "./dom.js";
import { changedFields } from "./storystate.js";

function isShown(step, story, { changing, field }) {
  if (step.breaks.includes(story.property)) return true;
  const names = Object.keys(step.changes);
  if (field) return names.includes(field);
  return !changing || names.length > 0 || step.event;
}

function applyFilter(players, wanted) {
  for (const { story, rows } of players) {
    let skipped = 0;
    rows.forEach((row, number) => {
      const shown = number === 0 || isShown(story.steps[number - 1], story, wanted);
      row.classList.toggle("hidden", !shown);
      row.removeAttribute("data-skipped");
      if (shown && skipped) row.dataset.skipped = `${skipped} hidden`;
      skipped = shown ? 0 : skipped + 1;
    });
  }
}

function pressed(button) {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  return on;
}

/** Make the tools hide steps; `players` have a story and the elements of its rows, the start first. */
export function filterSteps(tools, players) {
  const wanted = { changing: false, field: "" };
  const select = tools.querySelector('[data-do="field"]');
  for (const [name, count] of changedFields(players.map((each) => each.story))) {
    select.append(el("option", { value: name, text: `only ${name} (${count})` }));
  }
  select.addEventListener("change", () => {
    wanted.field = select.value;
    applyFilter(players, wanted);
  });
  tools.querySelector('[data-do="changing"]').addEventListener("click", (event) => {
    wanted.changing = pressed(event.currentTarget);
    applyFilter(players, wanted);
  });
  tools.querySelector('[data-do="brief"]').addEventListener("click", (event) => {
    document.body.classList.toggle("brief", pressed(event.currentTarget));
  });
}
