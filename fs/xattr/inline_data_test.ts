import { strict as assert } from "node:assert";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { programs, root, testWith } from "../../tests/harness/skip.ts";
import { ENOSPC } from "../errno.ts";
import { Corrupt } from "../errors.ts";
import { InodeFlag } from "../layout/inode.ts";
import { XattrIndex } from "../layout/xattr_name.ts";
import type { Inode } from "../volume/inode.ts";
import {
  capacity,
  clearInline,
  growInline,
  inlineBytes,
  inlineContent,
  inlineRegions,
  readInline,
  restoreInline,
  truncateInline,
  writeInline,
} from "./inline_data.ts";
import {
  assertClean,
  inodeNumber,
  latin1,
  loopDevices,
  makeImage,
  TestVolume,
  toLatin1,
  withImageDir,
  withKernelMount,
} from "./testing.ts";
import { list, remove, set } from "./xattr.ts";

const E2FSPROGS = programs("mke2fs", "debugfs", "e2fsck");

function withInlineFile(
  args: readonly string[],
  content: string,
  body: (volume: TestVolume, inode: Inode) => void,
): void {
  withImageDir((dir) => {
    const path = `${dir}/image`;
    Deno.writeTextFileSync(`${dir}/source`, content);
    makeImage(path, ["-O", "inline_data", ...args], [`write ${dir}/source /f`]);
    const volume = new TestVolume(path);
    const inode = volume.inode(inodeNumber(path, "/f"));
    assert.ok(inode.has(InodeFlag.INLINE_DATA));
    body(volume, inode);
  });
}

function content(volume: TestVolume, inode: Inode): string {
  const bytes = new Uint8Array(inode.size + 10);
  return toLatin1(bytes.subarray(0, readInline(volume.alloc, inode, 0, bytes)));
}

function write(volume: TestVolume, inode: Inode, offset: number, text: string): number {
  return volume.change((handle) => writeInline(volume.alloc, handle, inode, offset, latin1(text)));
}

testWith({
  name: "inline content that debugfs wrote is read",
  needs: [E2FSPROGS],
  fn: () => {
    for (const text of ["", "short", "x".repeat(60), "0123456789".repeat(12)]) {
      withInlineFile([], text, (volume, inode) => {
        assert.equal(content(volume, inode), text);
        const part = new Uint8Array(10);
        const count = readInline(volume.alloc, inode, 55, part);
        assert.equal(toLatin1(part.subarray(0, count)), text.slice(55, 65));
      });
    }
  },
});

testWith({
  name: "random writes and truncates of inline content, beside attributes",
  needs: [E2FSPROGS],
  fn: () => {
    for (const args of [[], ["-I", "512"], ["-I", "1024", "-b", "1024"]]) {
      withInlineFile(args, "start", (volume, inode) => {
        const random = new Random(printedSeed(`inline data ${args.join(" ")}`));
        randomChanges(volume, inode, random);
        volume.save();
        assertClean(volume.path, args.join(" "));
      });
    }
  },
});

function randomChanges(volume: TestVolume, inode: Inode, random: Random): void {
  const { alloc } = volume;
  let model = "start";
  for (let step = 0; step < 400; step++) {
    const limit = capacity(alloc, inode);
    assert.ok(limit >= inlineBytes(alloc, inode));
    const name = latin1(`n${random.below(4)}`);
    if (random.chance(15)) {
      const value = random.fill(new Uint8Array(random.below(20)));
      volume.change((handle) => set(alloc, handle, inode, XattrIndex.USER, name, value, 0, true));
    } else if (random.chance(20)) {
      volume.change((handle) => remove(alloc, handle, inode, XattrIndex.USER, name, true));
    } else if (random.chance(25)) {
      const size = random.below(limit + 20);
      const result = volume.change((handle) => truncateInline(alloc, handle, inode, size));
      assert.equal(result, size <= Math.max(limit, model.length) ? 0 : -ENOSPC);
      if (result === 0) model = model.slice(0, size).padEnd(size, "\0");
    } else {
      const offset = random.below(limit + 4);
      const text = String.fromCharCode(65 + random.below(26)).repeat(1 + random.below(60));
      const result = write(volume, inode, offset, text);
      assert.equal(result, offset + text.length <= limit ? 0 : -ENOSPC);
      if (result === 0) {
        model = model.slice(0, offset).padEnd(offset, "\0") + text +
          model.slice(offset + text.length);
      }
    }
    assert.equal(inode.size, model.length);
    assert.ok(content(volume, inode) === model, `step ${step}`);
  }
}

