import assert from "node:assert/strict";
import { ENOSPC } from "../errno.ts";
import { InodeFlag } from "../layout/inode.ts";
import { rootIndirectLevels } from "../layout/htree.ts";
import type { Inode } from "../volume/inode.ts";
import { loadRoot } from "./blocks.ts";
import { contextOf } from "./context.ts";
import { nameOf, runTool, TestVolume, toolMissing, withFolder } from "./testing.ts";

const LONG = "long name ".repeat(24);

function fill(volume: TestVolume, dir: Inode, count: number): number {
  for (let i = 0; i < count; i++) {
    const result = volume.link(dir, nameOf(LONG + i));
    if (result < 0) {
      assert.equal(result, -ENOSPC);
      return i;
    }
  }
  return count;
}

function levelsOf(volume: TestVolume, dir: Inode): number {
  return rootIndirectLevels(loadRoot(contextOf(volume.alloc), dir).view);
}

Deno.test({
  name:
    "an index of two levels gets full: ENOSPC, and everything stays; with large_dir it gets a third level",
  ignore: toolMissing("mke2fs"),
  fn: () =>
    withFolder((folder) => {
      const options = ["-t", "ext4", "-b", "1024", "-N", "200", "-O", "^has_journal"];
      const small = TestVolume.make(folder, options, "32M");
      const dir = small.mkdir(small.root, "dir");
      const count = fill(small, dir, 100000);
      assert.ok(count > 20000 && count < 45000, `${count} names`);
      assert.equal(levelsOf(small, dir), 1);
      assert.ok(small.alloc.available(false) > 1000);
      assert.equal(small.list(dir).size, count);
      for (let i = 0; i < 100; i++) assert.ok(small.lookup(dir, nameOf(LONG + i)) > 0);
      small.check(folder);
      runTool("tune2fs", ["-O", "large_dir", `${folder}/checked.img`]);
      const large = TestVolume.open(`${folder}/checked.img`);
      const same = large.volume.inodes.get(dir.ino);
      for (let i = count; i < count + 3000; i++) assert.ok(large.link(same, nameOf(LONG + i)) > 0);
      assert.equal(levelsOf(large, same), 2);
      assert.equal(large.list(same, 100).size, count + 3000);
      for (let i = 0; i < count + 3000; i += 7) assert.ok(large.lookup(same, nameOf(LONG + i)) > 0);
      large.check(folder);
    }),
});

Deno.test({
  name: "a full volume: ENOSPC, nothing is lost, inline directories stay inline",
  ignore: toolMissing("mke2fs"),
  fn: () =>
    withFolder((folder) => {
      const options = ["-t", "ext4", "-b", "1024", "-N", "400", "-O", "^has_journal,inline_data"];
      const volume = TestVolume.make(folder, options, "1M");
      const inlines = Array.from({ length: 3 }, (_, i) => volume.mkdir(volume.root, `inline ${i}`));
      const dir = volume.mkdir(volume.root, "dir");
      const count = fill(volume, dir, 100000);
      assert.ok(count > 500 && dir.has(InodeFlag.INDEX));
      for (const inline of inlines) {
        const held = fill(volume, inline, 1000);
        assert.ok(held < 10 && inline.has(InodeFlag.INLINE_DATA));
        assert.equal(volume.list(inline).size, held);
      }
      assert.equal(volume.list(dir).size, count);
      volume.check(folder);
    }),
});

Deno.test({
  name: "a tree without the dir_index feature is a list; an addition drops the index",
  ignore: toolMissing("debugfs"),
  fn: () =>
    withFolder((folder) => {
      for (const checksums of [false, true]) {
        const features = `^has_journal,${checksums ? "" : "^"}metadata_csum`;
        const options = ["-t", "ext4", "-b", "1024", "-O", features];
        const made = TestVolume.make(folder, options, "8M");
        const ino = made.mkdir(made.root, "dir").ino;
        for (let i = 0; i < 500; i++) made.link(made.volume.inodes.get(ino), nameOf(`name ${i}`));
        made.save(`${folder}/tree.img`);
        runTool("debugfs", ["-w", "-R", "feature -dir_index", `${folder}/tree.img`]);
        const volume = TestVolume.open(`${folder}/tree.img`);
        const dir = volume.volume.inodes.get(ino);
        assert.ok(dir.has(InodeFlag.INDEX));
        if (checksums) {
          assert.throws(() => volume.list(dir), { name: "Corrupt" });
          continue;
        }
        assert.equal(volume.list(dir, 9).size, 500);
        volume.unlink(dir, nameOf("name 77"));
        assert.ok(dir.has(InodeFlag.INDEX));
        for (let i = 500; i < 700; i++) volume.link(dir, nameOf(`name ${i}`));
        assert.ok(!dir.has(InodeFlag.INDEX));
        assert.equal(volume.list(dir).size, 699);
        volume.check(folder);
      }
    }),
});

Deno.test({
  name: "removing and adding again does not let an index grow",
  ignore: toolMissing("mke2fs"),
  fn: () =>
    withFolder((folder) => {
      const volume = TestVolume.make(
        folder,
        ["-t", "ext4", "-b", "1024", "-O", "^has_journal"],
        "16M",
      );
      const dir = volume.mkdir(volume.root, "dir");
      for (let i = 0; i < 1000; i++) volume.link(dir, nameOf(`name ${i}`));
      const before = dir.size;
      for (let i = 0; i < 20000; i++) {
        volume.unlink(dir, nameOf(`name ${i}`));
        volume.link(dir, nameOf(`name ${i + 1000}`));
      }
      assert.ok(dir.size < 3 * before, `${before} bytes became ${dir.size}`);
      assert.equal(volume.list(dir).size, 1000);
      volume.check(folder);
    }),
});
