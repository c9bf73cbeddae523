import assert from "node:assert/strict";
import { readFixedText, writeFixedText } from "./fixed_text.ts";
import { getUint64, getUint64BigEndian, setUint64, setUint64BigEndian } from "./uint64.ts";

Deno.test("64-bit integers read and write as DataView's BigInt methods do", () => {
  const view = new DataView(new ArrayBuffer(16));
  for (const value of [0, 1, 0xffffffff, 2 ** 32, 2 ** 32 + 1, 2 ** 48 - 1, 2 ** 53 - 1]) {
    setUint64(view, 3, value);
    assert.equal(view.getBigUint64(3, true), BigInt(value));
    assert.equal(getUint64(view, 3), value);
    setUint64BigEndian(view, 5, value);
    assert.equal(view.getBigUint64(5), BigInt(value));
    assert.equal(getUint64BigEndian(view, 5), value);
  }
});

Deno.test("fixed text is padded, cut at a whole character, and read to its NUL", () => {
  const bytes = new Uint8Array(12).fill(0x78);
  writeFixedText(bytes, 2, 8, "abc");
  assert.equal(readFixedText(bytes, 2, 8), "abc");
  assert.deepEqual([...bytes.subarray(0, 6)], [0x78, 0x78, 0x61, 0x62, 0x63, 0]);
  writeFixedText(bytes, 2, 8, "äöüßé");
  assert.equal(readFixedText(bytes, 2, 8), "äöüß");
  writeFixedText(bytes, 2, 8, "1234567é");
  assert.equal(readFixedText(bytes, 2, 8), "1234567");
  assert.equal(bytes[10], 0x78);
});
