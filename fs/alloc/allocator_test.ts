import assert from "node:assert/strict";
import { ENOSPC } from "../errno.ts";
import { Corrupt } from "../errors.ts";
import { BG_BLOCK_UNINIT, BG_INODE_UNINIT } from "../layout/group_desc.ts";
import { S_IFDIR, S_IFREG } from "../layout/inode.ts";
import { runTool, toolMissing, withTempDir } from "../layout/testing.ts";
import { initialiseMap } from "../map/map.ts";
import { type AllocationGoal, NEEDS_COMMIT } from "./allocator.ts";
import { TestVolume } from "./testing.ts";

const GOAL: AllocationGoal = {
  diskBlock: 0,
  fileBlock: 0,
  blocks: 1,
  metadata: false,
  privileged: false,
  append: false,
};

function testOnImage(
  name: string,
  options: readonly string[],
  mebibytes: number,
  body: (test: TestVolume) => void,
): void {
  Deno.test({
    name,
    ignore: toolMissing("mke2fs") || toolMissing("debugfs"),
    fn: () =>
      withTempDir((folder) => {
        body(TestVolume.make(folder, { options, sizeBytes: mebibytes << 20, files: 2 }));
      }),
  });
}

/** Allocates until nothing is left. @returns the runs */
function fill(test: TestVolume, goal: AllocationGoal): [number, number][] {
  const runs: [number, number][] = [];
  while (true) {
    const result = test.run((handle) => test.alloc.allocate(handle, test.file(0), goal));
    if (result < 0) {
      assert.equal(result, -ENOSPC);
      return runs;
    }
    runs.push([test.alloc.found.diskBlock, result]);
  }
}

testOnImage("the disk fills up to the last block, above the reserve", ["-b1024"], 16, (test) => {
  const { alloc, volume } = test;
  const reserved = volume.superblock.reservedBlocksCount;
  assert.ok(reserved > 0);
  const free = alloc.freeBlocks();
  assert.equal(alloc.available(false), free - reserved);
  const mine = fill(test, GOAL);
  assert.equal(mine.length, free - reserved);
  assert.equal(alloc.available(false), 0);
  const roots = fill(test, { ...GOAL, privileged: true, blocks: 100 });
  assert.equal(roots.reduce((sum, [, blocks]) => sum + blocks, 0), reserved);
  assert.equal(alloc.freeBlocks(), 0);
  const all = [...mine, ...roots];
  assert.equal(new Set(mine.map(([block]) => block)).size, mine.length);
  for (const [block, blocks] of all) assert.ok(!alloc.isSystemBlock(block, blocks));
  assert.equal(test.file(0).sectors, free * 2);
  volume.commit(false);
  test.reopen();
  test.run((handle) => {
    for (const [block, blocks] of all) test.alloc.free(handle, test.file(0), block, blocks, false);
  });
  assert.equal(test.file(0).sectors, 0);
  assert.equal(test.alloc.freeBlocks(), free);
  test.check();
});

testOnImage(
  "freed blocks are used again after the commit, not before",
  ["-b1024", "-m0"],
  8,
  (test) => {
    const { alloc, volume } = test;
    const runs = fill(test, { ...GOAL, blocks: 64 });
    volume.commit(false);
    const [[block, blocks]] = runs as [[number, number]];
    const freed: [number, number][] = [];
    alloc.onFreed = (...run) => freed.push(run);
    test.run((handle) => alloc.free(handle, test.file(0), block, blocks, false));
    assert.equal(alloc.freeBlocks(), blocks);
    const ask = (): number => test.run((handle) => alloc.allocate(handle, test.file(0), GOAL));
    assert.equal(ask(), NEEDS_COMMIT);
    volume.commit(false);
    assert.deepEqual(freed, [[block, blocks]]);
    assert.equal(ask(), 1);
    assert.equal(alloc.found.diskBlock, block);
    test.run((handle) => {
      const free = (at: number, count: number): void =>
        alloc.free(handle, test.file(0), at, count, false);
      free(block, 1);
      for (const [at, count] of runs.slice(1)) free(at, count);
    });
    test.check();
  },
);

