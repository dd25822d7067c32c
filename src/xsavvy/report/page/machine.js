// SPDX-License-Identifier: Apache-2.0
// The picture of the machine: who runs and what is masked, then a box for each place where values live.

import { el } from "./dom.js";
import { planMachine } from "./machineplan.js";
import { drawField, ownerOf, valueWords } from "./machinevalue.js";

// What an execution context masks, from the weakest to the strongest, in the words of the model.
const MASKS = ["bottom halves off", "preemption off", "interrupts off", "NMIs held"];
const RESTING = "rest";
const pictures = new WeakMap();

const inGuest = (standing) => standing.some((each) => each.runs && each.context.includes("guest mode"));

/** Return the actor that has the CPU: the innermost one that is not at rest. */
export function whoRuns(standing) {
  return standing.find((each) => each.runs && each.at !== RESTING) ?? standing.find((each) => each.runs);
}

function drawActor(each, lanes, lane, words) {
  const title = lanes[lane] ?? lane;
  const actor = lane !== each.lane || title.toLowerCase().includes(each.actor) ? "" : `${each.actor} `;
  return el("span", { class: "m-actor" }, el("span", { class: `m-lane lane-${lane}`, text: title }),
    el("span", { class: "m-at" }, actor, words, " ", el("code", { text: each.at })));
}

function drawStrip(standing, lanes) {
  const runner = whoRuns(standing);
  const guest = inGuest(standing);
  const held = runner?.context ?? [];
  const modes = held.filter((each) => !MASKS.includes(each));
  const waiting = standing.filter((each) => each !== runner && each.at !== RESTING);
  const masks = MASKS.map((mask, strength) => held.includes(mask)
    ? el("li", { class: `m-lamp m-lit m-lamp-${strength}`, text: mask })
    : el("li", { class: "m-lamp", "aria-hidden": "true", title: "not masked here", text: mask.replace(/ \w+$/, "") }));
  return el("div", { class: "m-strip" },
    el("div", { class: "m-now" },
      runner ? drawActor(runner, lanes, guest ? "guest" : runner.lane, guest ? "runs; next" : "before")
        : "Nobody runs.",
      modes.map((mode) => el("span", { class: "m-mode", text: mode }))),
    el("ul", { class: "m-lamps", "aria-label": "What is masked" }, masks),
    waiting.length
      ? el("div", { class: "m-waiting" }, waiting.map((each) => drawActor(each, lanes, each.lane, "waits before")))
      : null);
}

// While the guest runs, its registers should hold what it believes; a cache should equal its register at all times.
function unequalTo(box, row, column, note, picture) {
  const value = picture.values[note.name];
  const register = row.cache ? box.row(row.caches)?.cells[column.key]?.[0] : undefined;
  const acts = picture.guest && box.group === "hw" && column.key === picture.cpu && !row.software;
  const should = acts ? row.cells["should be"]?.find((cell) => !cell.word) : undefined;
  const other = [register, should].find((cell) => cell && picture.values[cell.note.name] !== value);
  return other ? `${other.note.name} is ${picture.values[other.note.name]}` : "";
}

function marksOf(box, row, column, note, picture) {
  const unequal = unequalTo(box, row, column, note, picture);
  if (unequal) picture.unequal.set(note.name, unequal);
  return [picture.differs.has(note.name) ? "m-differs" : "", unequal ? "m-unequal" : ""];
}

function drawCells(cells, picture, marks) {
  return cells.map(({ note, word }) => drawField(note, picture.values[note.name] ?? "",
    { was: picture.before[note.name], word, marks: marks(note) }));
}

function drawCell(box, row, column, picture) {
  const active = box.group === "hw" && column.key === picture.cpu;
  return el("td", { class: [`m-of-${column.kind}`, active ? "m-active" : ""].join(" ").trim() },
    drawCells(row.cells[column.key] ?? [], picture, (note) => marksOf(box, row, column, note, picture)));
}

function drawHead(box, column, picture) {
  const active = box.group === "hw" && column.key === picture.cpu;
  const owner = ownerOf({ name: "", legal: "one of init" }, column.title);
  const title = column.title || "now";
  return el("th", { scope: "col", class: [`m-of-${column.kind}`, active ? "m-active" : ""].join(" ").trim() },
    owner ? el("span", { class: `m-own m-own-${owner}` }, el("span", { class: "m-shape", "aria-hidden": "true" }), title) : title,
    active && box.columns.length > 1 ? el("span", { class: "m-here", text: "acts" }) : null);
}

