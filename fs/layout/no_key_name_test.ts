import assert from "node:assert/strict";
import {
  decodeNoKeyName,
  encodeNoKeyName,
  isNoKeyNameOf,
  MAX_NO_KEY_NAME_BYTES,
  noKeyNameLength,
} from "./no_key_name.ts";

const out = new Uint8Array(MAX_NO_KEY_NAME_BYTES);

Deno.test("names without a key are found again by what is shown of them", () => {
  for (let length = 16; length <= 255; length++) {
    const stored = Uint8Array.from({ length: length + 7 }, (_, i) => (i * 41 + length) & 255);
    const shown = out.slice(0, encodeNoKeyName(stored, 7, length + 7, 0xdeadbeee, -5, out));
    assert.equal(shown.length, noKeyNameLength(length));
    assert.match(new TextDecoder().decode(shown), /^[A-Za-z0-9_-]+$/);
    const decoded = decodeNoKeyName(shown);
    assert(decoded !== undefined);
    assert.equal(decoded.hash, 0xdeadbeee);
    assert.ok(isNoKeyNameOf(decoded, stored, 7, length + 7));
    assert.ok(!isNoKeyNameOf(decoded, stored, 6, length + 6));
    assert.ok(!isNoKeyNameOf(decoded, stored, 7, length + 6));
  }
});

Deno.test("other names are not taken for such", () => {
  for (const name of ["", "a", "README", "AAAAAAAAAAA", "ABCDEFGHIJKLMN.txt", "A".repeat(250)]) {
    assert.equal(decodeNoKeyName(new TextEncoder().encode(name)), undefined, name);
  }
});
