/**
 * ACLs: what setting, chmod and inheritance do here is held against what the kernel does.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { programs, root, testWith } from "../../tests/harness/skip.ts";
import { EACCES, EINVAL, ENODATA, EOPNOTSUPP } from "../errno.ts";
import { runTool } from "../layout/testing.ts";
import { ACL_UNDEFINED_ID, AclTag } from "../layout/acl.ts";
import { S_IFDIR, S_IFREG, S_ISGID } from "../layout/inode.ts";
import { XattrIndex } from "../layout/xattr_name.ts";
import type { Inode } from "../volume/inode.ts";
import {
  type Acl,
  aclChmod,
  type AclEntry,
  decodeAcl,
  encodeAcl,
  inheritAcl,
  loadAcl,
  modeOfAcl,
  setAcl,
} from "./acl.ts";
import {
  assertClean,
  inodeNumber,
  kernelXattrs,
  latin1,
  loopDevices,
  makeImage,
  TestVolume,
  toLatin1,
  withImageDir,
  withKernelMount,
} from "./testing.ts";
import { get, remove, set } from "./xattr.ts";

const ACCESS = XattrIndex.POSIX_ACL_ACCESS;
const DEFAULT = XattrIndex.POSIX_ACL_DEFAULT;
const ACCESS_NAME = "system.posix_acl_access";
const DEFAULT_NAME = "system.posix_acl_default";
const NO_NAME = new Uint8Array(0);

function randomAcl(random: Random): Acl {
  const entry = (tag: number, id = ACL_UNDEFINED_ID): AclEntry => ({
    tag,
    permissions: random.below(8),
    id,
  });
  const users = random.chance(50) ? [1000, 1001].slice(0, 1 + random.below(2)) : [];
  const groups = random.chance(40) ? [2000, 70000].slice(0, 1 + random.below(2)) : [];
  const masked = users.length + groups.length > 0 || random.chance(20);
  return [
    entry(AclTag.USER_OBJ),
    ...users.map((id) => entry(AclTag.USER, id)),
    entry(AclTag.GROUP_OBJ),
    ...groups.map((id) => entry(AclTag.GROUP, id)),
    ...(masked ? [entry(AclTag.MASK)] : []),
    entry(AclTag.OTHER),
  ];
}

function hex(bytes: Uint8Array): string {
  let digits = "0x";
  for (const byte of bytes) digits += byte.toString(16).padStart(2, "0");
  return digits;
}

function encoded(acl: Acl | null): string | undefined {
  return acl === null ? undefined : toLatin1(encodeAcl(acl));
}

/** What the kernel made of one case: mode and ACLs of a node. */
interface Outcome {
  readonly mode: number;
  readonly access: string | undefined;
  readonly default: string | undefined;
}

function kernelOutcome(path: string): Outcome {
  const attributes = kernelXattrs(path);
  return {
    mode: (Deno.lstatSync(path).mode ?? 0) & 0o7777,
    access: attributes.get(ACCESS_NAME),
    default: attributes.get(DEFAULT_NAME),
  };
}

function outcome(volume: TestVolume, inode: Inode): Outcome {
  return {
    mode: inode.mode & 0o7777,
    access: encoded(loadAcl(volume.alloc, inode, ACCESS)),
    default: encoded(loadAcl(volume.alloc, inode, DEFAULT)),
  };
}

interface Case {
  readonly inherited: Acl | null;
  readonly mode: number;
  readonly umask: number;
  readonly set: Acl;
  readonly chmod: number;
  file: Outcome;
  folder: Outcome;
  afterSet: Outcome;
  afterChmod: Outcome;
}

function kernelCase(mountPoint: string, number: number, random: Random): Case {
  const parent = `${mountPoint}/d${number}`;
  Deno.mkdirSync(parent);
  const inherited = random.chance(80) ? randomAcl(random) : null;
  if (inherited !== null) {
    runTool("setfattr", ["-n", DEFAULT_NAME, "-v", hex(encodeAcl(inherited)), parent]);
  }
  const umask = random.pick([0, 0o022, 0o077, 0o002]);
  const mode = random.below(0o1000);
  const chmod = random.below(0o1000);
  const acl = randomAcl(random);
  const script = `umask ${umask.toString(8)}; ` +
    `perl -e 'use Fcntl; sysopen(F, $ARGV[0], O_CREAT | O_WRONLY, ${mode}); mkdir($ARGV[1], ${mode})' ` +
    `"$1/file" "$1/folder"`;
  runTool("sh", ["-c", script, "sh", parent]);
  const file = kernelOutcome(`${parent}/file`);
  const folder = kernelOutcome(`${parent}/folder`);
  runTool("setfattr", ["-n", ACCESS_NAME, "-v", hex(encodeAcl(acl)), `${parent}/file`]);
  const afterSet = kernelOutcome(`${parent}/file`);
  Deno.chmodSync(`${parent}/file`, chmod);
  const afterChmod = kernelOutcome(`${parent}/file`);
  return { inherited, mode, umask, set: acl, chmod, file, folder, afterSet, afterChmod };
}

