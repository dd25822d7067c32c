// SPDX-License-Identifier: Apache-2.0
// The browser's history. A page may write only so many addresses in a time (Safari 100 in 10 seconds, Chromium and
// Firefox 200); the browser drops the rest, or throws. What comes too fast is written a moment later, the newest alone.

const MOST_AT_ONCE = 40;
const PER_SECOND = 5;
let writesLeft = MOST_AT_ONCE;
let countedAt = performance.now();
let unwritten = null;
let writeTimer = 0;

function mayWrite() {
  const now = performance.now();
  writesLeft = Math.min(MOST_AT_ONCE, writesLeft + ((now - countedAt) / 1000) * PER_SECOND);
  countedAt = now;
  return writesLeft >= 1;
}

function writeNow() {
  writeTimer = 0;
  if (!mayWrite()) {
    writeTimer = setTimeout(writeNow, 1000 / PER_SECOND);
    return;
  }
  const { address, again } = unwritten;
  unwritten = null;
  writesLeft -= 1;
  history[again ? "replaceState" : "pushState"](null, "", address);
}

/** Write an address, from its "#" on, as a new entry; or, with `again`, over the present one. */
export function writeHistory(address, again) {
  if (!unwritten && address === location.hash) return;
  unwritten = { address, again: again && (unwritten?.again ?? true) };
  if (!writeTimer) writeNow();
}

/** Forget what waits to be written: somebody went elsewhere. */
export function forgetUnwritten() {
  clearTimeout(writeTimer);
  writeTimer = 0;
  unwritten = null;
}
