// SPDX-License-Identifier: Apache-2.0
// Elements without markup in strings: whatever comes from a file becomes text, never HTML.

/**
 * Make an element. `text` is its text; `on` maps events to listeners; `data` becomes data-*; the rest are attributes,
 * of which undefined, null and false are left out. Children may be nodes, strings, null, or lists of these.
 */
export function el(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  const { text, on, data, ...attributes } = options;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const [name, value] of Object.entries(data ?? {})) made.dataset[name] = String(value);
  for (const [name, listener] of Object.entries(on ?? {})) made.addEventListener(name, listener);
  if (text !== undefined) made.textContent = String(text);
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}
