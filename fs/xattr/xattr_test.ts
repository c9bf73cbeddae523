import { strict as assert } from "node:assert";
import { programs, testWith } from "../../tests/harness/skip.ts";
import { E2BIG, EEXIST, EINVAL, ENODATA, ENOSPC, EOPNOTSUPP, EPERM, ERANGE } from "../errno.ts";
import { InodeFlag, S_IFCHR } from "../layout/inode.ts";
import { XattrIndex } from "../layout/xattr_name.ts";
import { inodeNumber, latin1, makeImage, TestVolume, toLatin1, withImageDir } from "./testing.ts";
import {
  get,
  getByName,
  hasNoXattrs,
  list,
  namespaceOf,
  remove,
  resolveName,
  set,
  XATTR_CREATE,
  XATTR_REPLACE,
} from "./xattr.ts";

const { USER, TRUSTED, SECURITY } = XattrIndex;
const NOTHING = new Uint8Array(0);

function onFile(args: readonly string[], body: (volume: TestVolume, ino: number) => void): void {
  withImageDir((dir) => {
    const path = `${dir}/image`;
    Deno.writeTextFileSync(`${dir}/source`, "");
    makeImage(path, args, [`write ${dir}/source /f`]);
    body(new TestVolume(path), inodeNumber(path, "/f"));
  });
}

function setOf(volume: TestVolume, ino: number) {
  return (index: number, name: string, value: string, flags = 0, privileged = true): number =>
    volume.change((handle) =>
      set(
        volume.alloc,
        handle,
        volume.inode(ino),
        index,
        latin1(name),
        latin1(value),
        flags,
        privileged,
      )
    );
}

Deno.test("names resolve to a namespace and the rest", () => {
  const name = resolveName(latin1("user.some.name"));
  assert.ok(typeof name !== "number");
  assert.deepEqual([name.index, toLatin1(name.suffix)], [USER, "some.name"]);
  const acl = resolveName(latin1("system.posix_acl_access"));
  assert.ok(typeof acl !== "number");
  assert.deepEqual([acl.index, acl.suffix.length], [XattrIndex.POSIX_ACL_ACCESS, 0]);
  assert.equal(namespaceOf(latin1("security.capability")), SECURITY);
  for (
    const wrong of ["system.data", "system.posix_acl_accessX", "lustre.lov", "user", "", "x.y"]
  ) {
    assert.equal(resolveName(latin1(wrong)), -EOPNOTSUPP, wrong);
  }
  assert.equal(resolveName(latin1("user.")), -EINVAL);
});