testOnImage("what cannot be freed is refused before anything changes", ["-b1024"], 32, (test) => {
  const { alloc, volume } = test;
  const inode = test.file(0);
  test.run((handle) => {
    assert.equal(alloc.allocate(handle, inode, { ...GOAL, blocks: 10 }), 10);
    const block = alloc.found.diskBlock;
    const free = alloc.freeBlocks();
    const bad: [number, number][] = [
      [block + 5, 10],
      [volume.groups.inodeTable[0] ?? 0, 1],
      [volume.geometry.blocksCount - 1, 2],
      [0, 1],
      [1, 1],
    ];
    for (const [at, blocks] of bad) {
      assert.throws(() => alloc.free(handle, inode, at, blocks, false), Corrupt);
    }
    assert.equal(alloc.freeBlocks(), free);
    alloc.free(handle, inode, block, 10, false);
    assert.throws(() => alloc.free(handle, inode, block + 3, 1, false), Corrupt);
  });
  test.check();
});

testOnImage(
  "files that grow in turns get few extents, and give their windows back",
  ["-b4096"],
  256,
  (test) => {
    const { alloc } = test;
    const extents = [0, 0];
    const ends = [0, 0];
    const total = 4000;
    for (let block = 0; block < total; block++) {
      for (const number of [0, 1]) {
        const goal = { ...GOAL, fileBlock: block, append: true, diskBlock: ends[number] ?? 0 };
        const result = test.run((handle) => alloc.allocate(handle, test.file(number), goal));
        assert.equal(result, 1);
        if (alloc.found.diskBlock !== ends[number]) extents[number] = (extents[number] ?? 0) + 1;
        ends[number] = alloc.found.diskBlock + 1;
      }
    }
    assert.ok(Math.max(...extents) <= 12, `${extents} extents`);
    assert.notEqual(test.file(0).preallocation, null);
    alloc.discardAllPreallocations();
    assert.equal(test.file(0).preallocation, null);
  },
);

testOnImage("windows are given up before there is no space", ["-b1024", "-m0"], 8, (test) => {
  const { alloc } = test;
  const free = alloc.freeBlocks();
  const append = { ...GOAL, append: true, blocks: 32 };
  assert.equal(test.run((handle) => alloc.allocate(handle, test.file(1), append)), 32);
  assert.notEqual(test.file(1).preallocation, null);
  const runs = fill(test, GOAL);
  assert.equal(runs.length, free - 32);
  assert.equal(test.file(1).preallocation, null);
});

testOnImage(
  "groups that were never used are taken into use",
  ["-b1024", "-O^resize_inode", "-g2048", "-G2", "-N2000"],
  32,
  (test) => {
    const { volume, alloc } = test;
    const { groups } = volume;
    const unused = (flag: number): number => groups.flags.filter((bits) => bits & flag).length;
    assert.ok(unused(BG_BLOCK_UNINIT) > 2);
    assert.ok(unused(BG_INODE_UNINIT) > 2);
    const runs = fill(test, { ...GOAL, privileged: true, blocks: 1000 });
    assert.equal(unused(BG_BLOCK_UNINIT), 0);
    assert.equal(alloc.freeBlocks(), 0);
    const inos: number[] = [];
    test.run((handle) => {
      const root = volume.inodes.get(2);
      for (let ino = 1; ino > 0;) {
        ino = alloc.allocateInode(handle, root, S_IFREG);
        if (ino > 0) inos.push(ino);
        else assert.equal(ino, -ENOSPC);
      }
    });
    assert.equal(new Set(inos).size, inos.length);
    assert.equal(groups.totalFreeInodes, 0);
    assert.equal(unused(BG_INODE_UNINIT), 0);
    volume.commit(false);
    test.reopen();
    test.run((handle) => {
      for (const [block, blocks] of runs) {
        test.alloc.free(handle, test.file(0), block, blocks, false);
      }
      for (const ino of inos) test.alloc.freeInode(handle, ino, false);
      const [ino] = inos as [number];
      assert.throws(() => test.alloc.freeInode(handle, ino, false), Corrupt);
      assert.throws(() => test.alloc.freeInode(handle, 8, false), Corrupt);
    });
    test.check();
  },
);

