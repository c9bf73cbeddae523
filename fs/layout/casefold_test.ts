import assert from "node:assert/strict";
import { foldName, isValidName, MAX_FOLDED_BYTES } from "./casefold.ts";
import { isAssigned } from "./unicode_assigned.ts";

const out = new Uint8Array(MAX_FOLDED_BYTES);

function fold(name: string | Uint8Array): string | undefined {
  const bytes = typeof name === "string" ? new TextEncoder().encode(name) : name;
  const length = foldName(bytes, 0, bytes.length, out);
  return length < 0 ? undefined : new TextDecoder().decode(out.subarray(0, length));
}

const FOLDED: Readonly<Record<string, string>> = {
  "README.txt": "readme.txt",
  "Stra\u00dfe": "strasse",
  "STRA\u1e9eE": "strasse",
  "\u00c5": "a\u030a",
  "\u212b": "a\u030a",
  "\u03a3\u03bf\u03c6\u03cc\u03c2": "\u03c3\u03bf\u03c6\u03bf\u0301\u03c3",
  "\u0130I\u0131": "i\u0307i\u0131",
  "\uac00": "\u1100\u1161",
  "\u13a0\uab70\u13f8": "\u13a0\u13a0\u13f0",
  "a\u00ad\u200db": "ab",
  // The iota below becomes a letter before marks are put in order.
  "\u03b1\u0345\u0301": "\u03b1\u03b9\u0301",
  // Marks are put in order, but not across an ignorable.
  "a\u0301\u0323": "a\u0323\u0301",
  "a\u0301\u034f\u0323": "a\u0301\u0323",
  // Younger than Unicode 12.1: a letter that Unicode 14 gave a lower case.
  "\u2c2fA": "\u2c2fa",
  "\u00ad": "",
  "": "",
};

Deno.test("names are folded: case, decomposition, ignorables", () => {
  for (const [name, folded] of Object.entries(FOLDED)) assert.equal(fold(name), folded, name);
});

Deno.test("what is not UTF-8 is not folded", () => {
  const invalid = [[0xff], [0x80, 0x41], [0xc0, 0xaf], [0x41, 0xe9], [0xed, 0xa0, 0x80], [
    0xf4,
    0x90,
    0x80,
    0x80,
  ]];
  for (const bytes of invalid) {
    assert.equal(fold(Uint8Array.from(bytes)), undefined);
    assert.equal(isValidName(Uint8Array.from(bytes)), false);
  }
  assert.equal(isValidName(new TextEncoder().encode("\ufeffa\u0378\u{10ffff}")), true);
  assert.equal(fold("\ufeffA"), "a");
});

Deno.test("bytes that continue no character pass behind one, as in the kernel", () => {
  const bytes = (length: number) => [...out.subarray(0, length)];
  const folded = (...name: number[]) => bytes(foldName(Uint8Array.from(name), 0, name.length, out));
  assert.deepEqual(folded(0x35, 0xb0, 0x43), [0x35, 0xb0, 0x63]);
  // An accent is put in order in a pass of its own, and each pass meets the stray byte.
  assert.deepEqual(folded(0xc3, 0x89, 0xb2), [0x65, 0xb2, 0xcc, 0x81, 0xb2]);
});

Deno.test("assigned code points end with Unicode 12.1", () => {
  const assigned = [0, 0x377, 0x37a, 0x32ff, 0x1e900, 0x10fffd];
  const not = [0x378, 0x379, 0x2c2f, 0x1fac0, 0x1df00];
  assert.deepEqual(assigned.filter((codePoint) => !isAssigned(codePoint)), []);
  assert.deepEqual(not.filter(isAssigned), []);
});

Deno.test("the longest names fit", () => {
  for (const part of ["\u0390", "\ufb03", "\u1fb7", "\u{1d160}", "\ud7a3", "\u0958", "A"]) {
    const bytes = new TextEncoder().encode(part);
    const name = new Uint8Array(255).fill(0x61);
    for (let at = 0; at + bytes.length <= 255; at += bytes.length) name.set(bytes, at);
    assert.ok(foldName(name, 0, 255, out) >= 255, part);
  }
  // Thirty classes, and what strays behind them is met in the pass of each: too long for the kernel too.
  const marks = String.fromCodePoint(...Array.from({ length: 12 }, (_, i) => 0x5b0 + i)) +
    String.fromCodePoint(...Array.from({ length: 8 }, (_, i) => 0x64b + i));
  const strays = new Uint8Array(255).fill(0xb2);
  strays.set(new TextEncoder().encode(`a${marks}`));
  assert.equal(foldName(strays, 0, 200, out), 3221);
  assert.equal(foldName(strays, 0, 255, out), -1);
});
