import assert from "node:assert/strict";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { TestVolume } from "../alloc/testing.ts";
import { Corrupt, FsError } from "../errors.ts";
import { writeExtent, writeExtentHeader, writeExtentIndex } from "../layout/extent.ts";
import { I_BLOCK_OFFSET, InodeFlag } from "../layout/inode.ts";
import { toolMissing, withTempDir } from "../layout/testing.ts";
import type { Inode } from "../volume/inode.ts";
import {
  allocateRange,
  convertToWritten,
  initialiseMap,
  lookup,
  newMapping,
  nextHole,
  removeRange,
  shiftRange,
} from "./map.ts";

const OPTIONS = { unwritten: false, privileged: true, append: false, metadata: false };
/** Blocks in free space. */
const NODE = 6000;
const OTHER = 6001;

/** Runs `body` on a small image without checksums, with a file whose tree it spoils. */
function withVolume(body: (test: TestVolume, inode: Inode) => void): void {
  withTempDir((folder) => {
    const options = ["-b1024", "-O^metadata_csum,^uninit_bg", "-N64"];
    const test = TestVolume.make(folder, { options, sizeBytes: 8 << 20, files: 2 });
    test.file(0).mapChecked = false;
    body(test, test.file(0));
  });
}

/** Every way to use a map must end, in an answer or a typed error; returns the error of a plain walk. */
function useMap(test: TestVolume, inode: Inode): unknown {
  const out = newMapping();
  let first: unknown;
  const attempt = (body: () => void): void => {
    inode.forgetMapping();
    try {
      body();
    } catch (error) {
      assert.ok(error instanceof FsError, String(error));
      first ??= error;
    }
  };
  attempt(() => {
    for (let at = 0, looks = 0; at < 100_000 && looks < 5000; at += out.blocks, looks++) {
      lookup(test.alloc, inode, at, 100_000, out);
    }
  });
  attempt(() => lookup(test.alloc, inode, 0xfffffffe, 1, out));
  attempt(() => nextHole(test.alloc, inode, 0, 5000));
  for (const at of [0, 7, 500, 70_000]) {
    attempt(() => test.run((handle) => convertToWritten(test.alloc, handle, inode, at, 20)));
    attempt(() =>
      test.run((handle) => allocateRange(test.alloc, handle, inode, at, 9, OPTIONS, out))
    );
    attempt(() => test.run((handle) => shiftRange(test.alloc, handle, inode, at, 100)));
    attempt(() =>
      test.run((handle) => removeRange(test.alloc, handle, inode, at, 0xffffffff, 1000))
    );
  }
  return first;
}

interface Spoiled {
  readonly name: string;
  readonly expected: RegExp;
  readonly spoil: (test: TestVolume, root: DataView) => void;
}

function node(test: TestVolume, block: number, entries: number, depth: number): DataView {
  const { view } = test.volume.cache.fresh(block);
  writeExtentHeader(view, 0, entries, 84, depth);
  return view;
}

const root = I_BLOCK_OFFSET;
const entry = (index: number, start = 0): number => start + 12 + 12 * index;

