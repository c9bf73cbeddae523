import assert from "node:assert/strict";
import { check } from "../../fs/check/check.ts";
import { createMemoryImage, type MemoryImage, open } from "../../mod.ts";

const BLOCK_BYTES = 1024;

/** Block numbers whose first bytes are these. */
function blocksWith(memory: MemoryImage, bytes: Uint8Array): number[] {
  const all = memory.toUint8Array();
  const found: number[] = [];
  for (let at = 0; at < all.length; at += BLOCK_BYTES) {
    if (bytes.every((byte, index) => all[at + index] === byte)) found.push(at / BLOCK_BYTES);
  }
  return found;
}

for (const features of [["ea_inode"], ["ea_inode", "^metadata_csum"]]) {
  Deno.test(`a value that does not match its hash is found: ${features}`, () => {
    const memory = createMemoryImage(8 << 20, { blockBytes: BLOCK_BYTES, features });
    const value = new Uint8Array(3500).map((_, index) => index % 251);
    {
      using image = open(memory);
      for (const name of ["one", "two"]) {
        image.writeTextFile(name, "x");
        image.setXattr(name, "user.long", value);
      }
    }
    assert.deepEqual(check(memory).findings, []);
    // In its place, and the copy in the journal.
    for (const block of blocksWith(memory, value.subarray(BLOCK_BYTES, BLOCK_BYTES + 100))) {
      memory.write(Uint8Array.of(1), block * BLOCK_BYTES + 7);
    }
    const { counts, clean } = check(memory);
    assert.deepEqual({ counts, clean }, { counts: { xattr_value_hash: 1 }, clean: false });
    using image = open(memory, { readOnly: true });
    assert.throws(() => image.getXattr("one", "user.long"), { code: "EUCLEAN" });
  });
}

for (const features of [[], ["^64bit", "^metadata_csum"], ["sparse_super2"]]) {
  Deno.test(`a place in backup group descriptors that differs is warned of: ${features}`, () => {
    const memory = createMemoryImage(32 << 20, { blockBytes: BLOCK_BYTES, features });
    assert.deepEqual(check(memory).findings, []);
    // The first backup: group 1.
    memory.write(Uint8Array.of(0xff, 0xff), (8192 + 1 + 1) * BLOCK_BYTES + 8);
    const { counts, clean, findings } = check(memory);
    assert.deepEqual({ counts, clean }, { counts: { backup_groups: 1 }, clean: true });
    assert.match(findings[0]?.message ?? "", /group 1.*differ from the primary ones/);
  });
}
