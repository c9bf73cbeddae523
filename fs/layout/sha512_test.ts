import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { sha512 } from "./sha512.ts";

Deno.test("SHA-512 of every length around its blocks", () => {
  for (const length of [0, 1, 63, 110, 111, 112, 113, 127, 128, 129, 239, 240, 256, 1000]) {
    const bytes = new Uint8Array(length).map((_, index) => index * 7 + length);
    const wanted = new Uint8Array(createHash("sha512").update(bytes).digest());
    assert.deepEqual(sha512(bytes), wanted, `${length} bytes`);
  }
});
