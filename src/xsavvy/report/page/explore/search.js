// SPDX-License-Identifier: Apache-2.0
// A search in the background: its progress, a way to end it, and the path that it finds.

import { el } from "../dom.js";
import { pathText } from "./address.js";
import { askSearch, beginSearch, endSearch } from "./api.js";
import { openPath, state } from "./store.js";

const searchBox = document.getElementById("x-search");
const ASK_AGAIN = 250;
let current = 0;

const counted = (number) => Number(number).toLocaleString("en-US");
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function tell(title, text, button) {
  searchBox.hidden = false;
  searchBox.replaceChildren(el("p", {}, el("b", { text: title })), el("p", { class: "small", role: "status", text }), button ?? "");
}

const closeButton = () => el("button", { type: "button", text: "Close", on: { click: () => { searchBox.hidden = true; } } });

function progressText({ states = 0, depth = 0, seconds = 0 }) {
  return `${counted(states)} states, depth ${counted(depth)}, ${Number(seconds).toFixed(1)} s`;
}

const VERDICTS = {
  holds: "It holds in every state that can follow.",
  unseen: "No state that can follow is so.",
  incomplete: "The search reached its limit and found nothing until there.",
};

function finish(name, answer) {
  if (answer.state === "failed") return tell(name, answer.error, closeButton());
  if (VERDICTS[answer.verdict]) {
    return tell(name, `${VERDICTS[answer.verdict]} (${progressText(answer)})`, closeButton());
  }
  openPath(answer.path);
  return tell(name, `Found: ${answer.path.length} steps, the fewest there are. This is the last; go back with ← or Home.`, closeButton());
}

async function follow(job, name, turn, cancel) {
  for (;;) {
    const answer = await askSearch(job);
    if (turn !== current) return;
    if (answer.state !== "running") {
      finish(name, answer);
      return;
    }
    const status = searchBox.querySelector("[role=status]");
    if (status) status.textContent = progressText(answer);
    else tell(name, progressText(answer), cancel);
    await pause(ASK_AGAIN);
  }
}

/** Search the present world for { property } or { witness }, from the start or from here, and load what is found. */
export async function startSearch(wanted, fromHere = false) {
  const { world, path, at } = state.address;
  current += 1;
  const turn = current;
  const name = wanted.property ?? wanted.witness;
  searchBox.scrollIntoView({ block: "nearest" });
  try {
    tell(name, "Searching…");
    const { job } = await beginSearch(world, { ...wanted, path: pathText(fromHere ? path.slice(0, at) : []) });
    const cancel = el("button", { type: "button", text: "Cancel", on: { click: () => cancelSearch(job, name) } });
    tell(name, "Searching…", cancel);
    await follow(job, name, turn, cancel);
  } catch (error) {
    if (turn === current) tell(name, error.message, closeButton());
  }
}

async function cancelSearch(job, name) {
  current += 1;
  await endSearch(job).catch(() => {});
  tell(name, "The search was ended.", closeButton());
}
