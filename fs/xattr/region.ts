/**
 * A region of extended attribute entries: the free part of an inode, or an attribute block.
 *
 * Entries grow upwards from `first` to four zero bytes, values downwards from `end`. What is here works
 * on a region that was validated (`xattrRegionProblem`) and never fails; whether something fits is asked
 * beforehand.
 *
 * @module
 */

import {
  compareXattrNames,
  isLastXattr,
  nextXattr,
  setXattrValueOffset,
  writeXattrEntry,
  XATTR_ENTRY_BYTES,
  xattrEntryBytes,
  xattrHasName,
  xattrIndex,
  xattrNameBytes,
  xattrValueBytes,
  xattrValueInode,
  xattrValueOffset,
  xattrValueSize,
} from "../layout/xattr.ts";

/** Where entries lie. All places are byte offsets within `bytes`. */
export interface Region {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The first entry. */
  readonly first: number;
  /** Behind the last value. */
  readonly end: number;
  /** What e_value_offs counts from. */
  readonly base: number;
  /** Entries are kept in the order of `compareXattrNames` (blocks). */
  readonly sorted: boolean;
}

/** What an entry is to say. */
export interface EntryContent {
  readonly index: number;
  /** Without prefix. */
  readonly name: Uint8Array;
  readonly value: Uint8Array;
  /** The inode that holds the value, or 0: it lies in the region. */
  readonly valueInode: number;
  readonly hash: number;
}

/** Byte offset of the entry with this name, or 0. */
export function findEntry(
  bytes: Uint8Array,
  view: DataView,
  first: number,
  end: number,
  index: number,
  name: Uint8Array,
): number {
  for (let entry = first; !isLastXattr(view, entry, end); entry = nextXattr(view, entry)) {
    if (xattrHasName(bytes, view, entry, index, name)) return entry;
  }
  return 0;
}

export function findInRegion(region: Region, index: number, name: Uint8Array): number {
  return findEntry(region.bytes, region.view, region.first, region.end, index, name);
}

export function isRegionEmpty(region: Region): boolean {
  return isLastXattr(region.view, region.first, region.end);
}

/** Byte offset of the four zero bytes behind the entries. */
export function endMark(region: Region): number {
  let entry = region.first;
  while (!isLastXattr(region.view, entry, region.end)) entry = nextXattr(region.view, entry);
  return entry;
}

/** Bytes that the entry's value takes in the region: 0 when it is empty or has an inode. */
export function storedValueBytes(view: DataView, entry: number): number {
  return xattrValueInode(view, entry) === 0 ? xattrValueBytes(xattrValueSize(view, entry)) : 0;
}

/** Byte offset of the lowest value, or `end`. */
export function lowestValue(region: Region): number {
  const { view, end, base } = region;
  let lowest = end;
  for (let entry = region.first; !isLastXattr(view, entry, end); entry = nextXattr(view, entry)) {
    if (storedValueBytes(view, entry) === 0) continue;
    lowest = Math.min(lowest, base + xattrValueOffset(view, entry));
  }
  return lowest;
}

/** Bytes left between the entries' end mark and the values. */
export function freeBytes(region: Region): number {
  return lowestValue(region) - endMark(region) - 4;
}

/**
 * Whether an entry with a name of `nameBytes` and `valueBytes` in the region fits.
 * @param replaced byte offset of the entry that it takes the place of, or 0.
 */
export function fits(
  region: Region,
  replaced: number,
  nameBytes: number,
  valueBytes: number,
): boolean {
  let free = freeBytes(region);
  if (replaced !== 0) free += xattrEntryBytes(nameBytes) + storedValueBytes(region.view, replaced);
  return free >= xattrEntryBytes(nameBytes) + xattrValueBytes(valueBytes);
}

