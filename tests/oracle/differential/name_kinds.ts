/**
 * Random operations on names, and on what belongs to an inode.
 *
 * @module
 */

import * as libc from "../../harness/libc.ts";
import { drawAnyPath, drawFolder, drawPath, noise, parentOf, type PathRandom } from "./names.ts";
import { type Arguments, type Kind, numberOf, pathOf, type Side, textOf } from "./operation.ts";

const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;
export const RENAME_WHITEOUT = 4;
const MODES = [0o644, 0o755, 0o700, 0o1777, 0o4755, 0o2755, 0o6711, 0o000, 0o777];
const TYPES = [0o010000, 0o020000, 0o060000, 0o140000, 0o100000, 0o040000];

/** An operation that makes a path. */
function drawNew(random: PathRandom, more: (random: PathRandom) => Arguments = () => ({})) {
  const path = drawAnyPath(random);
  return { args: { path, ...more(random) }, paths: [path, parentOf(path)] };
}

/** An operation on one path: its parent's link count and times may change, too. */
function drawOne(random: PathRandom, more: (random: PathRandom) => Arguments = () => ({})) {
  const path = drawPath(random);
  return { args: { path, ...more(random) }, paths: [path, parentOf(path)] };
}

function drawTwo(random: PathRandom, more: (random: PathRandom) => Arguments = () => ({})) {
  const from = drawPath(random);
  const to = random.chance(50) ? drawPath(random) : drawAnyPath(random);
  return {
    args: { from, to, ...more(random) },
    paths: [from, to, parentOf(from), parentOf(to)],
  };
}

/** Long names, so that a few hundred need an indexed directory. */
function manyName(index: number): string {
  return `many-${"n".repeat(60)}-${index}`;
}

function createMany(side: Side, args: Arguments): number | string {
  const folder = pathOf(side, args);
  const first = numberOf(args, "first");
  for (let index = first; index < first + numberOf(args, "count"); index++) {
    const flags = libc.O_CREAT | libc.O_WRONLY;
    const descriptor = libc.open(`${folder}/${manyName(index)}`, flags, 0o644);
    if (descriptor < 0) return `${index}: ${descriptor}`;
    libc.close(descriptor);
  }
  return 0;
}

function removeMany(side: Side, args: Arguments): string {
  const folder = pathOf(side, args);
  const first = numberOf(args, "first");
  let removed = 0;
  for (let index = first; index < first + numberOf(args, "count"); index++) {
    if (libc.unlink(`${folder}/${manyName(index)}`) === 0) removed++;
  }
  return `removed ${removed}`;
}

function drawMany(random: PathRandom) {
  const path = drawFolder(random);
  const args = { path, first: random.below(1000), count: random.between(10, 400) };
  return { args, paths: [path] };
}

function names(side: Side, args: Arguments): number | string {
  const found = libc.readdir(pathOf(side, args));
  return typeof found === "number" ? found : [...found].sort().join("\n");
}

/** Kinds by name. */
export const NAME_KINDS: Readonly<Record<string, Kind>> = {
  mkdir: {
    weight: 10,
    draw: (random) => {
      const path = random.chance(70) ? drawFolder(random) : drawPath(random);
      return { args: { path, mode: random.pick(MODES) | 0o700 }, paths: [path, parentOf(path)] };
    },
    perform: (side, args) => libc.mkdir(pathOf(side, args), numberOf(args, "mode")),
  },
  rmdir: {
    weight: 4,
    draw: drawOne,
    perform: (side, args) => libc.rmdir(pathOf(side, args)),
  },
  unlink: {
    weight: 7,
    draw: drawOne,
    perform: (side, args) => libc.unlink(pathOf(side, args)),
  },
  rename: {
    weight: 10,
    draw: (random) =>
      drawTwo(random, () => ({
        flags: random.pick([
          0,
          0,
          0,
          RENAME_NOREPLACE,
          RENAME_EXCHANGE,
          RENAME_WHITEOUT,
          RENAME_NOREPLACE | RENAME_EXCHANGE,
        ]),
      })),
    perform: (side, args) =>
      libc.rename(pathOf(side, args, "from"), pathOf(side, args, "to"), numberOf(args, "flags")),
  },
  link: {
    weight: 6,
    draw: drawTwo,
    perform: (side, args) => libc.link(pathOf(side, args, "from"), pathOf(side, args, "to")),
  },
  symlink: {
    weight: 4,
    draw: (random) =>
      drawNew(random, () => ({ length: random.pick([1, 20, 59, 60, 61, 500, 4000, 4095, 4096]) })),
    perform: (side, args) => libc.symlink("s".repeat(numberOf(args, "length")), pathOf(side, args)),
  },
  readlink: {
    weight: 2,
    draw: drawOne,
    perform: (side, args) => libc.readlink(pathOf(side, args)),
  },
  mknod: {
    weight: 3,
    draw: (random) =>
      drawNew(random, () => ({
        mode: random.pick(TYPES) | 0o640,
        device: random.pick([0, 0x0103, 0xc705, 0x1234567]),
      })),
    perform: (side, args) =>
      libc.mknod(pathOf(side, args), numberOf(args, "mode"), numberOf(args, "device")),
  },
  readdir: {
    weight: 3,
    draw: (random) => {
      const path = drawFolder(random);
      return { args: { path }, paths: [path] };
    },
    perform: names,
  },
  createMany: { weight: 1, draw: drawMany, perform: createMany },
  removeMany: { weight: 1, draw: drawMany, perform: removeMany },
};