testOnImage(
  "inodes in the never written part of a table are good ones, whatever the disk held",
  ["-b4096", "-N4096", "-Elazy_itable_init=1,nodiscard"],
  64,
  (test) => {
    const { volume, device } = test;
    const table = volume.groups.inodeTable[0] ?? 0;
    const first = volume.geometry.inodesPerGroup - (volume.groups.unusedInodes[0] ?? 0);
    const firstBlock = Math.ceil(first / volume.geometry.inodesPerBlock);
    const noise = new Uint8Array((volume.geometry.inodeTableBlocks - firstBlock) * 4096).fill(0xa5);
    device.write(noise, (table + firstBlock) * 4096);
    const inos: number[] = [];
    test.run((handle) => {
      for (let i = 0; i < 300; i++) {
        const ino = test.alloc.allocateInode(handle, volume.inodes.get(2), S_IFREG);
        const inode = volume.inodes.fresh(ino);
        inode.mode = S_IFREG | 0o644;
        inode.links = 1;
        inode.extraBytes = 32;
        inode.updateChecksumSeed();
        initialiseMap(inode, true);
        volume.dirtyInode(handle, inode);
        inos.push(ino);
      }
    });
    volume.commit(true);
    const path = test.save();
    Deno.writeTextFileSync(
      `${test.folder}/commands`,
      inos.map((ino) => `ln <${ino}> n${ino}\n`).join(""),
    );
    runTool("debugfs", ["-w", "-f", `${test.folder}/commands`, path]);
    runTool("e2fsck", ["-fn", path]);
  },
);

testOnImage(
  "directories at the top are spread, files stay near their parent",
  ["-b1024", "-g2048", "-O^flex_bg,^resize_inode", "-N4096"],
  64,
  (test) => {
    const { volume, alloc } = test;
    const { geometry } = volume;
    test.run((handle) => {
      const root = volume.inodes.get(2);
      const tops = new Set<number>();
      for (let i = 0; i < 12; i++) {
        const ino = alloc.allocateInode(handle, root, S_IFDIR);
        const directory = volume.inodes.fresh(ino);
        const group = geometry.groupOfInode(ino);
        tops.add(group);
        for (let file = 0; file < 20; file++) {
          const child = alloc.allocateInode(handle, directory, S_IFREG);
          assert.equal(geometry.groupOfInode(child), group);
        }
        const below = alloc.allocateInode(handle, directory, S_IFDIR);
        assert.ok(Math.abs(geometry.groupOfInode(below) - group) <= 1);
      }
      assert.ok(tops.size >= 8, `${tops.size} groups`);
    });
  },
);

testOnImage(
  "a bitmap that does not match its checksum is passed over and reported",
  ["-b1024", "-O^resize_inode", "-N256"],
  32,
  (test) => {
    const { volume, device } = test;
    volume.commit(false);
    const byte = Uint8Array.of(0x5a);
    const at = (volume.groups.blockBitmap[0] ?? 0) * 1024 + 900;
    device.write(byte, at);
    test.reopen();
    const goal = { ...GOAL, diskBlock: 5000 };
    assert.equal(test.run((handle) => test.alloc.allocate(handle, test.file(0), goal)), 1);
    assert.notEqual(test.volume.geometry.groupOfBlock(test.alloc.found.diskBlock), 0);
    assert.match(test.reports.join("\n"), /block bitmap \(group 0\): bg_block_bitmap_csum/);
    assert.ok(test.alloc.available(true) < test.alloc.freeBlocks());
  },
);
