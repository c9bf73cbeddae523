import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { sha256 } from "./sha256.ts";

Deno.test("SHA-256 agrees with another implementation", () => {
  for (const length of [0, 1, 3, 55, 56, 63, 64, 65, 106, 119, 120, 255, 1000, 65536, 65600]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255);
    const wanted = new Uint8Array(createHash("sha256").update(bytes).digest());
    assert.deepEqual(sha256(bytes), wanted, `${length} bytes`);
  }
});
