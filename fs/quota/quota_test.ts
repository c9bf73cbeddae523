import assert from "node:assert/strict";
import { EDQUOT, ENODATA, EOPNOTSUPP, EXDEV } from "../errno.ts";
import { RoCompat } from "../layout/features.ts";
import { InodeFlag, S_IFREG } from "../layout/inode.ts";
import { runTool, toolMissing, withTempDir } from "../layout/testing.ts";
import { getAttribute, removeAttribute, setAttribute } from "../ops/attributes.ts";
import { makeNode, makeUnnamed } from "../ops/create.ts";
import type { Credentials } from "../ops/engine.ts";
import { fallocate } from "../ops/fallocate.ts";
import { setFlags, setProject, visibleFlags } from "../ops/inode_flags.ts";
import { link } from "../ops/link.ts";
import { makeDirectory } from "../ops/make_directory.ts";
import { rename } from "../ops/rename.ts";
import { setAttributes } from "../ops/set_attributes.ts";
import { makeSymlink } from "../ops/symlink.ts";
import { unlink } from "../ops/unlink.ts";
import { write } from "../ops/write.ts";
import { ALL_QUOTAS, EVERY_KIND, QuotaImage } from "./testing.ts";

const ROOT = 2;
const USER: Credentials = { uid: 1000, gid: 100 };
const text = new TextEncoder();
const WRITE = { privileged: false, killPrivileges: false } as const;

function test(name: string, body: () => void): void {
  Deno.test({ name: `quota: ${name}`, ignore: toolMissing("mke2fs"), fn: body });
}

function makeImage(limited = true, ...options: readonly string[]): QuotaImage {
  const limits = limited ? EVERY_KIND : [];
  return QuotaImage.make([...ALL_QUOTAS, "-b", "1024", ...options], 32 << 20, limits);
}

function file(image: QuotaImage, name: string, owner = USER, parent = ROOT): number {
  return makeNode(image.engine, owner, parent, text.encode(name), S_IFREG | 0o644, 0, 0);
}

function put(image: QuotaImage, ino: number, offset: number, bytes: number): number {
  return write(image.engine, ino, offset, new Uint8Array(bytes).fill(1), WRITE);
}

test("e2fsck sees usage that is wrong", () => {
  const image = makeImage();
  file(image, "f");
  image.check();
  image.reopen();
  image.engine.change((handle) => {
    // Counted without being there.
    image.engine.quota?.count(image.engine.inode(ROOT), 2, 0);
    image.engine.dirty(handle, image.engine.inode(ROOT));
    return 0;
  });
  assert.throws(() => image.check(), /QUOTA WARNING/);
});

test("usage is that of debugfs's list, after a remount as well", () => {
  const image = makeImage();
  put(image, file(image, "a"), 0, 5000);
  put(image, file(image, "b", { uid: 70_000, gid: 0xfffffffe }), 0, 1);
  assert.deepEqual(image.usage("user", 1000), { bytes: 5120, inodes: 1 });
  assert.deepEqual(image.usage("group", 0xfffffffe), { bytes: 1024, inodes: 1 });
  image.check();
  withTempDir((folder) => {
    image.save(`${folder}/image`);
    const list = new TextDecoder().decode(runTool("debugfs", ["-R", "lq user", `${folder}/image`]));
    assert.match(list, /\b1000\s+5120\s+0\s+0\s+1\s+0\s+0/);
    assert.match(list, /\b70000\s+1024\s+0\s+0\s+1\s+0\s+0/);
  });
  image.reopen();
  assert.deepEqual(image.usage("user", 70_000), { bytes: 1024, inodes: 1 });
});

test("a write stops at the hard limit, and goes on when there is room again", () => {
  const image = makeImage();
  const ino = file(image, "f");
  image.limit("user", 1000, { spaceHard: 10 });
  image.asUser(() => {
    assert.equal(put(image, ino, 0, 30_000), 10_240);
    assert.equal(put(image, ino, 10_240, 1), -EDQUOT);
    assert.equal(fallocate(image.engine, ino, 50_000, 5000, 0, false), -EDQUOT);
    assert.equal(put(image, ino, 0, 10_240), 10_240);
    assert.equal(setAttributes(image.engine, ino, { size: 2000 }, false), 0);
    assert.equal(put(image, ino, 2000, 48), 48);
    assert.equal(put(image, ino, 2048, 8192), 8192);
    assert.equal(put(image, ino, 10_240, 1), -EDQUOT);
  });
  assert.equal(put(image, ino, 10_240, 1), 1);
  assert.deepEqual(image.usage("user", 1000), { bytes: 11_264, inodes: 1 });
  image.check();
});

