// SPDX-License-Identifier: Apache-2.0
// A list to choose from that can be searched by typing (the combobox of the ARIA authoring practices).

import { el, readableText } from "../dom.js";

let boxes = 0;

/**
 * Make a combobox: `label`, `options` as [{value, note}], `value`, and `choose(value)`, called when one is chosen.
 * With `free`, a note, what was typed may be chosen as well. Returns the element.
 */
export function makeCombobox({ label, options, value, choose, free }) {
  boxes += 1;
  const box = { id: `x-box-${boxes}`, options, value, choose, free, shown: [], active: -1 };
  box.list = el("ul", { id: box.id, role: "listbox", "aria-label": label, class: "x-options", hidden: true });
  box.input = el("input", { type: "text", role: "combobox", value: readableText(value), "aria-expanded": "false", "aria-controls": box.id,
    "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false", "aria-label": label });
  box.input.addEventListener("focus", () => box.input.select());
  box.input.addEventListener("click", () => openBox(box, ""));
  box.input.addEventListener("input", () => openBox(box, box.input.value));
  box.input.addEventListener("blur", () => closeBox(box));
  box.input.addEventListener("keydown", (event) => boxKey(box, event));
  return el("label", { class: "x-combobox" }, el("span", { class: "x-label", text: label }), box.input, box.list);
}

function openBox(box, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ value, note }) => words.every((word) => `${value} ${note ?? ""}`.toLowerCase().includes(word));
  const rank = ({ value }) => (words.length && !value.toLowerCase().startsWith(words[0]) ? 1 : 0);
  box.shown = box.options.filter(fits).sort((one, other) => rank(one) - rank(other));
  const text = typed.trim();
  if (box.free && text && !box.options.some((option) => option.value === text)) box.shown.push({ value: text, note: box.free });
  box.list.replaceChildren(...box.shown.map((option, index) => drawOption(box, option, index)));
  if (!box.shown.length) box.list.replaceChildren(el("li", { class: "muted", text: "nothing fits" }));
  box.list.hidden = false;
  box.input.setAttribute("aria-expanded", "true");
  activate(box, Math.max(0, box.shown.findIndex((option) => option.value === box.value)));
  if (typed) activate(box, 0);
}

function drawOption(box, { value, note }, index) {
  // The pointer must not take the focus away before the click arrives.
  return el("li", { id: `${box.id}-${index}`, role: "option", "aria-selected": "false", on: {
    pointerdown: (event) => event.preventDefault(),
    click: (event) => { event.preventDefault(); pick(box, index); },
  } }, el("b", { text: value }), note ? el("span", { class: "muted", text: note }) : null);
}

function activate(box, index) {
  box.active = box.shown.length ? (index + box.shown.length) % box.shown.length : -1;
  [...box.list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === box.active)));
  const item = box.list.children[box.active];
  if (!box.shown.length) return;
  box.input.setAttribute("aria-activedescendant", item.id);
  item.scrollIntoView({ block: "nearest" });
}

function closeBox(box) {
  box.list.hidden = true;
  box.input.value = readableText(box.value);
  box.input.setAttribute("aria-expanded", "false");
  box.input.removeAttribute("aria-activedescendant");
}

function pick(box, index) {
  const option = box.shown[index];
  closeBox(box);
  if (!option || option.value === box.value) return;
  box.input.value = readableText(option.value);
  box.choose(option.value);
}

function boxKey(box, event) {
  const open = !box.list.hidden;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (open) activate(box, box.active + (event.key === "ArrowDown" ? 1 : -1));
    else openBox(box, "");
  } else if (event.key === "Enter" && open) pick(box, box.active);
  else if (event.key === "Escape") {
    if (open) closeBox(box);
    else box.input.blur();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}
