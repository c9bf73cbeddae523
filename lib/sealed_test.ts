import assert from "node:assert/strict";
import { createMemoryImage, format, type MemoryImage, open } from "../mod.ts";
import { Incompat, RoCompat } from "../fs/layout/features.ts";
import { InodeFlag } from "../fs/layout/inode.ts";
import { readSuperblock } from "../fs/volume/volume.ts";
import { must } from "../tests/harness/commands.ts";
import { mustBeClean } from "../tests/harness/e2fsck.ts";
import { mustFail } from "../tests/harness/library.ts";
import { Scratch } from "../tests/harness/scratch.ts";
import { programs, testWith } from "../tests/harness/skip.ts";

testWith({
  name: "a file under fs-verity can be read, renamed and removed, not written",
  needs: [programs("debugfs", "e2fsck")],
  fn() {
    using scratch = new Scratch("verity");
    const path = scratch.path("image");
    format(path, { size: 32 << 20, features: ["verity"] });
    const content = Uint8Array.from({ length: 5000 }, (_, i) => i & 255);
    {
      using image = open(path);
      image.writeFile("f", content);
      // Where the hash tree lies: behind the end, at the next 64 KiB.
      image.fallocate("f", 65536, 8192, { keepSize: true });
      image.writeFile("g", content);
    }
    const flags = InodeFlag.EXTENTS | InodeFlag.VERITY;
    must("debugfs", ["-w", "-R", `sif /f flags 0x${flags.toString(16)}`, path]);
    mustBeClean(path, "as it was made");
    {
      using image = open(path);
      assert.deepEqual(image.readFile("f"), content);
      const calls = [
        () => image.writeFile("f", content),
        () => image.open("f", { write: true }),
        () => image.truncate("f", 10),
        () => image.fallocate("f", 0, 4096),
        () => image.copyFile("g", "f"),
      ];
      for (const call of calls) mustFail("EPERM", call);
      image.chmod("f", 0o600);
      image.setXattr("f", "user.a", "b");
      image.rename("f", "h");
      image.link("h", "i");
      image.copyFile("i", "g");
      assert.deepEqual(image.readFile("h"), content);
    }
    mustBeClean(path, "with its hash tree");
    {
      using image = open(path);
      image.remove("h");
      image.remove("i");
    }
    mustBeClean(path, "after it was removed");
  },
});

function withFeatures(word: "featureIncompat" | "featureRoCompat", bits: number): MemoryImage {
  const memory = createMemoryImage(16 << 20);
  const superblock = readSuperblock(memory);
  superblock[word] = (superblock[word] | bits) >>> 0;
  superblock.setChecksum();
  memory.write(superblock.bytes, 1024);
  return memory;
}

Deno.test("features that allow reading only are named", () => {
  const cases: readonly (readonly [number, RegExp])[] = [
    [RoCompat.SHARED_BLOCKS, /its files share blocks \(shared_blocks\): it can only be read/],
    [RoCompat.READONLY, /marked as read-only/],
    [RoCompat.REPLICA | 0x100000, /can only read \(mount with -o ro\): replica, FEATURE_R20/],
  ];
  for (const [bits, words] of cases) {
    const memory = withFeatures("featureRoCompat", bits);
    const before = memory.toUint8Array();
    assert.match(mustFail("EROFS", () => open(memory)).message, words);
    using image = open(memory, { readOnly: true });
    assert.equal(image.exists("lost+found"), true);
    assert.deepEqual(memory.toUint8Array(), before);
  }
});

Deno.test("features that forbid opening are named", () => {
  const cases: readonly (readonly [number, string, RegExp])[] = [
    [0x800000 | Incompat.COMPRESSION, "EROFS", /does not know: compression, FEATURE_I23/],
    [Incompat.JOURNAL_DEV, "EUCLEAN", /the journal of another file system/],
  ];
  for (const [bits, code, words] of cases) {
    const memory = withFeatures("featureIncompat", bits);
    for (const readOnly of [false, true]) {
      assert.match(mustFail(code, () => open(memory, { readOnly })).message, words);
    }
  }
});