testWith({
  name: "inline content goes to the kernel and comes back",
  needs: [E2FSPROGS, root, loopDevices],
  fn: () =>
    withInlineFile([], "from debugfs", (volume, inode) => {
      const text = "0123456789".repeat(11);
      assert.equal(write(volume, inode, 0, text), 0);
      volume.save();
      assertClean(volume.path);
      withKernelMount(volume.path, (mountPoint) => {
        assert.equal(Deno.readTextFileSync(`${mountPoint}/f`), text);
        Deno.writeTextFileSync(`${mountPoint}/f`, "and more", { append: true });
        Deno.writeTextFileSync(`${mountPoint}/g`, "of the kernel");
      });
      const again = new TestVolume(volume.path);
      assert.equal(content(again, again.inode(inode.ino)), `${text}and more`);
      const other = again.inode(inodeNumber(volume.path, "/g"));
      assert.ok(other.has(InodeFlag.INLINE_DATA));
      assert.equal(content(again, other), "of the kernel");
      const cut = again.change((handle) => truncateInline(again.alloc, handle, other, 2));
      assert.equal(cut, 0);
      again.save();
      assertClean(volume.path);
      withKernelMount(volume.path, (mountPoint) => {
        assert.equal(Deno.readTextFileSync(`${mountPoint}/g`), "of");
      });
    }),
});

testWith({
  name: "clearing returns the content and can be undone",
  needs: [E2FSPROGS],
  fn: () =>
    withInlineFile([], "y".repeat(100), (volume, inode) => {
      const { alloc } = volume;
      const before = capacity(alloc, inode);
      volume.change((handle) => {
        const bytes = clearInline(alloc, handle, inode);
        assert.equal(toLatin1(bytes), "y".repeat(100));
        assert.ok(!inode.has(InodeFlag.INLINE_DATA));
        assert.equal(list(alloc, inode, new Uint8Array(0), true), 0);
        assert.equal(capacity(alloc, inode), before);
        return restoreInline(alloc, handle, inode, bytes);
      });
      assert.equal(content(volume, inode), "y".repeat(100));
      volume.save();
      assertClean(volume.path);
    }),
});

testWith({
  name: "a directory's regions grow in place, with zeros",
  needs: [E2FSPROGS],
  fn: () =>
    withInlineFile([], "z".repeat(70), (volume, inode) => {
      const { alloc } = volume;
      const first = inlineRegions(alloc, inode);
      assert.deepEqual([first.iBlock.length, first.value.length], [60, 10]);
      const limit = capacity(alloc, inode);
      assert.equal(volume.change((handle) => growInline(alloc, handle, inode, limit + 1)), -ENOSPC);
      assert.equal(volume.change((handle) => growInline(alloc, handle, inode, limit)), 0);
      const grown = inlineRegions(alloc, inode);
      assert.equal(toLatin1(grown.value), "z".repeat(10).padEnd(limit - 60, "\0"));
      grown.value.fill(65);
      assert.equal(inode.raw[grown.valueOffset], 65);
      assert.equal(inlineContent(alloc, inode).length, 70);
    }),
});

testWith({
  name: "system.data outside the inode is refused",
  needs: [E2FSPROGS],
  fn: () =>
    withInlineFile(["-O", "inline_data,ea_inode"], "z".repeat(70), (volume, inode) => {
      const start = 128 + inode.extraBytes + 4;
      inode.view.setUint32(start + 4, 12, true);
      assert.throws(() => inlineRegions(volume.alloc, inode), Corrupt);
    }),
});
