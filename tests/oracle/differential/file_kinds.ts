/**
 * Random operations on the content of files.
 *
 * @module
 */

import { createHash } from "node:crypto";
import * as libc from "../../harness/libc.ts";
import { drawAnyPath, drawLength, drawOffset, drawPath, noise, type PathRandom } from "./names.ts";
import { type Arguments, type Kind, numberOf, pathOf, type Side, textOf } from "./operation.ts";

const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const COLLAPSE_RANGE = 8;
const ZERO_RANGE = 16;
const INSERT_RANGE = 32;

/** Modes that a program can reach through FUSE; the kernel refuses the others before the server. */
const FALLOCATE_MODES = [
  0,
  KEEP_SIZE,
  PUNCH_HOLE | KEEP_SIZE,
  ZERO_RANGE,
  ZERO_RANGE | KEEP_SIZE,
  PUNCH_HOLE,
];

/** Those that only a kernel file system sees. */
export const KERNEL_ONLY_MODES: readonly number[] = [COLLAPSE_RANGE, INSERT_RANGE];

/** A FIFO must not keep the opener waiting, and symbolic links lead nowhere here. */
const CAREFULLY = libc.O_NOFOLLOW | libc.O_NONBLOCK;

/** Opens, acts, closes; a failed open is the answer. */
function withFile(path: string, flags: number, act: (descriptor: number) => number | string) {
  const descriptor = libc.open(path, flags | CAREFULLY, 0o644);
  if (descriptor < 0) return descriptor;
  try {
    return act(descriptor);
  } finally {
    libc.close(descriptor);
  }
}

function readDigest(descriptor: number, offsetBytes: number, lengthBytes: number): string | number {
  const into = new Uint8Array(lengthBytes);
  const length = libc.pread(descriptor, into, offsetBytes);
  if (length < 0) return length;
  return `${length} bytes ${
    createHash("sha1").update(into.subarray(0, length)).digest("hex").slice(0, 12)
  }`;
}

function drawRange(random: PathRandom) {
  const path = drawPath(random);
  const args = { path, offset: drawOffset(random), length: drawLength(random) };
  return { args, paths: [path] };
}

function copyRange(side: Side, args: Arguments): number | string {
  return withFile(
    pathOf(side, args, "from"),
    libc.O_RDONLY,
    (source) =>
      withFile(pathOf(side, args, "to"), libc.O_RDWR, (target) =>
        libc.copyFileRange(
          source,
          numberOf(args, "fromOffset"),
          target,
          numberOf(args, "toOffset"),
          numberOf(args, "length"),
        )),
  );
}

/**
 * With nothing to copy, the kernel answers before it asks a FUSE server, who alone knows how long files
 * may get: targets beyond that are left out.
 */
const FARTHEST_COPY = 2 ** 40;

/** A nameless file that is written and then, most times, given a name. */
function nameless(side: Side, args: Arguments): number | string {
  const folder = pathOf(side, args, "folder");
  const descriptor = libc.open(folder, libc.O_TMPFILE | libc.O_RDWR, numberOf(args, "mode"));
  if (descriptor < 0) return descriptor;
  const written = libc.pwrite(descriptor, noise(numberOf(args, "seed"), 3000), 100);
  const linked = libc.linkDescriptor(descriptor, pathOf(side, args));
  libc.close(descriptor);
  return `${written} ${linked}`;
}

