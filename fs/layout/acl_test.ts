import assert from "node:assert/strict";
import { EINVAL, EOPNOTSUPP } from "../errno.ts";
import { Corrupt } from "../errors.ts";
import { ACL_UNDEFINED_ID, aclFromDisk, aclProblem, AclTag, aclToDisk } from "./acl.ts";

type Entry = readonly [tag: number, permissions: number, id?: number];

function xattrForm(entries: readonly Entry[], version = 2): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 + 8 * entries.length));
  view.setUint32(0, version, true);
  entries.forEach(([tag, permissions, id], index) => {
    view.setUint16(4 + 8 * index, tag, true);
    view.setUint16(6 + 8 * index, permissions, true);
    view.setUint32(8 + 8 * index, id ?? ACL_UNDEFINED_ID, true);
  });
  return new Uint8Array(view.buffer);
}

const BASE: readonly Entry[] = [[AclTag.USER_OBJ, 7], [AclTag.GROUP_OBJ, 5], [AclTag.OTHER, 4]];
const FULL: readonly Entry[] = [
  [AclTag.USER_OBJ, 6],
  [AclTag.USER, 7, 1000],
  [AclTag.USER, 5, 0],
  [AclTag.GROUP_OBJ, 4],
  [AclTag.GROUP, 1, 100],
  [AclTag.MASK, 7],
  [AclTag.OTHER, 0],
];

Deno.test("an ACL becomes short and full entries on disk, and the same again", () => {
  const disk = aclToDisk(xattrForm(FULL));
  assert.ok(disk instanceof Uint8Array);
  assert.equal(disk.length, 4 + 4 * 4 + 3 * 8);
  const view = new DataView(disk.buffer, disk.byteOffset);
  assert.equal(view.getUint32(0, true), 1, "a_version");
  assert.deepEqual([view.getUint16(4, true), view.getUint16(6, true)], [1, 6]);
  assert.deepEqual(
    [view.getUint16(8, true), view.getUint16(10, true), view.getUint32(12, true)],
    [2, 7, 1000],
  );
  assert.deepEqual(aclFromDisk(disk, 12), xattrForm(FULL));
  const base = aclToDisk(xattrForm(BASE));
  assert.ok(base instanceof Uint8Array && base.length === 16);
  assert.deepEqual(aclFromDisk(base, 12), xattrForm(BASE));
});

Deno.test("what is not a good ACL is refused with the kernel's errno", () => {
  assert.equal(aclToDisk(new Uint8Array(3)), -EINVAL);
  assert.equal(aclToDisk(xattrForm(BASE, 1)), -EOPNOTSUPP);
  assert.equal(aclToDisk(xattrForm(BASE).slice(0, -1)), -EINVAL);
  assert.deepEqual(aclToDisk(xattrForm([])), new Uint8Array(0));
  const bad: [string, readonly Entry[]][] = [
    ["e_tag 0x4", BASE.slice(1)],
    ["no entry for others", BASE.slice(0, 2)],
    ["e_tag 0x20", [...BASE, [AclTag.OTHER, 1]]],
    ["e_tag 0x40", [...BASE, [0x40, 1]]],
    ["e_perm 0x8", [[AclTag.USER_OBJ, 8], ...BASE.slice(1)]],
    ["e_id", [[AclTag.USER_OBJ, 7], [AclTag.USER, 7], ...FULL.slice(3)]],
    ["no mask", [[AclTag.USER_OBJ, 7], [AclTag.USER, 7, 1], ...BASE.slice(1)]],
    ["e_tag 0x20", [...BASE.slice(0, 2), [AclTag.GROUP, 7, 1], ...BASE.slice(2)]],
    ["e_tag 0x2", [...BASE.slice(0, 2), [AclTag.USER, 7, 1], ...BASE.slice(2)]],
  ];
  for (const [problem, entries] of bad) {
    assert.equal(aclProblem(xattrForm(entries)), problem);
    assert.equal(aclToDisk(xattrForm(entries)), -EINVAL);
  }
});

Deno.test("a bad ACL on disk is corrupt, wherever it is cut or changed", () => {
  const disk = aclToDisk(xattrForm(FULL));
  assert.ok(disk instanceof Uint8Array);
  for (let length = 0; length < disk.length; length++) {
    if (length === 4) continue;
    assert.throws(() => aclFromDisk(disk.subarray(0, length), 12), Corrupt);
  }
  for (const at of [0, 4, 6, 8, 16, 24, 28, 36, 40]) {
    const changed = disk.slice();
    changed[at] = 0x80;
    assert.throws(() => aclFromDisk(changed, 12), Corrupt, `byte ${at}`);
  }
  assert.throws(() => aclFromDisk(new Uint8Array(4), 12), /ACL \(inode 12\): a_version/);
});
