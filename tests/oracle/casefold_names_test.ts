/**
 * Folded names against libext2fs, whose tables are the kernel's: every code point, and random names.
 *
 * @module
 */

import assert from "node:assert/strict";
import { foldName, MAX_FOLDED_BYTES } from "../../fs/layout/casefold.ts";
import { numberFromEnv, Random, SEED_VARIABLE } from "../harness/seed.ts";
import { testWith } from "../harness/skip.ts";

const CASEFOLD = {
  parameters: ["pointer", "buffer", "usize", "buffer", "usize"],
  result: "i32",
} as const;
const SYMBOLS = {
  ext2fs_load_nls_table: { parameters: ["i32"], result: "pointer" },
} as const;

type Fold = (name: Uint8Array) => Uint8Array | undefined;

/** libext2fs's casefold of UTF-8 12.1; undefined where there is no such library. */
function libraryFold(): Fold | undefined {
  let library: Deno.DynamicLibrary<typeof SYMBOLS>;
  try {
    library = Deno.dlopen("libext2fs.so.2", SYMBOLS);
  } catch {
    return undefined;
  }
  const table = library.symbols.ext2fs_load_nls_table(1);
  if (table === null) return undefined;
  // struct ext2fs_nls_table: name, ops; the first of the operations is casefold.
  const operations = new Deno.UnsafePointerView(table).getPointer(8);
  if (operations === null) return undefined;
  const address = new Deno.UnsafePointerView(operations).getPointer(0);
  if (address === null) return undefined;
  const casefold = new Deno.UnsafeFnPointer(
    address as Deno.PointerObject<typeof CASEFOLD>,
    CASEFOLD,
  );
  const out = new Uint8Array(MAX_FOLDED_BYTES);
  return (name) => {
    const size = BigInt(out.length);
    const length = casefold.call(table, name.slice(), BigInt(name.length), out, size) as number;
    return length < 0 ? undefined : out.subarray(0, length);
  };
}

const theirs = libraryFold();
const needs = [() => theirs === undefined ? "there is no libext2fs.so.2" : undefined];
const encoder = new TextEncoder();
const out = new Uint8Array(MAX_FOLDED_BYTES);

function compare(name: Uint8Array): void {
  const length = foldName(name, 0, name.length, out);
  const wanted = theirs?.(name);
  const same = wanted === undefined
    ? length < 0
    : length === wanted.length && wanted.every((byte, index) => byte === out[index]);
  if (same) return;
  const shown = length < 0
    ? "invalid"
    : JSON.stringify(new TextDecoder().decode(out.slice(0, length)));
  const theirShown = wanted === undefined
    ? "invalid"
    : JSON.stringify(new TextDecoder().decode(wanted));
  assert.fail(`name ${name}: ${shown}, libext2fs ${theirShown}`);
}

testWith({
  name: "every code point is folded as libext2fs does",
  needs,
  fn() {
    for (let codePoint = 1; codePoint < 0x110000; codePoint++) {
      if (codePoint >= 0xd800 && codePoint < 0xe000) continue;
      // Most of the upper planes is empty, or alike.
      if (codePoint >= 0x30000 && codePoint < 0xe0000) codePoint += 100;
      compare(encoder.encode(String.fromCodePoint(codePoint)));
    }
  },
});

/** Letters with case and marks, marks of all classes, Hangul, ignorables, unassigned ones. */
const RANGES = [
  [0x20, 0x7e],
  [0xa0, 0x3ff],
  [0x300, 0x36f],
  [0x5b0, 0x5c7],
  [0x1d00, 0x20ff],
  [0x2c00, 0x2dff],
  [0xa640, 0xa7ff],
  [0xab30, 0xabff],
  [0xac00, 0xac80],
  [0x1100, 0x11ff],
  [0xf900, 0xffff],
  [0x10400, 0x104ff],
  [0x1d150, 0x1d1ff],
  [0x1e900, 0x1e95f],
  [0xe0000, 0xe01ff],
] as const;

testWith({
  name: "random names are folded as libext2fs does",
  needs,
  fn() {
    const seed = numberFromEnv(SEED_VARIABLE, 7);
    console.log(`${SEED_VARIABLE}=${seed}`);
    const random = new Random(seed);
    for (let count = 0; count < 30_000; count++) {
      let text = "";
      for (let length = 1 + random.below(12); length > 0; length--) {
        const [first, last] = RANGES[random.below(RANGES.length)] ?? RANGES[0];
        text += String.fromCodePoint(first + random.below(last - first + 1));
      }
      const name = encoder.encode(text).subarray(0, 255);
      for (let changes = random.below(4) - 1; changes > 0; changes--) {
        name[random.below(name.length)] = 1 + random.below(255);
      }
      compare(name);
    }
  },
});