const SPOILED: readonly Spoiled[] = [
  {
    name: "no magic",
    expected: /eh_magic/,
    spoil: (_, view) => view.setUint16(root, 0x1234, true),
  },
  {
    name: "too many entries",
    expected: /eh_entries 5/,
    spoil: (_, view) => writeExtentHeader(view, root, 5, 4, 0),
  },
  {
    name: "a root too deep",
    expected: /eh_depth 6/,
    spoil: (_, view) => writeExtentHeader(view, root, 1, 4, 6),
  },
  {
    name: "an index without entries",
    expected: /eh_entries is 0/,
    spoil: (_, view) => writeExtentHeader(view, root, 0, 4, 2),
  },
  {
    name: "extents that overlap",
    expected: /file block 4 is below 8/,
    spoil: (_, view) => {
      writeExtentHeader(view, root, 2, 4, 0);
      writeExtent(view, entry(0, root), 0, 8, NODE, false);
      writeExtent(view, entry(1, root), 4, 8, NODE + 20, false);
    },
  },
  {
    name: "an extent of no blocks",
    expected: /ee_len is 0/,
    spoil: (_, view) => {
      writeExtentHeader(view, root, 1, 4, 0);
      writeExtent(view, entry(0, root), 0, 0, NODE, false);
    },
  },
  {
    name: "an extent past the end of the disk",
    expected: /outside the file system/,
    spoil: (_, view) => {
      writeExtentHeader(view, root, 1, 4, 0);
      writeExtent(view, entry(0, root), 0, 8, 8190, false);
    },
  },
  {
    name: "an extent over an inode table",
    expected: /fixed metadata/,
    spoil: (test, view) => {
      writeExtentHeader(view, root, 1, 4, 0);
      writeExtent(view, entry(0, root), 0, 8, (test.volume.groups.inodeTable[0] ?? 0) - 7, false);
    },
  },
  {
    name: "a node below an inode table's block",
    expected: /fixed metadata/,
    spoil: (test, view) => {
      writeExtentHeader(view, root, 1, 4, 1);
      writeExtentIndex(view, entry(0, root), 0, test.volume.groups.inodeTable[0] ?? 0);
    },
  },
  {
    name: "a node that is its own child",
    expected: /eh_depth 2 is not 1/,
    spoil: (test, view) => {
      writeExtentHeader(view, root, 1, 4, 3);
      writeExtentIndex(view, entry(0, root), 0, NODE);
      writeExtentIndex(node(test, NODE, 1, 2), entry(0), 0, NODE);
    },
  },
  {
    name: "two entries with the same child",
    expected: /file block 0 is below 100|file blocks 0 to 7 are not in 100/,
    spoil: (test, view) => {
      writeExtentHeader(view, root, 2, 4, 1);
      writeExtentIndex(view, entry(0, root), 0, NODE);
      writeExtentIndex(view, entry(1, root), 100, NODE);
      writeExtent(node(test, NODE, 1, 0), entry(0), 0, 8, OTHER, false);
    },
  },
  {
    name: "a child that reaches into its neighbor's range",
    expected: /file block 107 is not below 100/,
    spoil: (test, view) => {
      writeExtentHeader(view, root, 2, 4, 1);
      writeExtentIndex(view, entry(0, root), 0, NODE);
      writeExtentIndex(view, entry(1, root), 100, OTHER);
      writeExtent(node(test, NODE, 1, 0), entry(0), 0, 108, 7000, false);
      writeExtent(node(test, OTHER, 1, 0), entry(0), 100, 8, 7200, false);
    },
  },
  {
    name: "a leaf where an index should be",
    expected: /eh_depth 0 is not 1/,
    spoil: (test, view) => {
      writeExtentHeader(view, root, 1, 4, 2);
      writeExtentIndex(view, entry(0, root), 0, NODE);
      writeExtent(node(test, NODE, 1, 0), entry(0), 0, 8, OTHER, false);
    },
  },
  {
    name: "a node with too little room",
    expected: /eh_max/,
    spoil: (test, view) => {
      writeExtentHeader(view, root, 1, 4, 1);
      writeExtentIndex(view, entry(0, root), 0, NODE);
      const { view: child } = test.volume.cache.fresh(NODE);
      writeExtentHeader(child, 0, 1, 1, 0);
      writeExtent(child, entry(0), 0, 8, OTHER, false);
    },
  },
];

const ignore = toolMissing("mke2fs") || toolMissing("debugfs");

for (const { name, expected, spoil } of SPOILED) {
  Deno.test({
    name: `an extent tree with ${name} is refused by name`,
    ignore,
    fn: () =>
      withVolume((test, inode) => {
        spoil(test, inode.view);
        const error = useMap(test, inode);
        assert.ok(error instanceof Corrupt, String(error));
        assert.match(error.message, expected);
      }),
  });
}