testWith({
  name: "get, set, remove and list answer as Linux does",
  needs: [programs("mke2fs", "debugfs")],
  fn: () =>
    onFile([], (volume, ino) => {
      const setIt = setOf(volume, ino);
      const { alloc } = volume;
      const inode = volume.inode(ino);
      const removeIt = (name: string): number =>
        volume.change((handle) => remove(alloc, handle, inode, USER, latin1(name), true));
      assert.ok(hasNoXattrs(inode));
      assert.equal(get(alloc, inode, USER, latin1("a"), NOTHING), -ENODATA);
      assert.equal(removeIt("a"), -ENODATA);
      assert.equal(setIt(USER, "a", "value", XATTR_REPLACE), -ENODATA);
      assert.equal(setIt(USER, "a", "value", XATTR_CREATE), 0);
      assert.equal(setIt(USER, "a", "value", XATTR_CREATE), -EEXIST);
      assert.equal(setIt(USER, "a", "other", XATTR_REPLACE), 0);
      assert.equal(get(alloc, inode, USER, latin1("a"), NOTHING), 5);
      assert.equal(get(alloc, inode, USER, latin1("a"), new Uint8Array(4)), -ERANGE);
      assert.equal(getByName(alloc, inode, latin1("user.a"), new Uint8Array(9), false), 5);
      assert.equal(setIt(USER, "empty", ""), 0);
      assert.equal(volume.value(ino, "user.empty"), "");
      assert.equal(setIt(USER, "n".repeat(255), "x"), 0);
      assert.equal(setIt(USER, "n".repeat(256), "x"), -ERANGE);
      assert.equal(setIt(USER, "", "x"), -EINVAL);
      assert.equal(setIt(USER, "a", "x".repeat(65537)), -E2BIG);
      assert.equal(setIt(USER, "a", "x".repeat(4096)), -ENOSPC);
      assert.equal(volume.value(ino, "user.a"), "other");
      assert.equal(setIt(TRUSTED, "t", "x", 0, false), -EPERM);
      assert.equal(setIt(TRUSTED, "t", "x"), 0);
      assert.equal(getByName(alloc, inode, latin1("trusted.t"), NOTHING, false), -ENODATA);
      const all = "user.a\0user.empty\0trusted.t\0".length + "user.".length + 256;
      assert.equal(list(alloc, inode, NOTHING, true), all);
      assert.equal(list(alloc, inode, NOTHING, false), all - "trusted.t\0".length);
      assert.equal(list(alloc, inode, new Uint8Array(all - 1), true), -ERANGE);
      assert.equal(removeIt("a"), 0);
      assert.equal(removeIt("a"), -ENODATA);
      inode.flags |= InodeFlag.IMMUTABLE;
      assert.equal(setIt(USER, "a", "x"), -EPERM);
      inode.flags &= ~InodeFlag.IMMUTABLE;
      inode.mode = S_IFCHR | 0o600;
      assert.equal(setIt(USER, "a", "x"), -EPERM);
      assert.equal(setIt(SECURITY, "a", "x"), 0);
    }),
});

testWith({
  name: "an attribute moves between inode and block as its size changes",
  needs: [programs("mke2fs", "debugfs")],
  fn: () =>
    onFile([], (volume, ino) => {
      const setIt = setOf(volume, ino);
      const inode = volume.inode(ino);
      const free = volume.alloc.freeBlocks();
      assert.equal(setIt(USER, "a", "small"), 0);
      assert.equal(inode.fileAcl, 0);
      assert.equal(setIt(USER, "a", "l".repeat(1000)), 0);
      assert.notEqual(inode.fileAcl, 0);
      assert.equal(inode.sectors, 8);
      assert.deepEqual(volume.names(ino), ["user.a"]);
      assert.equal(setIt(USER, "a", "small again"), 0);
      assert.equal(inode.fileAcl, 0);
      assert.equal(inode.sectors, 0);
      assert.equal(volume.value(ino, "user.a"), "small again");
      assert.equal(volume.alloc.freeBlocks(), free);
    }),
});

testWith({
  name: "an inode with room for extra fields that it never used gets attributes in its body",
  needs: [programs("mke2fs", "debugfs")],
  fn: () =>
    onFile([], (volume, ino) => {
      const inode = volume.inode(ino);
      inode.raw.fill(0, 128);
      inode.extraBytes = 0;
      assert.equal(setOf(volume, ino)(USER, "a", "b"), 0);
      assert.equal(inode.extraBytes, 32);
      assert.equal(volume.value(ino, "user.a"), "b");
    }),
});

testWith({
  name: "no space: nothing changes",
  needs: [programs("mke2fs", "debugfs")],
  fn: () =>
    onFile(["-O", "ea_inode"], (volume, ino) => {
      const setIt = setOf(volume, ino);
      let count = 0;
      while (
        setIt(USER, `n${count}`, String.fromCharCode(count & 255).repeat(60000 + count)) === 0
      ) {
        count++;
        assert.ok(count < 2000);
      }
      const free = volume.alloc.freeBlocks();
      const freeInodes = volume.volume.groups.totalFreeInodes;
      assert.equal(setIt(USER, "more", "y".repeat(65000)), -ENOSPC);
      assert.equal(volume.alloc.freeBlocks(), free);
      assert.equal(volume.volume.groups.totalFreeInodes, freeInodes);
      assert.equal(volume.names(ino).length, count);
      assert.equal(volume.value(ino, "user.n3"), "\x03".repeat(60003));
    }),
});
