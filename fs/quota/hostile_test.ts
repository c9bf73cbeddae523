import assert from "node:assert/strict";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { MemoryDevice } from "../device/memory.ts";
import { EUCLEAN } from "../errno.ts";
import { FsError } from "../errors.ts";
import { S_IFREG } from "../layout/inode.ts";
import {
  decodeQuotaHeader,
  encodeQuotaDataHeader,
  QuotaMagic,
  setQuotaTreeBlock,
} from "../layout/quota.ts";
import { SUPERBLOCK_OFFSET } from "../layout/superblock.ts";
import { toolMissing, viewOf } from "../layout/testing.ts";
import { makeNode } from "../ops/create.ts";
import { QuotaFileBlocks } from "./file_blocks.ts";
import { ALL_QUOTAS, EVERY_KIND, QuotaImage } from "./testing.ts";
import { RandomTree } from "./testing_actions.ts";

const ROOT = 2;
const KIB = 1024;
const MUTANTS = 80;

function test(name: string, body: () => void): void {
  Deno.test({ name: `quota, hostile: ${name}`, ignore: toolMissing("mke2fs"), fn: body });
}

function make(image: QuotaImage, name: string, uid: number): number {
  const bytes = new TextEncoder().encode(name);
  return makeNode(image.engine, { uid, gid: 0 }, ROOT, bytes, S_IFREG | 0o600, 0, 0);
}

/** An image in which 40 users have a file each, and the disk blocks of the users' quota file. */
function sample(): { readonly bytes: Uint8Array; readonly blocks: readonly number[] } {
  const image = QuotaImage.make(
    [...ALL_QUOTAS, "-b", "1024", "-O", "^metadata_csum,^has_journal"],
    3 << 20,
  );
  for (let id = 1; id <= 40; id++) make(image, `f${id}`, id);
  image.check();
  const file = new QuotaFileBlocks(image.engine.alloc, 3);
  const count = Math.floor(file.sizeBytes / KIB);
  const blocks = Array.from({ length: count }, (_, block) => file.diskBlockOf(block));
  const bytes = new Uint8Array(image.device.sizeBytes);
  image.device.read(bytes, 0);
  return { bytes, blocks };
}

/** The image after a change of some of the quota file's blocks. */
function changed(change: (block: (number: number) => DataView) => void): MemoryDevice {
  const { bytes, blocks } = sample();
  const view = viewOf(bytes);
  change((number) => {
    const offset = (blocks[number] ?? 0) * KIB;
    return new DataView(view.buffer, view.byteOffset + offset, KIB);
  });
  return MemoryDevice.from(bytes);
}

function refusal(device: MemoryDevice): string {
  try {
    new QuotaImage(device);
  } catch (error) {
    assert.ok(error instanceof FsError);
    assert.equal(error.errno, EUCLEAN);
    return error.message;
  }
  throw new Error("it was opened");
}

test("a header that is wrong is refused with advice", () => {
  const magic = changed((block) => block(0).setUint32(0, QuotaMagic.GROUP, true));
  assert.match(
    refusal(magic),
    /quota header.*inode 3.*dqh_magic.*run e2fsck, or open it read-only/,
  );
  const blocks = changed((block) => block(0).setUint32(0x14, 0xffffffff, true));
  assert.match(refusal(blocks), /dqi_blocks 4294967295/);
});

test("a quota file in another inode is refused", () => {
  const { bytes } = sample();
  for (const [offset, ino] of [[0x240, 4], [0x240, 13], [0x244, 2], [0x26c, 3], [0x26c, 1e9]]) {
    const other = bytes.slice();
    viewOf(other).setUint32(SUPERBLOCK_OFFSET + (offset ?? 0), ino ?? 0, true);
    assert.match(refusal(MemoryDevice.from(other)), /quota is in inode/);
  }
});

test("a damaged tree refuses those whom it concerns", () => {
  const cases: readonly ((block: (number: number) => DataView) => void)[] = [
    // Root, slot 1: identifiers from 2^24 on.
    (block) => setQuotaTreeBlock(block(1), 1, 1),
    (block) => setQuotaTreeBlock(block(1), 1, 0xffffffff),
    // A tree block that leads to itself.
    (block) => {
      setQuotaTreeBlock(block(1), 1, 2);
      setQuotaTreeBlock(block(2), 0, 2);
      setQuotaTreeBlock(block(2), 1, 2);
    },
  ];
  for (const change of cases) {
    const image = new QuotaImage(changed(change));
    assert.throws(() => make(image, "new", 0x01000100), /quota file/);
    assert.ok(make(image, "other", 0x02000000) > 0);
  }
});

test("damaged lists refuse new entries", () => {
  const header = (block: (number: number) => DataView) =>
    decodeQuotaHeader(block(0), QuotaMagic.USER, 3, 1 << 20);
  const cases: readonly ((block: (number: number) => DataView) => void)[] = [
    // The first free block is the root; in use; its own successor.
    (block) => block(0).setUint32(0x18, 1, true),
    (block) => block(0).setUint32(0x18, 5, true),
    (block) => {
      block(0).setUint32(0x18, 2, true);
      encodeQuotaDataHeader(block(2), { nextFree: 2, previousFree: 0, entries: 0 });
    },
    // The block with room is a tree block that looks full; itself its successor.
    (block) => block(0).setUint32(0x1c, 1, true),
    (block) => block(header(block).freeEntryBlock).setUint32(0, header(block).freeEntryBlock, true),
  ];
  for (const change of cases) {
    const image = new QuotaImage(changed(change));
    assert.throws(() => make(image, "new", 0x05000000), /quota (file|data block)/);
  }
});

test("whatever the bytes, an answer or a typed error follows", () => {
  const random = new Random(printedSeed("hostile quota files"));
  const { bytes, blocks } = sample();
  for (let mutant = 0; mutant < MUTANTS; mutant++) {
    const copy = bytes.slice();
    const view = viewOf(copy);
    for (let change = 0; change < 12; change++) {
      const at = random.pick(blocks) * KIB + random.below(random.pick([32, 64, KIB]));
      const word = at - (at % 4);
      if (random.chance(50)) view.setUint32(word, random.below(blocks.length + 1), true);
      else view.setUint8(at, random.below(256));
    }
    workOn(MemoryDevice.from(copy), random);
  }
});

function workOn(device: MemoryDevice, random: Random): void {
  const tolerate = <Result>(work: () => Result): Result | undefined => {
    try {
      return work();
    } catch (error) {
      if (error instanceof FsError) return undefined;
      throw error;
    }
  };
  const image = tolerate(() => new QuotaImage(device, EVERY_KIND));
  if (image === undefined) return;
  const tree = new RandomTree(image.engine, random, true);
  for (let step = 0; step < 60; step++) tolerate(() => image.asUser(() => tree.step()));
  for (let id = 1; id <= 40; id++) {
    tolerate(() => image.engine.quota?.accounts("user")?.entry(id));
    tolerate(() => make(image, `again${id}`, id));
  }
  tolerate(() => image.engine.quota?.accounts("user")?.tree.forEachEntry(() => {}));
  tolerate(() => image.reopen());
}
