/**
 * Makes the images that are mutated. The same shape gives the same image everywhere on one machine: times, UUIDs and
 * random numbers are fixed.
 *
 * @module
 */

import { FsError, type Image, MemoryImage, open } from "../../mod.ts";
import { InodeFlag } from "../../fs/layout/inode.ts";
import { run } from "../../tools/process.ts";
import { must } from "../harness/commands.ts";
import * as libc from "../harness/libc.ts";
import { Random } from "../harness/seed.ts";
import { Anatomy } from "./anatomy.ts";
import { OverlayDevice } from "./overlay_device.ts";
import { leaveJournal } from "./pending_journal.ts";
import { Seals } from "./seals.ts";
import type { Extra, Shape } from "./shapes.ts";

const SECONDS = 1_700_000_000;
/** Byte offsets in an inode: i_atime, i_ctime, and the first of three i_*time_extra. */
const ATIME = 0x8;
const CTIME = 0xc;
const EXTRA_TIMES = 0x84;
const UUID = "6b667320-6675-7a7a-8000-000000000001";

/** What mke2fs copies into every image. */
export function writeSource(folder: string): void {
  const random = new Random(1);
  const file = (name: string, bytes: number): void =>
    Deno.writeFileSync(`${folder}/${name}`, random.fill(new Uint8Array(bytes)));
  Deno.mkdirSync(`${folder}/deep/er/and/deeper`, { recursive: true });
  Deno.mkdirSync(`${folder}/names`);
  for (const bytes of [0, 1, 59, 61, 130, 1024, 3000, 20_000, 70_000]) file(`size-${bytes}`, bytes);
  file("deep/er/leaf", 700);
  for (let index = 0; index < 60; index++) {
    file(`names/${"a long name ".repeat(3)}${index}`, index % 7 === 0 ? 50 : 0);
  }
  const bytes = libc.toByteString(folder);
  for (const length of [10, 59, 60, 300]) {
    libc.symlink("t".repeat(length), `${bytes}/link-${length}`);
  }
  libc.link(`${bytes}/size-1024`, `${bytes}/deep/second`);
  libc.mknod(`${bytes}/fifo`, 0o010600, 0);
  libc.mknod(`${bytes}/device`, 0o020660, 0x0103);
  for (const length of [3, 40, 200]) {
    libc.setxattr(
      `${bytes}/size-3000`,
      `user.value-${length}`,
      new Uint8Array(length).fill(length),
    );
  }
  libc.setxattr(`${bytes}/size-61`, "user.small", new Uint8Array([1]));
  libc.setxattr(`${bytes}/deep`, "user.on-a-folder", new Uint8Array(30));
  run("setfacl", ["-m", "u:1234:rw,g:77:r", `${folder}/size-61`]);
  run("setfacl", ["-d", "-m", "u:4321:rwx", `${folder}/deep`]);
  run("find", [folder, "-exec", "touch", "-h", "-d", `@${SECONDS}`, "{}", "+"]);
}

const OPEN = {
  clock: () => ({ seconds: SECONDS, nanoseconds: 5 }),
  random: () => 0x12345678,
  errors: "continue",
  wait: () => true,
} as const;

function populate(image: Image): void {
  const random = new Random(2);
  using fragmented = image.create("/fragmented");
  const piece = random.fill(new Uint8Array(100));
  const { bsize, bfree } = image.statfs();
  const pieces = Math.min(400, Math.floor(bfree / 4));
  for (let index = 0; index < pieces; index++) fragmented.writeAt(piece, index * 2 * bsize);
  image.writeFile("/preallocated", piece);
  tolerant(() => image.fallocate("/preallocated", 0, 30 * bsize, { keepSize: true }));
  image.writeFile("/sparse", piece);
  image.truncate("/sparse", 3_000_000_000);
  image.writeFile("/attributes", piece);
  for (let index = 0; index < 6; index++) setXattr(image, "/attributes", `user.a${index}`, 90);
  for (const name of ["/shared-1", "/shared-2"]) {
    image.writeFile(name, piece);
    setXattr(image, name, "user.same", 400);
  }
  setXattr(image, "/attributes", "user.large", 5000);
}

