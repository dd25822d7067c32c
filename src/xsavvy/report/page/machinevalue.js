// SPDX-License-Identifier: Apache-2.0
// One value of the machine: whose it is, which components a mask names, and what it was before the last step.

import { el } from "./dom.js";

// Whose contents a token stands for. The first pattern that fits counts; the shape says the same as the color.
const OWNERS = [
  ["guest", /^(guest|l2)/],
  ["l1", /^l1/],
  ["vmm", /^vmm/],
  ["task", /^other/],
  ["kernel", /^(kernel|host)/],
  ["poison", /^(any|stale|garbage|noncanonical|refused)$/],
  ["init", /^init$/],
];

const OWNER_TITLES = {
  guest: "the guest's",
  l1: "L1's",
  vmm: "the VMM's",
  task: "another task's",
  kernel: "the host kernel's",
  poison: "nobody can say what it is",
  init: "the init state",
};

// SDM volume 1, "XSAVE-Supported Features and State-Component Bitmaps".
const COMPONENTS = new Map([
  [0, "x87"], [1, "SSE"], [2, "AVX"], [3, "BND"], [4, "BNDCSR"], [5, "k"], [6, "ZMM"], [7, "ZMM16"], [8, "PT"],
  [9, "PKRU"], [10, "PASID"], [11, "CET_U"], [12, "CET_S"], [13, "HDC"], [14, "UINTR"], [15, "LBR"], [16, "HWP"],
  [17, "TCFG"], [18, "TILE"],
]);
// SDM volume 3, "Control Registers".
const OF_CR0 = new Map([[3, "TS"], [16, "WP"], [31, "PG"]]);
const OF_CR4 = new Map([[18, "OSXSAVE"], [22, "PKE"], [23, "CET"]]);

const SUBSET = /^a subset of (0x[0-9a-f]+)(?:, always with (0x[0-9a-f]+))?$/;
const FLAG = "0..1";

/** Tell whose a value is: "guest", "vmm", ...; "nobody" for an empty choice; "" for a value without an owner. */
export function ownerOf(note, text) {
  if (!note.legal.startsWith("one of ")) return "";
  if (text === "nobody") return text;
  const legal = note.legal.slice("one of ".length).split(", ");
  const named = legal.includes("init") || legal.includes("nobody") || /owner$/.test(note.name);
  if (!named) return "";
  return OWNERS.find(([, pattern]) => pattern.test(text))?.[0] ?? "";
}

function namesOfBits(note, bits) {
  if (/cr4/.test(note.name)) return OF_CR4;
  if (/cr0(?!_cpuid)/.test(note.name) && !/xcr0/.test(note.name)) return OF_CR0;
  const known = bits.every((bit) => COMPONENTS.has(bit));
  return known && bits.some((bit) => bit > 1) ? COMPONENTS : null;
}

function bitsOf(mask) {
  const bits = [];
  for (let bit = 0n; mask >> bit; bit += 1n) if ((mask >> bit) & 1n) bits.push(Number(bit));
  return bits;
}

/** Name the bits that a mask may have, [{name, set}]; null where they are not components or known control bits. */
export function maskBits(note, text) {
  const legal = SUBSET.exec(note.legal);
  if (!legal || !/^0x[0-9a-f]+$/.test(text)) return null;
  const bits = bitsOf(BigInt(legal[1]) & ~BigInt(legal[2] ?? 0));
  const names = namesOfBits(note, bits);
  const value = BigInt(text);
  return names && bits.every((bit) => names.has(bit))
    ? bits.map((bit) => ({ name: names.get(bit), set: Boolean((value >> BigInt(bit)) & 1n) }))
    : null;
}

/** Say a value in words, for tooltips and screen readers. */
export function valueWords(note, text) {
  const bits = maskBits(note, text);
  if (bits) {
    const set = bits.filter((bit) => bit.set).map((bit) => bit.name);
    return `${text}${set.length ? `: ${set.join(", ")}` : ": none of " + bits.map((bit) => bit.name).join(", ")}`;
  }
  const title = OWNER_TITLES[ownerOf(note, text)];
  return title && title !== text ? `${text}: ${title}` : text;
}

function drawBits(bits, old) {
  return el("span", { class: "m-mask" }, bits.map((bit, at) => {
    const turned = old && old[at].set !== bit.set;
    return el("span", { class: ["m-bit", bit.set ? "m-set" : "", turned ? "m-turned" : ""].filter(Boolean).join(" ") },
      turned ? (bit.set ? "+" : "−") : "", bit.name);
  }));
}

/** Draw one value alone: an owner with its shape, the bits of a mask, a lamp for a flag, or plain text. */
export function drawToken(note, text, was) {
  const bits = maskBits(note, text);
  if (bits) return drawBits(bits, was === undefined ? null : maskBits(note, was));
  const owner = ownerOf(note, text);
  if (owner) {
    return el("span", { class: `m-own m-own-${owner}` }, el("span", { class: "m-shape", "aria-hidden": "true" }), text);
  }
  if (note.legal === FLAG && !/cpu(\[.*\])?$/.test(note.name)) {
    return el("span", { class: text === "1" ? "m-flag m-set" : "m-flag", text });
  }
  const idle = /^(none|nobody|right|success|0|0x0)$/.test(text);
  return el("span", { class: idle ? "m-plain m-idle" : "m-plain", text });
}

/**
 * Draw a field's value in its place: `was` is the old value where the last step changed it, `word` a word before it
 * that tells several values in one place apart, `marks` a list of classes.
 */
export function drawField(note, text, { was, word, marks = [] } = {}) {
  const changed = was !== undefined && was !== text;
  const words = `${note.name} = ${valueWords(note, text)}${changed ? `, was ${was}` : ""}`;
  return el("span", {
    class: ["m-field", changed ? "m-changed" : "", ...marks].filter(Boolean).join(" "),
    title: `${words}\n${note.doc}`,
    data: { field: note.name },
  },
  word ? el("span", { class: "m-word", text: word }) : null,
  drawToken(note, text, changed ? was : undefined),
  changed && !maskBits(note, text) ? el("del", { class: "m-was", "aria-label": `was ${was}`, text: was }) : null);
}
