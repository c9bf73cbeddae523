import assert from "node:assert/strict";
import { MemoryDevice } from "../device/memory.ts";
import { EDQUOT } from "../errno.ts";
import { S_IFREG } from "../layout/inode.ts";
import { fixtureImage, toolMissing } from "../layout/testing.ts";
import { makeNode } from "../ops/create.ts";
import { EVERY_KIND, QuotaImage } from "./testing.ts";

const ROOT = 2;

function make(image: QuotaImage, name: string, uid: number, gid: number): number {
  const bytes = new TextEncoder().encode(name);
  return makeNode(image.engine, { uid, gid }, ROOT, bytes, S_IFREG | 0o600, 0, 0);
}

Deno.test({
  name: "quota: files in which the kernel freed blocks and entries are read and filled again",
  ignore: toolMissing("e2fsck"),
  fn() {
    const image = new QuotaImage(MemoryDevice.from(fixtureImage("quota")), EVERY_KIND);
    const { quota } = image.engine;
    const users = quota?.accounts("user");
    assert.ok(users !== undefined);
    const { header } = users.tree;
    const before = { ...header };
    assert.ok(before.freeBlock !== 0 && before.freeEntryBlock !== 0);
    assert.deepEqual(
      users.list().map(({ id }) => id),
      [0, ...Array.from({ length: 12 }, (_, n) => 5000 * (n + 1))],
    );
    const { blockSoftLimit, blockHardLimit, inodeSoftLimit, inodeHardLimit } = users.entry(5000);
    const limits = [blockSoftLimit, blockHardLimit, inodeSoftLimit, inodeHardLimit];
    assert.deepEqual(limits, [100, 200, 3, 4]);
    assert.equal(quota?.accounts("group")?.entry(77).blockHardLimit, 300);
    assert.deepEqual(image.usage("project", 9), { bytes: 5120, inodes: 3 });
    for (let n = 1; n <= 40; n++) {
      assert.ok(make(image, `new${n}`, n * 0x0301_0101, (n * 0x0703_0501) >>> 0) > 0);
      if (n === 8) assert.equal(header.blocks, before.blocks, "free blocks are used first");
    }
    assert.equal(header.freeBlock, 0);
    assert.ok(header.blocks > before.blocks);
    assert.equal(users.list().length, 53);
    image.asUser(() => {
      for (let n = 1; n <= 3; n++) assert.ok(make(image, `limited${n}`, 5000, 0) > 0);
      assert.equal(make(image, "limited4", 5000, 0), -EDQUOT);
    });
    image.check();
  },
});