/** Kinds by name. */
export const FILE_KINDS: Readonly<Record<string, Kind>> = {
  create: {
    weight: 12,
    draw(random) {
      const path = random.chance(30) ? drawPath(random) : drawAnyPath(random);
      const flags = random.pick([0, 0, 0, libc.O_EXCL, libc.O_TRUNC]);
      return { args: { path, flags, mode: random.pick([0o644, 0o600, 0o6777, 0]) }, paths: [path] };
    },
    perform(side, args) {
      const flags = libc.O_CREAT | libc.O_WRONLY | CAREFULLY | numberOf(args, "flags");
      const descriptor = libc.open(pathOf(side, args), flags, numberOf(args, "mode"));
      return descriptor < 0 ? descriptor : libc.close(descriptor);
    },
  },
  write: {
    weight: 16,
    draw(random) {
      const { args, paths } = drawRange(random);
      const flags = random.pick([0, 0, libc.O_CREAT, libc.O_APPEND]);
      return { args: { ...args, flags, seed: random.below(251) }, paths };
    },
    perform: (side, args) =>
      withFile(
        pathOf(side, args),
        libc.O_WRONLY | numberOf(args, "flags"),
        (descriptor) =>
          libc.pwrite(
            descriptor,
            noise(numberOf(args, "seed"), numberOf(args, "length")),
            numberOf(args, "offset"),
          ),
      ),
  },
  read: {
    weight: 6,
    draw: drawRange,
    perform: (side, args) =>
      withFile(
        pathOf(side, args),
        libc.O_RDONLY,
        (descriptor) => readDigest(descriptor, numberOf(args, "offset"), numberOf(args, "length")),
      ),
  },
  truncate: {
    weight: 8,
    draw(random) {
      const path = drawPath(random);
      return { args: { path, size: drawOffset(random) }, paths: [path] };
    },
    perform: (side, args) => libc.truncate(pathOf(side, args), numberOf(args, "size")),
  },
  fallocate: {
    weight: 8,
    draw(random) {
      const { args, paths } = drawRange(random);
      return { args: { ...args, mode: random.pick(FALLOCATE_MODES) }, paths };
    },
    perform: (side, args) =>
      withFile(
        pathOf(side, args),
        libc.O_WRONLY,
        (descriptor) =>
          libc.fallocate(
            descriptor,
            numberOf(args, "mode"),
            numberOf(args, "offset"),
            numberOf(args, "length"),
          ),
      ),
  },
  copyRange: {
    weight: 5,
    draw(random) {
      const from = drawPath(random);
      const to = drawPath(random);
      const args = {
        from,
        to,
        fromOffset: drawOffset(random),
        toOffset: Math.min(drawOffset(random), FARTHEST_COPY),
        length: drawLength(random),
      };
      return { args, paths: [from, to] };
    },
    perform: copyRange,
  },
  nameless: {
    weight: 3,
    draw(random) {
      const path = drawAnyPath(random);
      const folder = random.pick(["a", "b", "."]);
      const args = { path, folder, mode: random.pick([0o600, 0o4755]), seed: random.below(251) };
      return { args, paths: [path] };
    },
    perform: nameless,
  },
  fsync: {
    weight: 2,
    draw(random) {
      const path = drawPath(random);
      return { args: { path }, paths: [path] };
    },
    perform: (side, args) => withFile(pathOf(side, args), libc.O_RDONLY, libc.fsync),
  },
};

/** How many files may be open at once. */
const SLOTS = 6;

function drawSlot(random: PathRandom) {
  const offset = drawOffset(random);
  return {
    args: {
      slot: random.below(SLOTS),
      offset,
      length: drawLength(random),
      seed: random.below(251),
    },
    paths: [],
  };
}

/** The answer when nothing is open in a slot. */
const NOTHING_OPEN = "nothing open";

function onSlot(side: Side, args: Arguments, act: (descriptor: number) => number | string) {
  const descriptor = side.slots.get(numberOf(args, "slot"));
  return descriptor === undefined ? NOTHING_OPEN : act(descriptor);
}

/** Operations on files that stay open, whatever becomes of their names. */
export const SLOT_KINDS: Readonly<Record<string, Kind>> = {
  slotOpen: {
    weight: 5,
    draw(random) {
      const path = drawPath(random);
      const flags = random.pick([0, libc.O_CREAT, libc.O_CREAT | libc.O_TRUNC, libc.O_APPEND]);
      return { args: { path, flags, slot: random.below(SLOTS) }, paths: [path] };
    },
    perform(side, args) {
      const slot = numberOf(args, "slot");
      const old = side.slots.get(slot);
      if (old !== undefined) libc.close(old);
      side.slots.delete(slot);
      const flags = libc.O_RDWR | CAREFULLY | numberOf(args, "flags");
      const descriptor = libc.open(`${side.root}/${textOf(args, "path")}`, flags, 0o666);
      if (descriptor < 0) return descriptor;
      side.slots.set(slot, descriptor);
      return 0;
    },
  },
  slotWrite: {
    weight: 5,
    draw: drawSlot,
    perform: (side, args) =>
      onSlot(side, args, (descriptor) =>
        libc.pwrite(
          descriptor,
          noise(numberOf(args, "seed"), numberOf(args, "length")),
          numberOf(args, "offset"),
        )),
  },
  slotRead: {
    weight: 4,
    draw: drawSlot,
    perform: (side, args) =>
      onSlot(
        side,
        args,
        (descriptor) => readDigest(descriptor, numberOf(args, "offset"), numberOf(args, "length")),
      ),
  },
  slotTruncate: {
    weight: 2,
    draw: drawSlot,
    perform: (side, args) =>
      onSlot(side, args, (descriptor) => libc.ftruncate(descriptor, numberOf(args, "offset"))),
  },
  slotClose: {
    weight: 2,
    draw: drawSlot,
    perform(side, args) {
      const answer = onSlot(side, args, libc.close);
      side.slots.delete(numberOf(args, "slot"));
      return answer;
    },
  },
};