test("limits hold only for kinds that are asked for", () => {
  const image = makeImage(false);
  const ino = file(image, "f");
  image.limit("user", 1000, { spaceHard: 1, inodesHard: 1 });
  image.asUser(() => {
    assert.equal(put(image, ino, 0, 30_000), 30_000);
    assert.ok(file(image, "g") > 0);
  });
  image.reopen(["group"]);
  image.asUser(() => assert.equal(put(image, ino, 30_000, 30_000), 30_000));
  image.reopen(["user"]);
  image.asUser(() => assert.equal(put(image, ino, 100_000, 1), -EDQUOT));
  image.check();
});

test("the number of inodes is limited for every kind of node", () => {
  const image = makeImage();
  const { engine } = image;
  image.limit("group", 100, { inodesHard: 2 });
  image.asUser(() => {
    assert.ok(file(image, "1") > 0);
    assert.ok(file(image, "2") > 0);
    assert.equal(file(image, "3"), -EDQUOT);
    const name = text.encode("4");
    assert.equal(makeDirectory(engine, USER, ROOT, name, 0o755, 0), -EDQUOT);
    assert.equal(makeSymlink(engine, USER, ROOT, name, text.encode("t")), -EDQUOT);
    assert.equal(makeUnnamed(engine, USER, ROOT, S_IFREG | 0o600, 0), -EDQUOT);
    assert.equal(unlink(engine, ROOT, text.encode("1")), 0);
    assert.ok(file(image, "3") > 0);
  });
  assert.deepEqual(image.usage("group", 100), { bytes: 0, inodes: 2 });
  image.check();
});

test("a new directory whose block is over the limit leaves nothing behind", () => {
  const image = makeImage();
  image.limit("user", 1000, { spaceHard: 1 });
  image.asUser(() => {
    assert.ok(makeDirectory(image.engine, USER, ROOT, text.encode("1"), 0o755, 0) > 0);
    assert.equal(makeDirectory(image.engine, USER, ROOT, text.encode("2"), 0o755, 0), -EDQUOT);
    const long = text.encode("t".repeat(500));
    assert.equal(makeSymlink(image.engine, USER, ROOT, text.encode("3"), long), -EDQUOT);
  });
  assert.deepEqual(image.usage("user", 1000), { bytes: 1024, inodes: 1 });
  image.check();
});

test("a soft limit holds after the grace time, which ends below it", () => {
  const image = makeImage();
  const ino = file(image, "f");
  image.limit("user", 1000, { spaceSoft: 4, inodesSoft: 1 });
  const week = 7 * 24 * 3600;
  image.asUser(() => {
    assert.equal(put(image, ino, 0, 6000), 6000);
    assert.ok(file(image, "g") > 0);
    image.clock.seconds += week - 1;
    assert.equal(put(image, ino, 6000, 1000), 1000);
    image.clock.seconds++;
    assert.equal(put(image, ino, 7000, 1000), 168);
    assert.equal(put(image, ino, 7168, 1), -EDQUOT);
    assert.equal(file(image, "h"), -EDQUOT);
    assert.equal(setAttributes(image.engine, ino, { size: 4096 }, false), 0);
    assert.equal(unlink(image.engine, ROOT, text.encode("g")), 0);
    assert.equal(put(image, ino, 4096, 5000), 5000);
    assert.ok(file(image, "h") > 0);
  });
  image.check();
  image.reopen(["user"]);
  image.clock.seconds += week;
  image.asUser(() => assert.equal(put(image, ino, 20_000, 1), -EDQUOT));
});

