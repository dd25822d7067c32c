// SPDX-License-Identifier: Apache-2.0
// Elements without markup in strings: whatever comes from a file becomes text, never HTML.

// Controls, invisible marks and what turns text around are spelled out, as in the reports for the terminal.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Return text that shows every character that it has. */
export function readableText(text) {
  return String(text).replace(UNSEEN, (char) => `\\x${char.codePointAt(0).toString(16).padStart(2, "0")}`);
}

const readableLines = (text) => String(text).split("\n").map(readableText).join("\n");
const READ_ALOUD = new Set(["title", "aria-label"]);

/**
 * Make an element. `text` is its text; `on` maps events to listeners; `data` becomes data-*; the rest are attributes,
 * of which undefined, null and false are left out. Children may be nodes, strings, null, or lists of these.
 */
export function el(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  const { text, on, data, ...attributes } = options;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) {
      made.setAttribute(name, value === true ? "" : READ_ALOUD.has(name) ? readableLines(value) : String(value));
    }
  }
  for (const [name, value] of Object.entries(data ?? {})) made.dataset[name] = String(value);
  for (const [name, listener] of Object.entries(on ?? {})) made.addEventListener(name, listener);
  if (text !== undefined) made.textContent = readableText(text);
  const shown = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  made.append(...shown.map((child) => (child instanceof Node ? child : readableText(child))));
  return made;
}
