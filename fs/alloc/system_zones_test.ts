import assert from "node:assert/strict";
import { toolMissing, withTempDir } from "../layout/testing.ts";
import { TestVolume } from "./testing.ts";

const IMAGES: readonly (readonly [string, readonly string[]])[] = [
  ["flex_bg", ["-b1024", "-g1024", "-G4"]],
  ["no flex_bg", ["-b1024", "-g1024", "-O^flex_bg"]],
  ["meta_bg", ["-b1024", "-g1024", "-Ometa_bg,^resize_inode"]],
  ["every group has a backup", ["-b1024", "-g1024", "-O^sparse_super,^resize_inode"]],
  ["sparse_super2", ["-b1024", "-g1024", "-Osparse_super2"]],
  ["4 KiB blocks", ["-b4096", "-g512"]],
  ["bigalloc", ["-b1024", "-Obigalloc", "-C4096", "-g4096"]],
];

for (const [name, options] of IMAGES) {
  Deno.test({
    name: `exactly the blocks that dumpe2fs calls metadata are fixed metadata: ${name}`,
    ignore: toolMissing("mke2fs"),
    fn: () =>
      withTempDir((folder) => {
        const test = TestVolume.make(folder, {
          options: [...options, "-O^has_journal"],
          sizeBytes: 32 << 20,
          files: 0,
        });
        const { geometry, groups } = test.volume;
        const expected = new Set<number>();
        const add = (text: string): void => {
          const [first, last] = text.split("-").map(Number);
          for (let block = first ?? 0; block <= (last ?? first ?? 0); block++) expected.add(block);
        };
        const patterns =
          /(?:superblock at|descriptors? at|GDT blocks at|bitmap at|table at) (\d+(?:-\d+)?)/g;
        for (const [, range] of test.dumpe2fs().matchAll(patterns)) add(range ?? "");
        const found = new Set<number>();
        for (let block = geometry.firstDataBlock; block < geometry.blocksCount; block++) {
          if (test.alloc.isSystemBlock(block, 1)) found.add(block);
        }
        // With clusters and 1 KiB blocks, the boot block is in the first cluster.
        if (geometry.firstDataBlock === 0 && geometry.superblockBlock === 1) expected.add(0);
        assert.deepEqual([...found], [...expected].sort((a, b) => a - b));
        const table = groups.inodeTable[0] ?? 0;
        assert.ok(test.alloc.isSystemBlock(table - 50, 51));
        test.alloc.zones.add(geometry.blocksCount - 20, 5);
        assert.ok(test.alloc.isSystemBlock(geometry.blocksCount - 16, 1));
        assert.ok(!test.alloc.isSystemBlock(geometry.blocksCount - 15, 1));
      }),
  });
}

Deno.test({
  name: "ranges added later are found wherever they lie, apart, touching or overlapping",
  ignore: toolMissing("mke2fs"),
  fn: () =>
    withTempDir((folder) => {
      const options = ["-b1024", "-g1024", "-G4", "-O^has_journal"];
      const test = TestVolume.make(folder, { options, sizeBytes: 8 << 20, files: 0 });
      const { geometry } = test.volume;
      const { zones } = test.alloc;
      const blocks = Array.from({ length: geometry.blocksCount }, (_, block) => block);
      const expected = blocks.map((block) => zones.overlaps(block, 1));
      let state = 12345;
      for (let round = 0; round < 200; round++) {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        const start = 1 + (state >>> 8) % (geometry.blocksCount - 8);
        const count = 1 + (state & 7);
        zones.add(start, count);
        expected.fill(true, start, start + count);
        if (round % 20 === 19) assert.deepEqual(blocks.map((b) => zones.overlaps(b, 1)), expected);
      }
    }),
});