const ATTRIBUTE_NAMES = [
  "user.a",
  "user.a",
  "user.b",
  "user.c",
  "user.d",
  "security.f",
  "user.a-rather-long-name-of-an-attribute",
  `user.${"n".repeat(250)}`,
  `user.${"n".repeat(251)}`,
  "trusted.t",
  "security.s",
  "unknown.u",
  "user.",
];
/**
 * Sync, no dump, no atime. Immutable and append-only files have a test of their own: in a FUSE mount the
 * kernel compares types before the server can refuse, so that other errnos win.
 */
const FLAGS_OF_INODES = [0, 0x8, 0x40, 0x80];
const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;

/** Reads or changes the flags that `lsattr` shows. */
function inodeFlags(side: Side, args: Arguments): number | string {
  const flags = libc.O_RDONLY | libc.O_NOFOLLOW | libc.O_NONBLOCK;
  const descriptor = libc.open(pathOf(side, args), flags);
  if (descriptor < 0) return descriptor;
  const buffer = new Uint8Array(8);
  const view = new DataView(buffer.buffer);
  try {
    const got = libc.ioctl(descriptor, FS_IOC_GETFLAGS, buffer);
    if (got < 0 || numberOf(args, "set") < 0) {
      return `${got} ${view.getUint32(0, true) & FLAGS_SHOWN}`;
    }
    const kept = view.getUint32(0, true) & ~0xf8;
    view.setUint32(0, kept | numberOf(args, "set"), true);
    return libc.ioctl(descriptor, FS_IOC_SETFLAGS, buffer);
  } finally {
    libc.close(descriptor);
  }
}

/** Flags that tell of the inner layout (indexed, extents, inline) may differ between the two. */
const FLAGS_SHOWN = 0xf8;

/** Not -1 for both: a FUSE server does not hear of that, and the kernel would clear set-id bits. */
const OWNERS = [-1, 0, 1000, 70_000].flatMap((uid) =>
  [-1, 0, 1000, 4_000_000].flatMap((gid) => uid === -1 && gid === -1 ? [] : [{ uid, gid }])
);

/** Kinds by name. */
export const INODE_KINDS: Readonly<Record<string, Kind>> = {
  chmod: {
    weight: 5,
    draw: (random) => drawOne(random, () => ({ mode: random.pick(MODES) })),
    perform: (side, args) => libc.chmod(pathOf(side, args), numberOf(args, "mode")),
  },
  chown: {
    weight: 5,
    draw: (random) =>
      drawOne(random, () => ({
        ...random.pick(OWNERS),
      })),
    perform: (side, args) =>
      libc.lchown(pathOf(side, args), numberOf(args, "uid"), numberOf(args, "gid")),
  },
  utimens: {
    weight: 5,
    draw: (random) =>
      drawOne(random, () => ({
        accessed: random.pick([-(2 ** 31), -1, 0, 1, 2 ** 31, 2 ** 32, 2 ** 33, 15_000_000_000]),
        modified: random.pick([-1_000_000_000, 0, 2 ** 31 - 1, 2 ** 31, 2 ** 34 - 1, 2 ** 34 + 5]),
        nanoseconds: random.pick([0, 1, 999_999_999, 123_456_789]),
      })),
    perform: (side, args) =>
      libc.utimens(
        pathOf(side, args),
        [numberOf(args, "accessed"), numberOf(args, "nanoseconds")],
        [numberOf(args, "modified"), numberOf(args, "nanoseconds")],
      ),
  },
  setxattr: {
    weight: 6,
    draw: (random) =>
      drawOne(random, () => ({
        name: random.pick(ATTRIBUTE_NAMES),
        length: random.pick([0, 1, 10, 10, 40, 40, 100, 300, 1000, 3000, 5000]),
        seed: random.below(251),
        flags: random.pick([0, 0, 0, 0, 1, 2]),
      })),
    perform: (side, args) =>
      libc.setxattr(
        pathOf(side, args),
        textOf(args, "name"),
        noise(numberOf(args, "seed"), numberOf(args, "length")),
        numberOf(args, "flags"),
      ),
  },
  getxattr: {
    weight: 1,
    draw: (random) => drawOne(random, () => ({ name: random.pick(ATTRIBUTE_NAMES.slice(0, 5)) })),
    perform: (side, args) => {
      const value = libc.getxattr(pathOf(side, args), textOf(args, "name"));
      return typeof value === "number" ? value : value.toHex();
    },
  },
  removexattr: {
    weight: 3,
    draw: (random) => drawOne(random, () => ({ name: random.pick(ATTRIBUTE_NAMES.slice(0, 5)) })),
    perform: (side, args) => libc.removexattr(pathOf(side, args), textOf(args, "name")),
  },
  inodeFlags: {
    weight: 2,
    draw: (random) => drawOne(random, () => ({ set: random.pick([-1, ...FLAGS_OF_INODES]) })),
    perform: inodeFlags,
  },
};