Deno.test({
  name: "an extent tree that maps free blocks cannot be truncated, and stays whole",
  ignore,
  fn: () =>
    withVolume((test, inode) => {
      writeExtentHeader(inode.view, root, 1, 4, 0);
      writeExtent(inode.view, entry(0, root), 0, 8, NODE, false);
      const free = test.alloc.freeBlocks();
      const remove = (): unknown =>
        test.run((handle) => removeRange(test.alloc, handle, inode, 0, 8, 10));
      assert.throws(remove, /freed, but not in use/);
      assert.throws(remove, Corrupt);
      assert.equal(test.alloc.freeBlocks(), free);
    }),
});

Deno.test({
  name: "a node whose checksum is wrong is refused",
  ignore,
  fn: () =>
    withTempDir((folder) => {
      const test = TestVolume.make(folder, { options: ["-b1024"], sizeBytes: 8 << 20, files: 2 });
      const out = newMapping();
      for (let at = 0; at < 20; at += 2) {
        test.run((handle) => allocateRange(test.alloc, handle, test.file(0), at, 1, OPTIONS, out));
      }
      test.volume.commit(true);
      const child = test.file(0).view.getUint32(entry(0, root) + 4, true);
      const byte = new Uint8Array(1);
      test.device.read(byte, child * 1024 + 700);
      test.device.write(byte.map((value) => value ^ 1), child * 1024 + 700);
      test.reopen();
      assert.throws(
        () => lookup(test.alloc, test.file(0), 0, 1, out),
        /extent node .*et_checksum/,
      );
    }),
});

Deno.test({
  name: "block maps that run in circles or point outside end in typed errors",
  ignore,
  fn: () =>
    withVolume((test, inode) => {
      initialiseMap(inode, false);
      const slot = (index: number): number => root + 4 * index;
      const first = test.volume.cache.fresh(NODE);
      for (let at = 0; at < 1024; at += 4) first.view.setUint32(at, NODE, true);
      for (const index of [12, 13, 14]) inode.view.setUint32(slot(index), NODE, true);
      assert.ok(useMap(test, inode) instanceof Corrupt);
      inode.view.setUint32(slot(3), 0xfffffff0, true);
      const look = (at: number) => () => lookup(test.alloc, inode, at, 1, newMapping());
      inode.forgetMapping();
      assert.throws(look(3), /outside the file system/);
      inode.view.setUint32(slot(4), 1, true);
      assert.throws(look(4), Corrupt);
      inode.view.setUint32(slot(14), 2, true);
      assert.throws(look(70_000), /fixed metadata/);
    }),
});

Deno.test({
  name: "maps with random bytes changed end in answers or typed errors",
  ignore,
  fn: () =>
    withTempDir((folder) => {
      const random = new Random(printedSeed("hostile maps"));
      const options = ["-b1024", "-O^metadata_csum,^uninit_bg", "-N64"];
      const test = TestVolume.make(folder, { options, sizeBytes: 8 << 20, files: 2 });
      const out = newMapping();
      for (let at = 0; at < 800; at += 2) {
        test.run((handle) => allocateRange(test.alloc, handle, test.file(0), at, 1, OPTIONS, out));
      }
      test.volume.commit(true);
      const child = test.file(0).view.getUint32(entry(0, root) + 4, true);
      for (let round = 0; round < 400; round++) {
        test.reopen();
        const inode = test.file(0);
        if (random.chance(20)) inode.setFlag(InodeFlag.EXTENTS, false);
        const change = (bytes: Uint8Array, from: number, to: number): void => {
          const at = random.between(from, to - 1);
          bytes.fill(random.pick([0, 1, 0xff, random.below(256)]), at, at + 1);
        };
        for (let n = random.between(1, 4); n > 0; n--) {
          if (random.chance(40)) change(inode.raw, root, root + 60);
          else change(test.volume.cache.get(child).bytes, 0, 1024);
        }
        useMap(test, inode);
      }
    }),
});
