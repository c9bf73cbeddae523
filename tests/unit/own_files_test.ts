import assert from "node:assert/strict";
import { createMemoryImage, open } from "../../mod.ts";
import { TestVolume } from "../../fs/layout/testing_volume.ts";

const BLOCK_BYTES = 1024;

/** What the superblock keeps for itself, by number. */
const OWN: Readonly<Record<string, (volume: TestVolume) => number>> = {
  "the journal": () => 8,
  "a user quota": () => 3,
  "the project quota": ({ superblock }) => superblock.projectQuotaInode,
  "the orphan file": ({ superblock }) => superblock.orphanFileInode,
};

for (const [what, numberOf] of Object.entries(OWN)) {
  Deno.test(`a name that was made to lead to ${what} cannot be used, nor removed`, () => {
    const memory = createMemoryImage(8 << 20, {
      blockBytes: BLOCK_BYTES,
      features: ["^metadata_csum", "quota", "project", "orphan_file"],
      quotaTypes: ["user", "group", "project"],
    });
    const image = open(memory);
    image.writeTextFile("name", "x");
    const { ino } = image.stat("name");
    image.close();
    const bytes = memory.toUint8Array();
    const entry = Uint8Array.from([4, 1, ...new TextEncoder().encode("name")]);
    const own = numberOf(new TestVolume(bytes));
    assert.ok(own > 0 && own < 256 && own !== ino);
    for (let at = 0; at + 12 < bytes.length; at += 4) {
      if (!entry.every((byte, index) => bytes[at + 6 + index] === byte)) continue;
      if (bytes[at] === ino) memory.write(Uint8Array.of(own), at);
    }
    const before = memory.toUint8Array();
    {
      using image = open(memory, { errors: "continue" });
      assert.throws(() => image.stat("name"), { code: "EUCLEAN" });
      assert.throws(() => image.remove("name"), { code: "EUCLEAN" });
      assert.throws(() => image.writeTextFile("name", "y"), { code: "EUCLEAN" });
    }
    const inodeOf = (image: Uint8Array) => new TestVolume(image).inode(own);
    assert.equal(inodeOf(memory.toUint8Array()).links, inodeOf(before).links);
    assert.equal(inodeOf(memory.toUint8Array()).sectors, inodeOf(before).sectors);
  });
}
