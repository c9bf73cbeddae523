/**
 * The orphan file: what the kernel leaves in it, kfs finishes; what kfs leaves, e2fsck and the kernel finish.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createMemoryImage, MemoryImage, open } from "../../mod.ts";
import { Incompat, RoCompat } from "../../fs/layout/features.ts";
import { orphanInode, orphansPerBlock } from "../../fs/layout/orphan_file.ts";
import { TestVolume } from "../../fs/layout/testing_volume.ts";
import { viewOf } from "../../fs/layout/testing.ts";
import { recoverJournal } from "../../fs/ops/recover_journal.ts";
import { crashOptions } from "../crash/engine_options.ts";
import { must } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { memoryMustBeClean } from "../harness/library.ts";
import { makeImageByMke2fs } from "../harness/image.ts";
import { kernelExt4, mount } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { programs, testWith } from "../harness/skip.ts";
import { run } from "../../tools/process.ts";

const BLOCK_BYTES = 1024;
const SLOTS = orphansPerBlock(BLOCK_BYTES);

interface Left {
  readonly present: boolean;
  /** Slots in use. */
  readonly filed: number;
  /** The first inode of the list. */
  readonly listed: number;
}

/** What the next mount finds, when the journal is replayed. */
function whatIsLeft(bytes: Uint8Array): Left {
  const memory = MemoryImage.from(bytes);
  if (new TestVolume(bytes).superblock.hasIncompat(Incompat.RECOVER)) {
    recoverJournal(memory, crashOptions(() => {}), false);
  }
  const volume = new TestVolume(memory.toUint8Array());
  const { superblock } = volume;
  const blocks = volume.blocksOf(volume.inode(superblock.orphanFileInode));
  let filed = 0;
  for (const block of blocks.values()) {
    const view = viewOf(volume.block(block));
    for (let slot = 0; slot < SLOTS; slot++) if (orphanInode(view, slot) !== 0) filed++;
  }
  const present = superblock.hasRoCompat(RoCompat.ORPHAN_PRESENT);
  return { present, filed, listed: superblock.lastOrphan };
}

/** An image with a file of one block, and a mount of it with so many orphans that is cut off. */
function leaveOrphans(count: number): Uint8Array<ArrayBuffer> {
  const memory = createMemoryImage(16 << 20, {
    blockBytes: BLOCK_BYTES,
    features: ["orphan_file"],
    orphanFileSize: { blocks: 1 },
    inodes: 2048,
  });
  const image = open(memory);
  image.writeFile("stays", new Uint8Array(5000).fill(1));
  for (let i = 0; i < count; i++) {
    image.writeFile(`f${i}`, new Uint8Array(100 + 20 * i).fill(i));
    image.open(`f${i}`);
  }
  image.sync();
  for (let i = 0; i < count; i++) image.remove(`f${i}`);
  image.sync();
  return memory.toUint8Array() as Uint8Array<ArrayBuffer>;
}

Deno.test("orphans go into the orphan file while it has room, then onto the list", () => {
  const few = whatIsLeft(leaveOrphans(5));
  assert.deepEqual(few, { present: true, filed: 5, listed: 0 });
  const many = leaveOrphans(SLOTS + 30);
  const { listed, ...rest } = whatIsLeft(many);
  assert.deepEqual(rest, { present: true, filed: SLOTS });
  assert.ok(listed > 0);
  const memory = MemoryImage.from(many);
  open(memory, { readOnly: true }).close();
  {
    using image = open(memory);
    assert.deepEqual([...image.readDir("/")].map(({ name }) => name).sort(), [
      "lost+found",
      "stays",
    ]);
  }
  assert.deepEqual(whatIsLeft(memory.toUint8Array()), { present: false, filed: 0, listed: 0 });
  memoryMustBeClean(memory);
});

