/**
 * Bit operations on block and inode bitmaps, 32 bits at a time. Bit 0 is the lowest bit of byte 0; a set bit is in use.
 *
 * A bitmap of the disk is a `DataView` over its block. Searches look at it together with a hidden bitmap in memory of
 * the same layout (bit `b` of word `w` stands for bit `32 w + b`): a bit is free when both have it clear. What is
 * hidden is reserved, or was freed by a transaction that is not stored yet.
 *
 * @module
 */

/** The bits below `bit` (0 to 32) of a word. */
function below(bit: number): number {
  return bit >= 32 ? -1 : (1 << bit) - 1;
}

/** Index of the lowest set bit of a word that is not 0. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** The first free bit in `[from, end)`, or `end`. */
export function nextFree(view: DataView, hidden: Int32Array, from: number, end: number): number {
  if (from >= end) return end;
  let index = from >>> 5;
  let free = ~(view.getInt32(index << 2, true) | (hidden[index] as number)) & ~below(from & 31);
  const last = (end - 1) >>> 5;
  while (free === 0) {
    if (++index > last) return end;
    free = ~(view.getInt32(index << 2, true) | (hidden[index] as number));
  }
  return Math.min(end, (index << 5) + lowestBit(free));
}

/** The first bit in `[from, end)` that is not free, or `end`. */
export function nextUsed(view: DataView, hidden: Int32Array, from: number, end: number): number {
  if (from >= end) return end;
  let index = from >>> 5;
  let used = (view.getInt32(index << 2, true) | (hidden[index] as number)) & ~below(from & 31);
  const last = (end - 1) >>> 5;
  while (used === 0) {
    if (++index > last) return end;
    used = view.getInt32(index << 2, true) | (hidden[index] as number);
  }
  return Math.min(end, (index << 5) + lowestBit(used));
}

/** A run of free bits. */
export interface Run {
  start: number;
  /** 0: there is none. */
  length: number;
}

/**
 * Finds the first `wanted` free bits in a row in `[from, end)`. When there are none, `run` is the longest run.
 *
 * @returns whether `run` is long enough.
 */
export function findRun(
  view: DataView,
  hidden: Int32Array,
  from: number,
  end: number,
  wanted: number,
  run: Run,
): boolean {
  run.start = from;
  run.length = 0;
  if (from >= end) return false;
  const last = (end - 1) >>> 5;
  let start = from;
  let length = 0;
  for (let index = from >>> 5; index <= last; index++) {
    let used = view.getInt32(index << 2, true) | (hidden[index] as number);
    if (index === from >>> 5) used |= below(from & 31);
    if (index === last) used |= ~below(end - (index << 5));
    const word = index << 5;
    if (length === 0) start = word;
    if (used === 0) {
      length += 32;
      if (length < wanted) continue;
      run.start = start;
      run.length = wanted;
      return true;
    }
    length += lowestBit(used);
    if (length > run.length) {
      run.start = start;
      run.length = length;
      if (length >= wanted) break;
    }
    if (run.length < 31 && used !== -1) {
      findRunInWord(used, word, wanted, run);
      if (run.length >= wanted) break;
    }
    length = Math.clz32(used);
    start = word + 32 - length;
  }
  if (length > run.length) {
    run.start = start;
    run.length = length;
  }
  if (run.length < wanted) return false;
  run.length = wanted;
  return true;
}

/**
 * Makes `run` the longest run within a word if that is longer, or the first of `wanted` bits. `word` is the number of
 * the word's first bit.
 */
function findRunInWord(used: number, word: number, wanted: number, run: Run): void {
  let starts = ~used;
  let length = 1;
  // After n rounds a bit is set where a run of at least n + 1 free bits starts.
  for (; length < wanted; length++) {
    const longer = starts & (starts >>> 1);
    if (longer === 0) break;
    starts = longer;
  }
  if (length <= run.length) return;
  run.start = word + lowestBit(starts);
  run.length = length;
}

/** Free bits in `[0, end)`. */
export function countFree(view: DataView, hidden: Int32Array, end: number): number {
  let used = 0;
  const whole = end >>> 5;
  for (let index = 0; index < whole; index++) {
    used += popcount(view.getInt32(index << 2, true) | (hidden[index] as number));
  }
  if ((end & 31) !== 0) {
    const word = view.getInt32(whole << 2, true) | (hidden[whole] as number);
    used += popcount(word & below(end & 31));
  }
  return end - used;
}

function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Whether bit `at` is set on disk. */
export function testBit(view: DataView, at: number): boolean {
  return ((view.getUint8(at >>> 3) >>> (at & 7)) & 1) === 1;
}

/** Sets `count` bits from `from` on. */
export function setBits(view: DataView, from: number, count: number): void {
  const end = from + count;
  for (let at = from; at < end; at = (at | 31) + 1) {
    const offset = (at >>> 5) << 2;
    view.setInt32(offset, view.getInt32(offset, true) | wordMask(at, end), true);
  }
}

/** Clears `count` bits from `from` on. */
export function clearBits(view: DataView, from: number, count: number): void {
  const end = from + count;
  for (let at = from; at < end; at = (at | 31) + 1) {
    const offset = (at >>> 5) << 2;
    view.setInt32(offset, view.getInt32(offset, true) & ~wordMask(at, end), true);
  }
}

/** The bits of the word of bit `at` that lie in `[at, end)`. */
function wordMask(at: number, end: number): number {
  return below(Math.min(end - (at & ~31), 32)) & ~below(at & 31);
}

/** Whether `count` bits from `from` on are all set on disk. */
export function allSet(view: DataView, from: number, count: number): boolean {
  const end = from + count;
  for (let at = from; at < end; at = (at | 31) + 1) {
    const mask = wordMask(at, end);
    if ((view.getInt32((at >>> 5) << 2, true) & mask) !== mask) return false;
  }
  return true;
}

/** Sets `count` bits from `from` on in a bitmap in memory. */
export function setWords(words: Int32Array, from: number, count: number): void {
  const end = from + count;
  for (let at = from; at < end; at = (at | 31) + 1) {
    const index = at >>> 5;
    words[index] = (words[index] as number) | wordMask(at, end);
  }
}

/** Clears `count` bits from `from` on in a bitmap in memory. */
export function clearWords(words: Int32Array, from: number, count: number): void {
  const end = from + count;
  for (let at = from; at < end; at = (at | 31) + 1) {
    const index = at >>> 5;
    words[index] = (words[index] as number) & ~wordMask(at, end);
  }
}

/** Whether any of `count` bits from `from` on is set in a bitmap in memory. */
export function anySetWord(words: Int32Array, from: number, count: number): boolean {
  const end = from + count;
  for (let at = from; at < end; at = (at | 31) + 1) {
    if (((words[at >>> 5] as number) & wordMask(at, end)) !== 0) return true;
  }
  return false;
}

/** Calls `emit` with each run of set bits below `end` in a bitmap in memory, which must stay as it is meanwhile. */
export function eachRun(
  words: Int32Array,
  end: number,
  emit: (bit: number, count: number) => void,
): void {
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength);
  if (nothing.length < words.length) nothing = new Int32Array(words.length);
  for (let bit = nextUsed(view, nothing, 0, end); bit < end;) {
    const stop = nextFree(view, nothing, bit, end);
    emit(bit, stop - bit);
    bit = nextUsed(view, nothing, stop, end);
  }
}

/** Zeros. */
let nothing = new Int32Array(0);