function setXattr(image: Image, path: string, name: string, bytes: number): void {
  tolerant(() => image.setXattr(path, name, new Uint8Array(bytes).fill(bytes)));
}

/** What a format has no room or no structure for is left out. */
function tolerant(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
  }
}

function fillDirectory(image: Image): void {
  image.mkdir("/large");
  image.writeTextFile("/large/file", "x");
  for (let index = 0; index < 1300; index++) {
    image.link("/large/file", `/large/${"name ".repeat(12)}${index}`);
  }
}

function foldDirectories(image: Image): void {
  for (const [path, names] of [["/Folded", 300], ["/Small", 4]] as const) {
    image.mkdir(path);
    image.setFlags(path, image.getFlags(path) | InodeFlag.CASEFOLD);
    image.writeTextFile(`${path}/File`, "x");
    for (let index = 0; index < names; index++) {
      image.link(`${path}/file`, `${path}/Größe ÉÎ ${index}`);
    }
  }
}

/** Files without a name, kept open while the image is copied. */
function leaveOrphans(image: Image): void {
  for (let index = 0; index < 4; index++) {
    image.writeFile(`/orphan-${index}`, new Uint8Array(3000 * index).fill(index));
    image.open(`/orphan-${index}`);
    image.remove(`/orphan-${index}`);
  }
  image.sync();
}

const BY_ENGINE: Readonly<Partial<Record<Extra, (image: Image) => void>>> = {
  populate,
  "large-directory": fillDirectory,
  "folded-directories": foldDirectories,
};

/** Does what the engine is to do; an image that it cannot change yet stays as mke2fs made it. */
function extend(content: Uint8Array, shape: Shape): Uint8Array {
  const memory = MemoryImage.from(content);
  let image: Image;
  try {
    image = open(memory, OPEN);
  } catch (error) {
    if (error instanceof FsError) return content;
    throw error;
  }
  for (const extra of shape.extras) BY_ENGINE[extra]?.(image);
  if (!shape.extras.includes("orphans")) image.close();
  else leaveOrphans(image);
  return memory.toUint8Array();
}

/** Gives all inodes the same times: mke2fs copies when the source was made and read. */
function settleTimes(content: Uint8Array): Uint8Array {
  const anatomy = new Anatomy(content);
  const device = new OverlayDevice(content);
  const seals = new Seals(device, anatomy.geometry);
  const seconds = new Uint8Array(Uint32Array.of(SECONDS).buffer);
  for (const { offsetBytes, lengthBytes, seal } of anatomy.ofKind("inode")) {
    for (const field of [ATIME, CTIME]) device.write(seconds, offsetBytes + field);
    const nothing = new Uint8Array(12);
    if (lengthBytes > EXTRA_TIMES) device.write(nothing, offsetBytes + EXTRA_TIMES);
    seal?.(seals);
  }
  return device.content();
}

/** Makes the image of a shape. @param folder where the work is done; `source` in it is what mke2fs copies. */
export function makeBase(shape: Shape, folder: string): Uint8Array {
  const path = `${folder}/base`;
  run("rm", ["-f", path]);
  const env = { E2FSPROGS_FAKE_TIME: String(SECONDS), E2FSCK_TIME: String(SECONDS) };
  const fixed = ["-U", UUID, "-E", `hash_seed=${UUID}`];
  const size = `${shape.kibibytes}k`;
  const source = ["-d", `${folder}/source`];
  must("mke2fs", ["-q", "-F", ...shape.options, ...fixed, ...source, path, size], { env });
  // With mmp, e2fsck waits for some seconds.
  if (!shape.options.join(" ").includes("mmp")) run("e2fsck", ["-fyD", path], { env });
  let content = extend(settleTimes(Deno.readFileSync(path)), shape);
  if (shape.extras.includes("journal")) {
    content = leaveJournal(content, shape.journalChecksums ?? 3);
  }
  return content;
}