function drawTable(box, picture) {
  return el("div", { class: "m-scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, el("td", {}), box.columns.map((column) => drawHead(box, column, picture)))),
    el("tbody", {}, box.rows.map((row) => el("tr", { class: row.software ? "m-software" : null },
      el("th", { scope: "row", text: row.stem, class: row.caches ? "m-cache" : null }),
      box.columns.map((column) => drawCell(box, row, column, picture)))))));
}

function drawList(box, picture) {
  const marks = (note) => (picture.differs.has(note.name) ? ["m-differs"] : []);
  return el("dl", { class: "m-list" }, box.flat.map(({ stem, cells }) =>
    el("div", {}, el("dt", { text: stem }), el("dd", {}, drawCells(cells, picture, marks)))));
}

function drawBox(box, picture) {
  return el("section", { class: ["m-box", `m-box-${box.group}`, box.flat.length > 6 ? "m-long" : "", box.columns.length > 3 ? "m-wide" : ""]
    .filter(Boolean).join(" ") }, el("h3", { text: box.title }),
    box.flat.length && box.group === "hw" ? drawList(box, picture) : null,
    box.rows.length ? drawTable(box, picture) : null,
    box.flat.length && box.group !== "hw" ? drawList(box, picture) : null);
}

function showNote(picture, name) {
  picture.shown = name;
  for (const each of picture.host.querySelectorAll(".m-shown")) each.classList.remove("m-shown");
  const note = picture.notes.get(name);
  if (!note) {
    picture.note.replaceChildren(el("span", { class: "m-hint", text: "Point at a field, or tap it, to read what it is." }));
    return;
  }
  const was = picture.before[name];
  picture.host.querySelector(`[data-field="${CSS.escape(name)}"]`)?.classList.add("m-shown");
  picture.note.replaceChildren(
    el("code", { text: name }), " = ", el("b", { text: valueWords(note, picture.values[name] ?? "") }),
    was !== undefined ? `, was ${was}` : "", picture.unequal.has(name) ? `; but ${picture.unequal.get(name)}` : "",
    el("span", { class: "m-doc", text: note.doc }),
    el("span", { class: "m-legal", text: note.legal }));
}

// Arrow keys inside the picture read it field by field; outside they belong to the page.
function readByKeys(picture, event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const names = [...picture.body.querySelectorAll("[data-field]")].map((each) => each.dataset.field);
  const at = names.indexOf(picture.shown);
  event.preventDefault();
  event.stopPropagation();
  showNote(picture, names[(at + step + names.length) % names.length]);
}

function newPicture(host) {
  const picture = { host, body: el("div", { class: "m-body", tabindex: "0", role: "group",
    "aria-label": "The machine; arrow keys read it field by field" }),
  note: el("p", { class: "m-note", "aria-live": "polite" }) };
  const point = (event) => {
    const name = event.target.closest?.("[data-field]")?.dataset.field;
    if (name) showNote(picture, name);
  };
  picture.body.addEventListener("pointerover", point);
  picture.body.addEventListener("click", point);
  picture.body.addEventListener("keydown", (event) => readByKeys(picture, event));
  host.classList.add("machine");
  host.replaceChildren(picture.body, picture.note);
  pictures.set(host, picture);
  return picture;
}

/**
 * Draw the machine into an element, or draw it anew there.
 *
 * `fields` are FieldNotes, `groups` and `lanes` map names to titles in order, `values` holds the text of every field,
 * `before` the old text of those that the last step changed, `standing` where every actor is, and `differs` the names
 * of fields to mark, for a machine beside another.
 */
export function drawMachine(host, { fields, groups, values, before = {}, standing, lanes, differs = [] }) {
  const picture = pictures.get(host) ?? newPicture(host);
  if (picture.fields !== fields) {
    Object.assign(picture, { fields, boxes: planMachine(fields, groups), shown: undefined,
      notes: new Map(fields.map((note) => [note.name, note])) });
  }
  Object.assign(picture, { values, before, guest: inGuest(standing), cpu: values.cpu, differs: new Set(differs), unequal: new Map() });
  const boxes = picture.boxes.map((box) => drawBox(box, picture));
  picture.body.replaceChildren(drawStrip(standing, lanes), el("div", { class: "m-boxes" }, boxes));
  showNote(picture, picture.shown);
}
