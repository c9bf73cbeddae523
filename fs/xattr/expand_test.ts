import { strict as assert } from "node:assert";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { programs, testWith } from "../../tests/harness/skip.ts";
import { ENOSPC } from "../errno.ts";
import { InodeFlag } from "../layout/inode.ts";
import { XattrIndex } from "../layout/xattr_name.ts";
import { expandExtra } from "./expand.ts";
import { references } from "./ea_inode.ts";
import {
  assertClean,
  inodeNumber,
  latin1,
  makeImage,
  TestVolume,
  toLatin1,
  withImageDir,
} from "./testing.ts";
import { hasNoXattrs, remove, removeAll, set } from "./xattr.ts";

const { USER } = XattrIndex;
const NEEDS = [programs("mke2fs", "debugfs", "e2fsck")];

function withFile(args: readonly string[], body: (volume: TestVolume, ino: number) => void): void {
  withImageDir((dir) => {
    const path = `${dir}/image`;
    Deno.writeTextFileSync(`${dir}/source`, "some text");
    makeImage(path, args, [`write ${dir}/source /f`]);
    body(new TestVolume(path), inodeNumber(path, "/f"));
  });
}

testWith({
  name: "i_extra_isize grows, attributes move up or to the block",
  needs: NEEDS,
  fn: () => {
    const random = new Random(printedSeed("expand"));
    for (const features of ["^inline_data", "inline_data", "ea_inode"]) {
      withFile(["-O", features], (volume, ino) => {
        const inode = volume.inode(ino);
        const inline = inode.has(InodeFlag.INLINE_DATA);
        for (let round = 0; round < 60; round++) {
          shrink(volume, ino, inline);
          const values = fill(volume, ino, random);
          const result = volume.change((handle) => expandExtra(volume.alloc, handle, inode, 32));
          assert.equal(result, 0);
          assert.equal(inode.extraBytes, 32);
          check(volume, ino, values);
        }
        volume.save();
        assertClean(volume.path, features);
      });
    }
  },
});

/** Leaves the inode without attributes and with the extra fields of an older kernel. */
function shrink(volume: TestVolume, ino: number, inline: boolean): void {
  const inode = volume.inode(ino);
  volume.change((handle) => {
    removeAll(volume.alloc, handle, inode);
    return 0;
  });
  if (inline) {
    // Only system.data is left: move its entry down.
    inode.raw.copyWithin(128 + 28, 128 + inode.extraBytes, 128 + inode.extraBytes + 28);
  } else {
    assert.ok(hasNoXattrs(inode));
    inode.raw.fill(0, 128 + 28);
  }
  inode.extraBytes = 28;
}

function fill(volume: TestVolume, ino: number, random: Random): Map<string, string> {
  const values = new Map<string, string>();
  const inode = volume.inode(ino);
  for (let i = random.below(6); i > 0; i--) {
    const name = `n${i}`;
    const value = random.fill(new Uint8Array(random.below(40)));
    const result = volume.change((handle) =>
      set(volume.alloc, handle, inode, USER, latin1(name), value, 0, true)
    );
    assert.equal(result, 0);
    values.set(`user.${name}`, toLatin1(value));
  }
  return values;
}

function check(volume: TestVolume, ino: number, values: Map<string, string>): void {
  assert.deepEqual(volume.names(ino).toSorted(), [...values.keys()].toSorted());
  for (const [name, value] of values) assert.equal(volume.value(ino, name), value);
}

testWith({
  name: "i_extra_isize cannot grow past the inode",
  needs: NEEDS,
  fn: () =>
    withFile([], (volume, ino) => {
      const inode = volume.inode(ino);
      const result = volume.change((handle) => expandExtra(volume.alloc, handle, inode, 132));
      assert.equal(result, -ENOSPC);
    }),
});

testWith({
  name: "a value inode of the older style is read and freed",
  needs: NEEDS,
  fn: () =>
    withFile(["-O", "ea_inode"], (volume, ino) => {
      const inode = volume.inode(ino);
      const { alloc } = volume;
      const value = latin1("of old".repeat(2000));
      volume.change((handle) => set(alloc, handle, inode, USER, latin1("v"), value, 0, true));
      const holder = [...volume.volume.inodes.values()].find((i) => i.has(InodeFlag.EA_INODE));
      assert.ok(holder !== undefined);
      assert.equal(references(holder), 1);
      holder.mtime = ino;
      holder.generation = inode.generation;
      holder.updateChecksumSeed();
      holder.atime = 0;
      holder.ctime = 0;
      holder.version = 0;
      // Such a value is not counted in its owner.
      inode.sectors -= 24;
      assert.equal(volume.value(ino, "user.v"), toLatin1(value));
      const free = volume.volume.groups.totalFreeInodes;
      const result = volume.change((handle) =>
        remove(alloc, handle, inode, USER, latin1("v"), true)
      );
      assert.equal(result, 0);
      assert.equal(volume.volume.groups.totalFreeInodes, free + 1);
      volume.save();
      assertClean(volume.path);
    }),
});
