import assert from "node:assert/strict";
import { crc16 } from "./crc16.ts";
import { crc32BigEndian } from "./crc32_be.ts";
import { crc32c, crc32cNumber, crc32cNumber64, crc32cZeros } from "./crc32c.ts";

const CHECK = new TextEncoder().encode("123456789");

/** Bit by bit, straight from the definition of a reflected CRC. */
function slowReflected(polynomial: number, seed: number, bytes: Uint8Array): number {
  let crc = seed;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? polynomial : 0);
  }
  return crc >>> 0;
}

Deno.test("the published check values of CRC-32C, CRC-16/ARC and CRC-32/BZIP2 come out", () => {
  assert.equal(~crc32c(0xffffffff, CHECK) >>> 0, 0xe3069283);
  assert.equal(crc16(0, CHECK), 0xbb3d);
  assert.equal(~crc32BigEndian(0xffffffff, CHECK) >>> 0, 0xfc891918);
});

Deno.test("crc32c equals the bitwise definition for every length to 300 and every alignment", () => {
  const bytes = new Uint8Array(320).map((_, index) => (index * 167 + 13) & 0xff);
  for (let length = 0; length <= 300; length++) {
    const start = length % 17;
    const expected = slowReflected(0x82f63b78, 0x12345678, bytes.subarray(start, start + length));
    assert.equal(crc32c(0x12345678, bytes, start, start + length), expected);
    assert.equal(crc32c(0x12345678, bytes.subarray(start, start + length)), expected);
  }
});

Deno.test("crc16 equals the bitwise definition", () => {
  const bytes = new Uint8Array(300).map((_, index) => (index * 91 + 5) & 0xff);
  assert.equal(crc16(0xffff, bytes, 7, 251), slowReflected(0xa001, 0xffff, bytes.subarray(7, 251)));
});

Deno.test("a running CRC continues over parts", () => {
  const bytes = new Uint8Array(4096).map((_, index) => (index * 31 + (index >> 8)) & 0xff);
  const whole = crc32c(0xffffffff, bytes);
  for (const cut of [1, 15, 16, 17, 1000, 4095]) {
    assert.equal(crc32c(crc32c(0xffffffff, bytes, 0, cut), bytes, cut), whole);
  }
});

Deno.test("numbers and zeros give what their bytes give", () => {
  const view = new DataView(new ArrayBuffer(8));
  for (const value of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 2 ** 32, 2 ** 47 + 12345]) {
    view.setBigUint64(0, BigInt(value), true);
    const bytes = new Uint8Array(view.buffer);
    assert.equal(crc32cNumber64(0xdeadbeef, value), crc32c(0xdeadbeef, bytes));
    if (value < 2 ** 32) {
      assert.equal(crc32cNumber(0xdeadbeef, value), crc32c(0xdeadbeef, bytes, 0, 4));
    }
  }
  for (let count = 0; count < 20; count++) {
    assert.equal(crc32cZeros(0xabcdef01, count), crc32c(0xabcdef01, new Uint8Array(count)));
  }
});
