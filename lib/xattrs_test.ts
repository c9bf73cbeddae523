import assert from "node:assert/strict";
import { mustFail, patternBytes, withImage } from "../tests/harness/library.ts";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

Deno.test("library: extended attributes of all namespaces", () => {
  withImage((image) => {
    image.writeTextFile("f", "");
    image.mkdir("d");
    assert.deepEqual(image.listXattrs("f"), []);
    assert.equal(image.getXattr("f", "user.none"), undefined);
    image.setXattr("f", "user.text", "a value");
    image.setXattr("f", "trusted.t", Uint8Array.of(1, 2, 3));
    image.setXattr("f", "security.selinux", "label\0");
    image.setXattr("f", "user.empty", "");
    image.setXattr("d", "user.dir", "d");
    assert.equal(text(image.getXattr("f", "user.text")), "a value");
    assert.deepEqual(image.getXattr("f", "trusted.t"), Uint8Array.of(1, 2, 3));
    assert.equal(image.getXattr("f", "user.empty")?.length, 0);
    assert.deepEqual(
      image.listXattrs("f").sort(),
      ["security.selinux", "trusted.t", "user.empty", "user.text"],
    );
    image.setXattr("f", "user.text", "another");
    assert.equal(text(image.getXattr("f", "user.text")), "another");
    image.removeXattr("f", "user.text");
    assert.equal(image.getXattr("f", "user.text"), undefined);
    assert.equal(image.listXattrs("f").length, 3);
  });
});

Deno.test("library: values that need a block, and ones that fit nowhere", () => {
  withImage((image) => {
    image.writeTextFile("f", "");
    const value = patternBytes(700);
    image.setXattr("f", "user.big", value);
    assert.deepEqual(image.getXattr("f", "user.big"), value);
    mustFail("ENOSPC", () => image.setXattr("f", "user.huge", patternBytes(2000)));
    mustFail("E2BIG", () => image.setXattr("f", "user.huge", patternBytes(65537)));
    assert.deepEqual(image.getXattr("f", "user.big"), value);
    image.remove("f");
  });
});

Deno.test("library: large values live in inodes of their own with ea_inode", () => {
  withImage((image) => {
    const before = image.statfs();
    image.writeTextFile("f", "");
    const value = patternBytes(65536);
    image.setXattr("f", "user.huge", value);
    assert.deepEqual(image.getXattr("f", "user.huge"), value);
    image.remove("f");
    image.sync();
    assert.equal(image.statfs().ffree, before.ffree);
    assert.equal(image.statfs().bfree, before.bfree);
  }, { format: { features: ["ea_inode"] } });
});

Deno.test("library: what setXattr refuses, and its flags", () => {
  withImage((image) => {
    image.writeTextFile("f", "");
    image.symlink("f", "s");
    mustFail("EOPNOTSUPP", () => image.setXattr("f", "unknown.name", ""));
    mustFail("EINVAL", () => image.setXattr("f", "user.", ""));
    mustFail("ERANGE", () => image.setXattr("f", `user.${"n".repeat(256)}`, ""));
    mustFail("ENODATA", () => image.setXattr("f", "user.a", "", { replace: true }));
    image.setXattr("f", "user.a", "1", { create: true });
    mustFail("EEXIST", () => image.setXattr("f", "user.a", "2", { create: true }));
    image.setXattr("f", "user.a", "2", { replace: true });
    image.setXattr("s", "user.b", "through the link");
    assert.equal(text(image.getXattr("f", "user.b")), "through the link");
    mustFail("EPERM", () => image.setXattr("s", "user.c", "", { noFollow: true }));
    image.setXattr("s", "trusted.c", "link", { noFollow: true });
    assert.equal(image.getXattr("s", "trusted.c"), undefined);
    assert.deepEqual(image.listXattrs("s", { noFollow: true }), ["trusted.c"]);
    mustFail("ENODATA", () => image.removeXattr("f", "user.none"));
    mustFail("ENOENT", () => image.getXattr("none", "user.a"));
  });
});

/** An access ACL in the form in which Linux programs know it: user::rw-, user:1000:r--, group::r--, mask::r--, other::---. */
function acl(): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 + 5 * 8));
  view.setUint32(0, 2, true);
  const entries = [
    [1, 6, 0xffffffff],
    [2, 4, 1000],
    [4, 4, 0xffffffff],
    [0x10, 4, 0xffffffff],
    [0x20, 0, 0xffffffff],
  ] as const;
  entries.forEach(([tag, permissions, id], index) => {
    view.setUint16(4 + index * 8, tag, true);
    view.setUint16(6 + index * 8, permissions, true);
    view.setUint32(8 + index * 8, id, true);
  });
  return new Uint8Array(view.buffer);
}

Deno.test("library: POSIX ACLs set the mode and are inherited", () => {
  withImage((image) => {
    image.writeTextFile("f", "");
    image.setXattr("f", "system.posix_acl_access", acl());
    assert.equal(image.stat("f").mode, 0o100640);
    assert.deepEqual(image.getXattr("f", "system.posix_acl_access"), acl());
    image.mkdir("d");
    image.setXattr("d", "system.posix_acl_default", acl());
    image.mkdir("d/sub");
    image.writeTextFile("d/f", "", { mode: 0o666 });
    assert.deepEqual(image.getXattr("d/sub", "system.posix_acl_default"), acl());
    assert.equal(image.stat("d/f").mode & 0o7, 0);
    image.removeXattr("f", "system.posix_acl_access");
    assert.equal(image.getXattr("f", "system.posix_acl_access"), undefined);
    mustFail("EINVAL", () => image.setXattr("f", "system.posix_acl_access", "bad"));
  });
});