Deno.test("orphans that come and go leave nothing; closing the last one takes the flag away", () => {
  const memory = createMemoryImage(16 << 20, {
    blockBytes: BLOCK_BYTES,
    features: ["orphan_file"],
  });
  using image = open(memory);
  for (let i = 0; i < 20; i++) {
    const file = image.create(`f${i}`);
    file.writeAt(new Uint8Array(3000), 0);
    image.remove(`f${i}`);
    if (i % 5 === 0) image.sync();
    file.close();
  }
  image.sync();
  image.close();
  assert.deepEqual(whatIsLeft(memory.toUint8Array()), { present: false, filed: 0, listed: 0 });
  memoryMustBeClean(memory);
});

Deno.test("a damaged orphan file is told of, and the list is used", () => {
  const memory = createMemoryImage(16 << 20, {
    blockBytes: BLOCK_BYTES,
    features: ["orphan_file"],
  });
  const volume = new TestVolume(memory.toUint8Array());
  const { superblock } = volume;
  const [block = 0] = volume.blocksOf(volume.inode(superblock.orphanFileInode)).values();
  memory.write(new Uint8Array(4).fill(7), (block + 1) * BLOCK_BYTES - 8);
  const said: string[] = [];
  const image = open(memory, { errors: "continue", report: (text) => said.push(text) });
  image.writeFile("file", new Uint8Array(9000));
  const file = image.open("file");
  image.remove("file");
  image.sync();
  assert.match(said.join("\n"), /orphan file: orphan file block .*ob_magic/);
  const left = whatIsLeft(memory.toUint8Array());
  assert.equal(left.present, false);
  assert.notEqual(left.listed, 0);
  file.close();
  image.close();
});

testWith({
  name: "e2fsck and the kernel finish what kfs left in the orphan file",
  needs: [programs("e2fsck"), kernelExt4],
  fn() {
    using scratch = new Scratch("orphans");
    for (const count of [3, SLOTS + 10]) {
      const path = scratch.path("image");
      const bytes = leaveOrphans(count);
      Deno.writeFileSync(path, bytes);
      assert.ok(run("e2fsck", ["-fy", path]).code <= 1, "e2fsck recovers it");
      mustBeClean(path, "after e2fsck");
      Deno.writeFileSync(path, bytes);
      using mounted = mount("kernel", path, scratch.path("mnt"));
      assert.equal(Deno.readFileSync(mounted.path("stays")).length, 5000);
      mounted.unmount();
      mustBeClean(path, "after the kernel");
      assert.deepEqual(whatIsLeft(Deno.readFileSync(path)), {
        present: false,
        filed: 0,
        listed: 0,
      });
    }
  },
});

/** With the files open, removes them and copies the image. */
const LEAVE = `
cd "$1"; exec 5>a 6>b
seq 20000 >&5; head -c 100000 /dev/zero >&6; sync -f .
rm a b; sync -f .; cp "$2" "$3"`;

testWith({
  name: "kfs finishes what the kernel left in the orphan file",
  needs: [programs("mke2fs", "e2fsck"), kernelExt4],
  fn() {
    using scratch = new Scratch("orphans");
    const [path, copy] = [scratch.path("image"), scratch.path("copy")];
    const options = ["-t", "ext4", "-b", "1024", "-O", "orphan_file"];
    makeImageByMke2fs(path, { size: "16M", options });
    using mounted = mount("kernel", path, scratch.path("mnt"));
    must("sh", ["-c", LEAVE, "sh", mounted.mountpoint, path, copy]);
    mounted.unmount();
    const memory = MemoryImage.from(Deno.readFileSync(copy));
    const said: string[] = [];
    open(memory, { report: (text) => said.push(text) }).close();
    assert.match(said.join("\n"), /2 orphaned inodes recovered/);
    assert.deepEqual(whatIsLeft(memory.toUint8Array()), { present: false, filed: 0, listed: 0 });
    memoryMustBeClean(memory);
  },
});
