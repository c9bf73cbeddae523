/**
 * A tree with something of everything, to copy onto a mount.
 *
 * @module
 */

import { run } from "../../tools/process.ts";
import * as libc from "./libc.ts";
import type { Random } from "./seed.ts";

const S_IFIFO = 0o010000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;

/** Writes a file with data at a few places and holes between them. */
export function writeSparse(path: string, random: Random, sizeBytes: number): void {
  const descriptor = libc.open(libc.toByteString(path), libc.O_RDWR | libc.O_CREAT, 0o644);
  if (descriptor < 0) throw new Error(`open ${path}: ${descriptor}`);
  for (let piece = 0; piece < 5; piece++) {
    const bytes = random.fill(new Uint8Array(random.between(1, 9000)));
    libc.pwrite(descriptor, bytes, random.below(sizeBytes - bytes.length));
  }
  libc.ftruncate(descriptor, sizeBytes);
  libc.close(descriptor);
}

function writeFiles(folder: string, random: Random): void {
  for (const size of [0, 1, 59, 60, 61, 155, 1023, 1024, 4095, 4096, 4097, 70_000, 1_234_567]) {
    Deno.writeFileSync(`${folder}/size-${size}`, random.fill(new Uint8Array(size)));
  }
  writeSparse(`${folder}/sparse`, random, 50_000_000);
  Deno.writeTextFileSync(`${folder}/set-id`, "x");
  libc.chmod(libc.toByteString(`${folder}/set-id`), 0o6755);
}

function writeNames(folder: string): void {
  const bytes = libc.toByteString(folder);
  for (const name of ["a".repeat(255), "\xff\xfe\x01", "new\nline", " ", "ü", "-rf", "名前"]) {
    const one = name.codePointAt(0) ?? 0;
    const path = `${bytes}/${one > 255 || name === "ü" ? libc.toByteString(name) : name}`;
    libc.close(libc.open(path, libc.O_WRONLY | libc.O_CREAT, 0o640));
  }
}

function writeLinks(folder: string, longest: number): void {
  const bytes = libc.toByteString(folder);
  for (const length of [1, 59, 60, 61, 255, 1000, 4000]) {
    if (length <= longest) libc.symlink("t".repeat(length), `${bytes}/link-${length}`);
  }
  for (let index = 0; index < 20; index++) {
    libc.link(`${bytes}/size-70000`, `${bytes}/hard-${index}`);
  }
}

/** Device nodes and other owners take root; without it the tree simply has none. */
function writeSpecial(folder: string): void {
  const bytes = libc.toByteString(folder);
  libc.mknod(`${bytes}/fifo`, S_IFIFO | 0o600, 0);
  libc.mknod(`${bytes}/character`, S_IFCHR | 0o660, 0x0103);
  libc.mknod(`${bytes}/block`, S_IFBLK | 0o660, 0xc705);
  libc.lchown(`${bytes}/size-60`, 1234, 70_000);
  libc.lchown(`${bytes}/link-61`, 4_000_000_000, 5);
}

function writeAttributes(folder: string, random: Random, largest: number): void {
  const bytes = libc.toByteString(folder);
  for (const size of [0, 1, 40, 200, largest]) {
    libc.setxattr(`${bytes}/size-1024`, `user.size-${size}`, random.fill(new Uint8Array(size)));
  }
  libc.setxattr(`${bytes}/sub`, "user.on-a-folder", new Uint8Array([1]));
  libc.setxattr(`${bytes}/size-61`, "trusted.t", new Uint8Array([2]));
  run("setfacl", ["-m", "u:1234:rw,g:77:r", `${folder}/size-61`]);
  run("setfacl", ["-d", "-m", "u:4321:rwx", `${folder}/sub`]);
}

function writeTimes(folder: string): void {
  const bytes = libc.toByteString(folder);
  const times: Readonly<Record<string, readonly [number, number]>> = {
    "size-0": [-1_000_000_000, 1],
    "size-1": [0, 999_999_999],
    "size-59": [2 ** 31, 123_456_789],
    "size-60": [2 ** 32 + 5, 0],
    "size-61": [15_000_000_000, 987_654_321],
  };
  for (const [name, time] of Object.entries(times)) {
    libc.utimens(`${bytes}/${name}`, time, time);
  }
}

/** What may be less than usual. */
export interface SourceTreeOptions {
  /** Files in one folder. */
  readonly many?: number;
  /** Length of the longest symbolic link. */
  readonly longestLink?: number;
  /** Bytes of the largest attribute. */
  readonly largestAttribute?: number;
}

/** Fills `folder` with files, names, links, special files, attributes and times of every kind. */
export function writeSourceTree(
  folder: string,
  random: Random,
  { many = 2000, longestLink = 4000, largestAttribute = 1500 }: SourceTreeOptions = {},
): void {
  Deno.mkdirSync(`${folder}/sub/deep/${"deeper/".repeat(20)}`, { recursive: true });
  Deno.mkdirSync(`${folder}/many`);
  writeFiles(folder, random);
  writeNames(folder);
  writeLinks(folder, longestLink);
  writeSpecial(folder);
  for (let index = 0; index < many; index++) {
    Deno.writeTextFileSync(`${folder}/many/file number ${index}`, `${index}\n`);
  }
  writeAttributes(folder, random, largestAttribute);
  writeTimes(folder);
}
