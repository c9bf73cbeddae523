import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ENODATA, EOVERFLOW } from "../../fs/errno.ts";
import { Corrupt } from "../../fs/errors.ts";
import { ioctl } from "../../fs/fuse/ioctl.ts";
import { InodeFlag, S_IFREG } from "../../fs/layout/inode.ts";
import { lookup, newMapping } from "../../fs/map/map.ts";
import { makeNode } from "../../fs/ops/create.ts";
import { SUPERUSER } from "../../fs/ops/engine.ts";
import { fallocate, KEEP_SIZE } from "../../fs/ops/fallocate.ts";
import { openEngine } from "../../fs/ops/open_volume.ts";
import { write } from "../../fs/ops/write.ts";
import { createMemoryImage } from "../../mod.ts";
import { crashOptions } from "../crash/engine_options.ts";

const MEASURE = 0xc0046686;
const SIZE = 70_000;
/** Behind the file's end, the next multiple of 64 KiB. */
const TREE = 131_072;

/** A file that fs-verity could have made, but for its hash tree: a block of it, then the descriptor. */
function sealedFile(blockBytes: number, algorithm: number) {
  const memory = createMemoryImage(16 << 20, { blockBytes, features: ["verity"] });
  const engine = openEngine(memory, crashOptions(() => {}));
  const name = new TextEncoder().encode("file");
  const ino = makeNode(engine, SUPERUSER, 2, name, S_IFREG | 0o644, 0, 0);
  const how = { privileged: true, killPrivileges: false };
  write(engine, ino, 0, new Uint8Array(SIZE).fill(3), how);
  const descriptor = new Uint8Array(256).map((_, index) => index < 112 ? index : 0);
  const view = new DataView(descriptor.buffer);
  view.setUint32(0, 1 | algorithm << 8 | 12 << 16, true);
  view.setUint8(3, 8);
  view.setUint32(4, 0, true);
  view.setBigUint64(8, BigInt(SIZE), true);
  const tail = new Uint8Array(blockBytes);
  tail.set(descriptor);
  new DataView(tail.buffer).setUint32(blockBytes - 4, 256, true);
  assert.equal(fallocate(engine, ino, TREE, 4096 + blockBytes, KEEP_SIZE, true), 0);
  const run = newMapping();
  const inode = engine.inode(ino);
  lookup(engine.alloc, inode, (TREE + 4096) / blockBytes, 1, run);
  memory.write(tail, run.diskBlock * blockBytes);
  const place = run.diskBlock * blockBytes;
  const seal = (): void => {
    engine.change((handle) => {
      inode.flags |= InodeFlag.VERITY;
      engine.dirty(handle, inode);
      return 0;
    });
  };
  return { engine, ino, memory, descriptor, place, seal };
}

for (const [algorithm, hash] of [[1, "sha256"], [2, "sha512"]] as const) {
  for (const blockBytes of [1024, 4096]) {
    Deno.test(`FS_IOC_MEASURE_VERITY: ${hash}, blocks of ${blockBytes} bytes`, () => {
      const { engine, ino, memory, descriptor, place, seal } = sealedFile(blockBytes, algorithm);
      const output = new Uint8Array(68);
      const measure = (room: number): number =>
        ioctl(engine, ino, MEASURE, false, Uint8Array.of(0, 0, room, 0), output);
      assert.equal(measure(64), -ENODATA, "not yet under fs-verity");
      seal();
      const wanted = createHash(hash).update(descriptor).digest();
      assert.equal(measure(wanted.length), 4 + wanted.length);
      assert.deepEqual([...output.subarray(0, 4)], [algorithm, 0, wanted.length, 0]);
      assert.deepEqual(output.slice(4, 4 + wanted.length), new Uint8Array(wanted));
      assert.equal(measure(wanted.length - 1), -EOVERFLOW);
      for (
        const [offset, byte] of [[0, 2], [1, 9], [3, 33], [8, 1], [blockBytes - 3, 0]] as const
      ) {
        const old = new Uint8Array(1);
        memory.read(old, place + offset);
        memory.write(Uint8Array.of(byte), place + offset);
        assert.throws(() => measure(64), Corrupt, `byte ${offset}`);
        memory.write(old, place + offset);
      }
      assert.equal(measure(64), 4 + wanted.length);
    });
  }
}