/** Does the same here, on inodes that are there already and lose what they had. */
function sameHere(volume: TestVolume, parent: Inode, child: Inode, wanted: Case): void {
  const { alloc } = volume;
  assert.equal(encoded(loadAcl(alloc, parent, DEFAULT)), encoded(wanted.inherited));
  const clear = (): number =>
    volume.change((handle) => {
      remove(alloc, handle, child, ACCESS, NO_NAME, true);
      return remove(alloc, handle, child, DEFAULT, NO_NAME, true);
    });
  const inherit = (type: number): number => {
    clear();
    return volume.change((handle) => {
      child.mode = type;
      return inheritAcl(alloc, handle, parent, child, type | wanted.mode, wanted.umask);
    });
  };
  assert.equal(inherit(S_IFDIR), 0);
  assert.deepEqual(outcome(volume, child), wanted.folder);
  assert.equal(inherit(S_IFREG), 0);
  assert.deepEqual(outcome(volume, child), wanted.file);
  const xattr = encodeAcl(wanted.set);
  volume.change((handle) => setAcl(alloc, handle, child, ACCESS, xattr, true, false));
  assert.deepEqual(outcome(volume, child), wanted.afterSet);
  volume.change((handle) => {
    child.mode = S_IFREG | wanted.chmod;
    return aclChmod(alloc, handle, child);
  });
  assert.deepEqual(outcome(volume, child), wanted.afterChmod);
}

testWith({
  name: "ACLs are inherited, set and changed by chmod as by the kernel",
  needs: [programs("mke2fs", "debugfs", "setfattr", "getfattr", "perl"), root, loopDevices],
  fn: () =>
    withImageDir((dir) => {
      const path = `${dir}/image`;
      makeImage(path, []);
      const random = new Random(printedSeed("ACL"));
      const cases: Case[] = [];
      withKernelMount(path, (mountPoint) => {
        for (let i = 0; i < 25; i++) cases.push(kernelCase(mountPoint, i, random));
      });
      const volume = new TestVolume(path);
      cases.forEach((wanted, i) => {
        const parent = volume.inode(inodeNumber(path, `/d${i}`));
        const child = volume.inode(inodeNumber(path, `/d${i}/file`));
        sameHere(volume, parent, child, wanted);
      });
      volume.save();
      assertClean(path);
      withKernelMount(path, (mountPoint) => {
        cases.forEach(({ afterChmod }, i) => {
          assert.deepEqual(kernelOutcome(`${mountPoint}/d${i}/file`), afterChmod);
        });
      });
    }),
});

function acl(text: string): Acl {
  const tags: Record<string, number> = { u: 1, U: 2, g: 4, G: 8, m: 16, o: 32 };
  return text.split(" ").map((item) => ({
    tag: tags[item.charAt(0)] ?? 0,
    permissions: Number(item.charAt(1)),
    id: item.length > 2 ? Number(item.slice(2)) : ACL_UNDEFINED_ID,
  }));
}

testWith({
  name: "setting ACLs: answers, mode, what is stored",
  needs: [programs("mke2fs", "debugfs")],
  fn: () =>
    withImageDir((dir) => {
      const path = `${dir}/image`;
      Deno.writeTextFileSync(`${dir}/source`, "");
      makeImage(path, [], [`write ${dir}/source /f`]);
      const volume = new TestVolume(path);
      const inode = volume.inode(inodeNumber(path, "/f"));
      const { alloc } = volume;
      const setIt = (index: number, xattr: Uint8Array, kill = false): number =>
        volume.change((handle) => set(alloc, handle, inode, index, NO_NAME, xattr, 0, true, kill));
      const small = encodeAcl(acl("u7 g5 o1"));
      const large = encodeAcl(acl("u6 U71000 g4 m5 o0"));
      inode.mode = S_IFREG | S_ISGID | 0o600;
      assert.equal(setIt(ACCESS, small), 0);
      assert.equal(inode.mode, S_IFREG | S_ISGID | 0o751);
      assert.equal(get(alloc, inode, ACCESS, NO_NAME, NO_NAME), -ENODATA);
      assert.equal(setIt(ACCESS, large, true), 0);
      assert.equal(inode.mode, S_IFREG | 0o650);
      assert.equal(get(alloc, inode, ACCESS, NO_NAME, NO_NAME), large.length);
      assert.equal(setIt(DEFAULT, large), -EACCES);
      assert.equal(setIt(ACCESS, encodeAcl(acl("u6 U71000 g4 o0"))), -EINVAL);
      assert.equal(setIt(ACCESS, latin1("\x01\0\0\0")), -EOPNOTSUPP);
      assert.equal(setIt(ACCESS, latin1("\x02\0")), -EINVAL);
      assert.equal(setIt(ACCESS, latin1("\x02\0\0\0")), 0);
      assert.equal(get(alloc, inode, ACCESS, NO_NAME, NO_NAME), -ENODATA);
      assert.equal(inode.mode, S_IFREG | 0o650);
    }),
});

Deno.test("the mode of an ACL is owner, mask or group, others", () => {
  assert.equal(modeOfAcl(acl("u7 g5 o1")), 0o751);
  assert.equal(modeOfAcl(acl("u7 U61 g5 m4 o1")), 0o741);
  const some = acl("u7 U61000 g5 G42 m4 o1");
  assert.deepEqual(decodeAcl(encodeAcl(some)), some);
});
