import assert from "node:assert/strict";
import { mustFail } from "../tests/harness/library.ts";
import { createMemoryImage, InodeFlag, open } from "../mod.ts";

function quotaImage() {
  return createMemoryImage(16 << 20, {
    features: ["quota", "project"],
    quotaTypes: ["user", "group", "project"],
    blockBytes: 1024,
  });
}

Deno.test("library: quotas are listed and set", () => {
  const memory = quotaImage();
  {
    using image = open(memory);
    image.writeFile("/f", new Uint8Array(3000));
    image.chown("/f", 1000, 50);
    image.setQuota("user", 1000, { spaceHard: 10_000, inodesSoft: 3 });
    image.setQuota("user", 1000, { spaceSoft: 2048 });
    image.setQuota("user", 7, { inodesHard: 5 });
    const info = image.getQuota("user", 1000);
    assert.deepEqual([info.space, info.inodes], [3072, 1]);
    assert.deepEqual([info.spaceHard, info.spaceSoft], [9216, 2048]);
    assert.deepEqual([info.inodesHard, info.inodesSoft], [0, 3]);
    assert.ok(info.spaceGraceEnds !== null && info.inodesGraceEnds === null);
    assert.deepEqual(image.listQuotas("user").map(({ id }) => id), [0, 7, 1000]);
  }
  using image = open(memory, { readOnly: true });
  assert.equal(image.getQuota("group", 50).space, 3072);
  assert.equal(image.getQuota("user", 7).inodesHard, 5);
  assert.equal(image.getQuota("user", 8).inodesHard, 0);
  assert.deepEqual(image.listQuotas("group").map(({ id, inodes }) => [id, inodes]), [
    [0, 2],
    [50, 1],
  ]);
  mustFail("EROFS", () => image.setQuota("user", 7, { inodesHard: 6 }));
});

Deno.test("library: projects of nodes", () => {
  using image = open(quotaImage());
  image.mkdir("/d");
  image.setProject("/d", 9);
  image.setFlags("/d", image.getFlags("/d") | InodeFlag.PROJINHERIT);
  image.writeTextFile("/d/f", "text");
  assert.equal(image.getProject("/d/f"), 9);
  assert.deepEqual([image.getQuota("project", 9).inodes], [2]);
  image.writeTextFile("/f", "text");
  mustFail("EXDEV", () => image.rename("/f", "/d/g"));
});

Deno.test("library: quotas that are not counted, and arguments that cannot be", () => {
  using plain = open(createMemoryImage(8 << 20));
  mustFail("EOPNOTSUPP", () => plain.getQuota("user", 0));
  mustFail("EOPNOTSUPP", () => plain.setProject("/", 3));
  using image = open(quotaImage());
  mustFail("EINVAL", () => image.getQuota("user", -1));
  mustFail("EINVAL", () => image.setQuota("user", 1, { spaceHard: 1 }));
  mustFail("EINVAL", () => image.setQuota("user", 1, { inodesHard: 0.5 }));
});
