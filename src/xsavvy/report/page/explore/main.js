// SPDX-License-Identifier: Apache-2.0
// The explorer: draws everything after each change, and joins the buttons to what they do.

import { el, readableText } from "../dom.js";
import { switchTheme } from "../theme.js";
import { writeAddress } from "./address.js";
import { listenToKeys, showHelp } from "./keys.js";
import { drawMoves } from "./moves.js";
import { drawPath } from "./path.js";
import { drawProperties } from "./properties.js";
import { drawStage } from "./stage.js";
import { begin, complain, goTo, hostStep, notify, openLink, run, state, subscribe } from "./store.js";
import { drawWorlds, toggleCompare } from "./worlds.js";

const byId = (id) => document.getElementById(id);
const errorBox = byId("x-error");
const noticeBox = byId("x-notices");

function drawMessages() {
  errorBox.hidden = !state.error;
  errorBox.textContent = readableText(state.error);
  noticeBox.replaceChildren(...state.notices.map((text) => el("p", { class: "x-notice", text })));
}

function drawButtons() {
  const { at, path, other } = state.address;
  byId("x-undo").disabled = at === 0;
  byId("x-redo").disabled = at >= path.length;
  byId("x-next").disabled = (state.here?.host ?? null) === null;
  byId("x-compare").setAttribute("aria-pressed", String(Boolean(other)));
  document.title = state.world ? `${state.world.scenario} step ${at} - xsavvy explore` : "xsavvy explore";
}

function drawAll() {
  document.body.classList.toggle("x-busy", state.busy);
  document.body.dataset.at = state.address.at;
  drawMessages();
  drawWorlds();
  drawButtons();
  drawStage();
  drawMoves();
  drawProperties();
  drawPath();
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    notify(`${what} copied.`);
  } catch {
    complain(`The browser does not let a page copy; ${what.toLowerCase()}: ${text}`);
  }
}

// A file may have any name; a shell must read it as one word.
const shellWord = (text) => (/^[\w./+:@%=,-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`);

function commandText() {
  const { patch, dump } = state.catalog ?? {};
  const options = [patch ? ["--patch", shellWord(patch)] : [],
    dump && state.address.world.platform === dump ? ["--platform", shellWord(dump)] : []].flat();
  return ["xsavvy explore", ...options, `'${writeAddress(state.address)}'`].join(" ");
}

function joinButtons() {
  const clicks = {
    "x-undo": () => goTo(({ at }) => at - 1),
    "x-redo": () => goTo(({ at }) => at + 1),
    "x-next": () => hostStep(),
    "x-run": () => run("guest"),
    "x-turn": () => run("property"),
    "x-compare": () => toggleCompare(),
    "x-copy-link": () => copy(location.href.split("#")[0] + writeAddress(state.address), "Link"),
    "x-copy-command": () => copy(commandText(), "Command"),
    "x-help-button": showHelp,
  };
  for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener("click", action);
  switchTheme(byId("x-theme"));
}

// What stands there until now is for readers without a script.
byId("x-question").replaceChildren();
subscribe(drawAll);
joinButtons();
listenToKeys();
// Back, forward and an address that somebody types: all are this event.
addEventListener("popstate", openLink);
begin();