test("a change of owner takes everything along, if the new owner has room", () => {
  const image = makeImage(true, "-O", "ea_inode");
  const { engine } = image;
  const ino = file(image, "f");
  put(image, ino, 0, 5000);
  const how = { flags: 0, killSgid: false, privileged: true };
  const large = new Uint8Array(5000).fill(3);
  assert.equal(setAttribute(engine, ino, text.encode("user.large"), large, how), 0);
  assert.deepEqual(image.usage("user", 1000), { bytes: 10_240, inodes: 2 });
  image.limit("user", 7, { spaceHard: 9 });
  image.limit("user", 8, { inodesHard: 1 });
  image.limit("group", 9, { spaceHard: 9 });
  image.asUser(() => {
    assert.equal(setAttributes(engine, ino, { uid: 7 }, false), -EDQUOT);
    assert.equal(setAttributes(engine, ino, { uid: 8 }, false), -EDQUOT);
    assert.equal(setAttributes(engine, ino, { uid: 3, gid: 9 }, false), -EDQUOT);
  });
  assert.deepEqual([engine.inode(ino).uid, engine.inode(ino).gid], [1000, 100]);
  assert.equal(setAttributes(engine, ino, { uid: 7, gid: 9 }, true), 0);
  assert.deepEqual(image.usage("user", 1000), { bytes: 0, inodes: 0 });
  assert.deepEqual(image.usage("user", 7), { bytes: 10_240, inodes: 2 });
  assert.deepEqual(image.usage("group", 9), { bytes: 10_240, inodes: 2 });
  assert.equal(removeAttribute(engine, ino, text.encode("user.large"), true), 0);
  assert.deepEqual(image.usage("user", 7), { bytes: 5120, inodes: 1 });
  image.check();
});

test("attributes are limited like other space", () => {
  const image = makeImage(true, "-O", "ea_inode");
  const { engine } = image;
  const ino = file(image, "f");
  const how = { flags: 0, killSgid: false, privileged: false };
  const set = (name: string, bytes: number) =>
    setAttribute(engine, ino, text.encode(`user.${name}`), new Uint8Array(bytes).fill(1), how);
  image.limit("user", 1000, { spaceHard: 1 });
  image.asUser(() => {
    assert.equal(set("body", 10), 0);
    assert.equal(set("outside", 2000), -EDQUOT);
    assert.equal(set("block", 500), 0);
    assert.equal(put(image, ino, 0, 1), -EDQUOT);
  });
  assert.deepEqual(image.usage("user", 1000), { bytes: 1024, inodes: 1 });
  // A block that is shared counts for each.
  const other = file(image, "g");
  assert.equal(setAttribute(engine, other, text.encode("user.block"), new Uint8Array(500), how), 0);
  image.check();
});

test("projects are inherited, and keep their files together", () => {
  const image = makeImage();
  const { engine } = image;
  const dir = makeDirectory(engine, USER, ROOT, text.encode("p"), 0o755, 0);
  assert.equal(setProject(engine, dir, 42), 0);
  const flags = visibleFlags(engine.inode(dir)) | InodeFlag.PROJINHERIT;
  assert.equal(setFlags(engine, dir, flags >>> 0, false), 0);
  const inside = file(image, "f", USER, dir);
  assert.equal(engine.inode(inside).projectId, 42);
  assert.equal(engine.inode(inside).has(InodeFlag.PROJINHERIT), false);
  const sub = makeDirectory(engine, USER, dir, text.encode("sub"), 0o755, 0);
  assert.equal(engine.inode(sub).projectId, 42);
  assert.ok(engine.inode(sub).has(InodeFlag.PROJINHERIT));
  const outside = file(image, "outside");
  assert.equal(link(engine, outside, dir, text.encode("l")), -EXDEV);
  assert.equal(
    rename(engine, USER, ROOT, text.encode("outside"), dir, text.encode("o"), 0),
    -EXDEV,
  );
  assert.equal(rename(engine, USER, dir, text.encode("f"), ROOT, text.encode("f"), 0), 0);
  image.limit("project", 42, { spaceHard: 2 });
  image.asUser(() => {
    assert.equal(put(image, inside, 0, 1), -EDQUOT);
    assert.equal(setProject(engine, inside, 0), 0);
    assert.equal(put(image, inside, 0, 1), 1);
    assert.equal(setProject(engine, inside, 42), -EDQUOT);
  });
  assert.deepEqual(image.usage("project", 42), { bytes: 2048, inodes: 2 });
  image.check();
});

