/**
 * Damaged attributes: whatever the bytes, an answer or `Corrupt`, soon.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { programs, testWith } from "../../tests/harness/skip.ts";
import { Corrupt } from "../errors.ts";
import type { Handle } from "../journal/transaction.ts";
import { EXTRA_OFFSET } from "../layout/inode.ts";
import { XattrIndex } from "../layout/xattr_name.ts";
import type { Inode } from "../volume/inode.ts";
import { getAcl } from "./acl.ts";
import { capacity, readInline, truncateInline, writeInline } from "./inline_data.ts";
import { inodeNumber, latin1, makeImage, TestVolume, withImageDir } from "./testing.ts";
import { get, list, remove, removeAll, set } from "./xattr.ts";

const { USER, POSIX_ACL_ACCESS } = XattrIndex;
const NO_NAME = new Uint8Array(0);

/** Makes an image with attributes everywhere, on one file. */
function prepare(path: string, dir: string, features: string): number {
  Deno.writeTextFileSync(`${dir}/source`, "content of an inline file, long enough to spill over");
  makeImage(path, ["-I", "512", "-O", features], [`write ${dir}/source /f`]);
  const volume = new TestVolume(path);
  const ino = inodeNumber(path, "/f");
  const inode = volume.inode(ino);
  const values: readonly (readonly [string, number])[] = [
    ["small", 20],
    ["other", 30],
    ["middle", 900],
    ["more", 500],
    ["large", 9000],
  ];
  for (const [name, bytes] of values) {
    const value = new Uint8Array(bytes).fill(bytes);
    const result = volume.change((handle) =>
      set(volume.alloc, handle, inode, USER, latin1(name), value, 0, true)
    );
    assert.equal(result, 0);
  }
  const acl = latin1(
    "\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x04\0\x05\0\xff\xff\xff\xff\x10\0\x05\0\xff\xff\xff\xff" +
      "\x20\0\x01\0\xff\xff\xff\xff",
  );
  volume.change((handle) =>
    set(volume.alloc, handle, inode, POSIX_ACL_ACCESS, NO_NAME, acl, 0, true)
  );
  volume.save();
  return ino;
}

/** Damages the inode's body, its attribute block or a value inode, in memory. */
function damage(volume: TestVolume, inode: Inode, random: Random): void {
  const changes = 1 + random.below(4);
  const place = random.below(10);
  for (let i = 0; i < changes; i++) {
    const byte = random.pick([0, 1, 2, 4, 7, 0x7f, 0x80, 0xff, random.below(256)]);
    if (place < 5) {
      inode.raw[EXTRA_OFFSET + random.below(random.chance(60) ? 120 : 384)] = byte;
    } else if (place < 9) {
      const buffer = volume.volume.cache.get(inode.fileAcl);
      buffer.bytes[random.below(random.chance(60) ? 200 : buffer.bytes.length)] = byte;
      buffer.verifiedAs = 0;
    } else {
      const value = volume.volume.inodes.load(inode.ino + 1);
      value.raw[random.below(128)] = byte;
      value.links = random.below(3);
      value.size += random.below(3) - 1;
    }
  }
}

type Step = (volume: TestVolume, inode: Inode, handle: Handle) => number;

const OUT = new Uint8Array(70000);

const STEPS: readonly Step[] = [
  ({ alloc }, inode) => list(alloc, inode, OUT, true),
  ({ alloc }, inode) => get(alloc, inode, USER, latin1("small"), OUT),
  ({ alloc }, inode) => get(alloc, inode, USER, latin1("middle"), OUT),
  ({ alloc }, inode) => get(alloc, inode, USER, latin1("large"), OUT),
  ({ alloc }, inode) => getAcl(alloc, inode, POSIX_ACL_ACCESS, OUT),
  ({ alloc }, inode) => capacity(alloc, inode),
  ({ alloc }, inode) => readInline(alloc, inode, 10, OUT),
  ({ alloc }, inode, handle) => writeInline(alloc, handle, inode, 50, latin1("x".repeat(30))),
  ({ alloc }, inode, handle) => truncateInline(alloc, handle, inode, 5),
  ({ alloc }, inode, handle) =>
    set(alloc, handle, inode, USER, latin1("small"), new Uint8Array(200), 0, true),
  ({ alloc }, inode, handle) =>
    set(alloc, handle, inode, USER, latin1("middle"), new Uint8Array(12000), 0, true),
  ({ alloc }, inode, handle) =>
    set(alloc, handle, inode, USER, latin1("new"), new Uint8Array(10), 0, true),
  ({ alloc }, inode, handle) => remove(alloc, handle, inode, USER, latin1("large"), true),
  ({ alloc }, inode, handle) => remove(alloc, handle, inode, USER, latin1("more"), true),
  ({ alloc }, inode, handle) => {
    removeAll(alloc, handle, inode);
    return 0;
  },
];

/** Does everything in random order; returns how often `Corrupt` was the answer. */
function exercise(volume: TestVolume, inode: Inode, random: Random): number {
  let corrupt = 0;
  for (let i = 0; i < 20; i++) {
    const step = random.pick(STEPS);
    try {
      const result = volume.change((handle) => step(volume, inode, handle));
      assert.ok(Number.isInteger(result));
    } catch (error) {
      if (!(error instanceof Corrupt)) throw error;
      corrupt++;
    }
  }
  return corrupt;
}

for (const features of ["^metadata_csum,ea_inode", "^metadata_csum,ea_inode,inline_data"]) {
  testWith({
    name: `damaged attributes are refused: ${features}`,
    needs: [programs("mke2fs", "debugfs")],
    fn: () =>
      withImageDir((dir) => {
        const path = `${dir}/image`;
        const ino = prepare(path, dir, features);
        const { device } = new TestVolume(path);
        const random = new Random(printedSeed(`damaged attributes, ${features}`));
        let corrupt = 0;
        for (let round = 0; round < 500; round++) {
          // Nothing is committed, so that the device stays as it is.
          const volume = new TestVolume(path, device);
          const inode = volume.inode(ino);
          damage(volume, inode, random);
          corrupt += exercise(volume, inode, random);
        }
        assert.ok(corrupt > 100, `only ${corrupt} refusals`);
      }),
  });
}

testWith({
  name: "a block with a wrong checksum is refused",
  needs: [programs("mke2fs", "debugfs")],
  fn: () =>
    withImageDir((dir) => {
      const path = `${dir}/image`;
      const ino = prepare(path, dir, "ea_inode");
      const volume = new TestVolume(path);
      const inode = volume.inode(ino);
      const buffer = volume.volume.cache.get(inode.fileAcl);
      buffer.bytes[buffer.bytes.length - 1] = 77;
      assert.throws(
        () => get(volume.alloc, inode, USER, latin1("middle"), OUT),
        /xattr block .*h_checksum/,
      );
    }),
});
