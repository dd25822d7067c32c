// SPDX-License-Identifier: Apache-2.0
// Where each field stands in the picture, read off its name: copies of a register stand beside the register.

// A box may take in fields of other groups that bear the name of one of its rows, each group as a column of its own.
// Boxes take in the order in which they stand here.
const TAKES_IN = {
  hw: ["vcpu", "vmcs", "ghost"],
  vmcs: ["vcpu", "uapi", "ghost"],
  vcpu: ["uapi", "ghost"],
  fp: ["ghost"],
};
const COPY_TITLES = { vcpu: "KVM's vCPU", uapi: "userspace", ghost: "should be" };
// vcpu_host_pkru is a copy of PKRU too: the word before the register's name says which.
const WHICH_COPY = /^(host|vmm|l1|pre|cpuid|load|clear|exit_load|hostsa|uret)_/;

function placeField(note) {
  const [, base, index] = /^([^[]*)(?:\[(.*)\])?$/.exec(note.name) ?? [null, note.name, undefined];
  const prefix = base.split("_", 1)[0];
  // Only the host's box mixes prefixes that say something: host_, machine_, param_, kvm_.
  const bare = (note.group === "vmcs" || prefix === note.group) && note.group !== "host" && base.length > prefix.length + 1;
  return { note, group: note.group, prefix, index, stem: bare ? base.slice(prefix.length + 1) : base };
}

const columnOf = (field) =>
  field.group === "vmcs" ? field.prefix.toUpperCase() : field.index ?? COPY_TITLES[field.group] ?? "";

function columnTitle(field) {
  if (field.group === "vmcs") return field.prefix.toUpperCase();
  if (field.index === undefined) return "";
  return /^\d+$/.test(field.index) ? `CPU ${field.index}` : field.index;
}

class Box {
  constructor(group, title) {
    Object.assign(this, { group, title, columns: [], rows: [], flat: [] });
  }

  row(stem) {
    return this.rows.find((row) => row.stem === stem);
  }

  column(key, title, kind) {
    if (!this.columns.some((column) => column.key === key)) this.columns.push({ key, title, kind });
  }

  put(row, key, field, word = "") {
    const cell = { note: field.note, word };
    row.cells[key] = word ? [...(row.cells[key] ?? []), cell] : [cell, ...(row.cells[key] ?? [])];
  }

  own(field) {
    const row = this.row(field.stem) ?? { stem: field.stem, cells: {} };
    if (!this.rows.includes(row)) this.rows.push(row);
    this.column(columnOf(field), columnTitle(field), "own");
    this.put(row, columnOf(field), field);
  }

  list(field, stem = field.stem) {
    this.flat.push({ stem, cells: [{ note: field.note, word: "" }] });
  }

  takeIn(field) {
    const which = WHICH_COPY.exec(field.stem)?.[1];
    const exact = this.row(field.stem);
    const row = exact ?? (which && this.row(field.stem.slice(which.length + 1)));
    if (field.index !== undefined) return false;
    if (!row) return this.takeBeside(field);
    const key = columnOf(field);
    this.column(key, field.group === "vmcs" ? key : COPY_TITLES[field.group], field.group);
    this.put(row, key, field, exact ? "" : which);
    return true;
  }

  takeBeside(field) {
    const item = this.flat.find((each) => each.stem === field.stem);
    if (item) item.cells.push({ note: field.note, word: COPY_TITLES[field.group] });
    return Boolean(item);
  }

  // A variable of each CPU: after the register that it caches, or above all registers.
  perCpu(field) {
    const known = this.row(field.stem);
    const row = known ?? { stem: field.stem, cells: {}, software: true };
    if (!known) {
      const at = this.rows.findLastIndex((each) => !each.software && relatedStems(field.stem, each.stem));
      const above = this.rows.findIndex((each) => !each.software);
      // Only X_state is meant to equal X at all times; the others are what will be loaded into it.
      if (at >= 0) Object.assign(row, { caches: this.rows[at].stem, cache: field.stem === `${this.rows[at].stem}_state` });
      this.rows.splice(at >= 0 ? at + 1 : Math.max(above, 0), 0, row);
    }
    this.put(row, columnOf(field), field);
  }
}

const relatedStems = (name, register) => name === `${register}_state` || name.endsWith(`_${register}`);

// A table where values stand side by side, a list for those that stand alone.
function ownFields(box, fields) {
  const wide = (field) => box.group === "hw" || field.index !== undefined || (field.group === "vmcs"
    && fields.some((other) => other.stem === field.stem && other.prefix !== field.prefix));
  for (const field of fields) {
    if (wide(field)) box.own(field);
    else box.list(field, field.group === "vmcs" ? `${field.prefix}_${field.stem}` : field.stem);
  }
}

/**
 * Lay out the fields: [{group, title, columns: [{key, title, kind}], rows: [{stem, cells: {key: [{note, word}]}}],
 * flat: [{stem, cells: [{note, word}]}]}], in the order of the groups. Every field stands in exactly one place.
 */
export function planMachine(fields, groups) {
  const placed = new Set();
  const all = fields.map(placeField);
  const rest = (group) => all.filter((field) => field.group === group && !placed.has(field));
  const take = (found, put) => found.filter(put).forEach((field) => placed.add(field));
  const names = [...new Set([...Object.keys(groups), ...all.map((field) => field.group)])];
  const boxes = new Map(names.map((group) => [group, new Box(group, groups[group] ?? group)]));
  for (const group of new Set([...Object.keys(TAKES_IN), ...names])) {
    const box = boxes.get(group);
    if (!box) continue;
    const own = rest(group);
    ownFields(box, own);
    take(own, () => true);
    if (group === "hw" && own.length) takeCpu(box, rest("cpu"), take);
    for (const other of TAKES_IN[group] ?? []) take(rest(other), (field) => box.takeIn(field));
  }
  return [...boxes.values()].filter((box) => box.rows.length || box.flat.length);
}

// Which CPU acts, what runs there and the kernel's variables of each CPU are read together with its registers.
function takeCpu(box, fields, take) {
  for (const field of fields) {
    if (box.columns.some((column) => column.key === field.index)) box.perCpu(field);
    else box.list(field);
  }
  take(fields, () => true);
}