test("files that had no name at a crash are counted until they are deleted", () => {
  const image = makeImage();
  const { engine } = image;
  const ino = file(image, "f");
  put(image, ino, 0, 5000);
  const unnamed = makeUnnamed(engine, USER, ROOT, S_IFREG | 0o600, 0);
  put(image, unnamed, 0, 3000);
  engine.inode(ino).users++;
  assert.equal(unlink(engine, ROOT, text.encode("f")), 0);
  assert.deepEqual(image.usage("user", 1000), { bytes: 8192, inodes: 2 });
  engine.volume.commit(true);
  image.reopen(EVERY_KIND, true);
  assert.match(image.reports.join(), /2 orphaned inodes/);
  image.reports.length = 0;
  assert.deepEqual(image.usage("user", 1000), { bytes: 0, inodes: 0 });
  image.check();
});

test("many identifiers make the file grow", () => {
  const image = makeImage(false, "-N", "4000");
  for (let id = 1; id < 1500; id++) {
    assert.ok(file(image, `f${id}`, { uid: id * 977, gid: (id * 0x10001) >>> 0 }) > 0);
  }
  image.check();
  image.reopen();
  for (let id = 1; id < 1500; id++) {
    assert.deepEqual(image.usage("user", id * 977), { bytes: 0, inodes: 1 });
  }
});

test("a full file system refuses new identifiers, not old ones", () => {
  const image = makeImage(false);
  const { engine } = image;
  const ino = file(image, "big");
  const privileged = { privileged: true, killPrivileges: false };
  const bytes = new Uint8Array(1 << 20);
  for (let at = 0; write(engine, ino, at, bytes, privileged) > 0;) at = engine.inode(ino).size;
  let made = 0;
  let result = 0;
  while (result >= 0 && made < 1000) {
    result = file(image, `f${made}`, { uid: 5000 + made, gid: 100 });
    made++;
  }
  assert.equal(result, -28);
  image.check();
});

test("without the project feature projects cannot be set", () => {
  const options = ["-t", "ext4", "-O", "quota", "-b", "1024"];
  const image = QuotaImage.make(options, 16 << 20, ["user"]);
  assert.equal(image.engine.volume.superblock.hasRoCompat(RoCompat.PROJECT), false);
  const ino = file(image, "f");
  assert.equal(setProject(image.engine, ino, 3), -EOPNOTSUPP);
  assert.equal(setProject(image.engine, ino, 0), 0);
  image.check();
  assert.throws(() => image.reopen(["project"]), /does not count/);
});

test("a write that cannot take a capability away fails", () => {
  const image = makeImage(true);
  const { engine } = image;
  const how = { flags: 0, killSgid: false, privileged: true };
  const name = text.encode("security.capability");
  const value = new Uint8Array(300).fill(2);
  // Two inodes share their attribute block: without the capability one needs a block of its own.
  const inodes = ["a", "b"].map((letter) => {
    const ino = file(image, letter);
    put(image, ino, 0, 10);
    for (const attribute of ["user.one", "user.two"]) {
      assert.equal(setAttribute(engine, ino, text.encode(attribute), value, how), 0);
    }
    assert.equal(setAttribute(engine, ino, name, value, how), 0);
    return ino;
  });
  const [ino = 0, other = 0] = inodes;
  assert.ok(engine.inode(ino).fileAcl !== 0);
  assert.equal(engine.inode(ino).fileAcl, engine.inode(other).fileAcl);
  image.limit("user", 1000, { spaceHard: 4 });
  const kill = { privileged: false, killPrivileges: true };
  image.asUser(() => {
    assert.equal(write(engine, ino, 0, new Uint8Array(5), kill), -EDQUOT);
    assert.equal(getAttribute(engine, ino, name, new Uint8Array(0), true), 300);
  });
  assert.equal(write(engine, ino, 0, new Uint8Array(5), kill), 5);
  assert.equal(getAttribute(engine, ino, name, new Uint8Array(0), true), -ENODATA);
  image.check();
});