/** What is wrong with the values' places if two overlap, which would make moving them unsafe; else undefined. */
export function overlapProblem(region: Region): string | undefined {
  const { view, first, end } = region;
  const spans: { start: number; bytes: number }[] = [];
  for (let entry = first; !isLastXattr(view, entry, end); entry = nextXattr(view, entry)) {
    const bytes = storedValueBytes(view, entry);
    if (bytes > 0) spans.push({ start: xattrValueOffset(view, entry), bytes });
  }
  spans.sort((a, b) => a.start - b.start);
  let previousEnd = 0;
  for (const { start, bytes } of spans) {
    if ((start & 3) !== 0) return `e_value_offs ${start} is not a multiple of 4`;
    if (start < previousEnd) return `e_value_offs ${start}: values overlap`;
    previousEnd = start + bytes;
  }
  return undefined;
}

/** The entry's value, in place. Only for values in the region. */
export function valueOf(region: Region, entry: number): Uint8Array {
  const start = region.base + xattrValueOffset(region.view, entry);
  const size = xattrValueSize(region.view, entry);
  return region.bytes.subarray(start, start + size);
}

/** The entry's name without prefix, in place. */
export function nameOf(region: Region, entry: number): Uint8Array {
  const start = entry + XATTR_ENTRY_BYTES;
  return region.bytes.subarray(start, start + xattrNameBytes(region.view, entry));
}

/** Whether the entry's value lies in the region and equals `value`. */
export function hasValue(region: Region, entry: number, value: Uint8Array): boolean {
  const { view } = region;
  if (xattrValueInode(view, entry) !== 0 || xattrValueSize(view, entry) !== value.length) {
    return false;
  }
  if (value.length === 0) return true;
  const stored = valueOf(region, entry);
  for (let i = 0; i < value.length; i++) if (stored[i] !== value[i]) return false;
  return true;
}

/** Takes an entry and its value out; the others close up and what becomes free is zero. */
export function removeEntry(region: Region, entry: number): void {
  const { bytes, view } = region;
  const valueBytes = storedValueBytes(view, entry);
  if (valueBytes > 0) removeValue(region, region.base + xattrValueOffset(view, entry), valueBytes);
  const next = nextXattr(view, entry);
  const mark = endMark(region) + 4;
  bytes.copyWithin(entry, next, mark);
  bytes.fill(0, mark - (next - entry), mark);
}

function removeValue(region: Region, start: number, valueBytes: number): void {
  const { bytes, view, base, end } = region;
  const lowest = lowestValue(region);
  bytes.copyWithin(lowest + valueBytes, lowest, start);
  bytes.fill(0, lowest, lowest + valueBytes);
  for (let entry = region.first; !isLastXattr(view, entry, end); entry = nextXattr(view, entry)) {
    const offset = xattrValueOffset(view, entry);
    if (storedValueBytes(view, entry) > 0 && base + offset < start) {
      setXattrValueOffset(view, entry, offset + valueBytes);
    }
  }
}

/**
 * Adds an entry, in place of `replaced` unless that is 0. It must fit.
 * @returns byte offset of the entry.
 */
export function putEntry(region: Region, replaced: number, content: EntryContent): number {
  const { bytes, view, base } = region;
  const { index, name, value, valueInode, hash } = content;
  const inRegion = valueInode === 0 ? value.length : 0;
  if (replaced !== 0) removeEntry(region, replaced);
  const mark = endMark(region);
  const place = insertionPlace(region, index, name, mark);
  let valueStart = 0;
  if (inRegion > 0) {
    const padded = xattrValueBytes(inRegion);
    valueStart = lowestValue(region) - padded;
    bytes.set(value, valueStart);
    bytes.fill(0, valueStart + inRegion, valueStart + padded);
  }
  bytes.copyWithin(place + xattrEntryBytes(name.length), place, mark + 4);
  const offset = inRegion > 0 ? valueStart - base : 0;
  writeXattrEntry(bytes, view, place, index, name, offset, valueInode, value.length, hash);
  return place;
}

function insertionPlace(region: Region, index: number, name: Uint8Array, mark: number): number {
  if (!region.sorted) return mark;
  const { view } = region;
  let entry = region.first;
  while (entry < mark) {
    const order = compareXattrNames(index, name, xattrIndex(view, entry), nameOf(region, entry));
    if (order <= 0) break;
    entry = nextXattr(view, entry);
  }
  return entry;
}
