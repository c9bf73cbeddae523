import assert from "node:assert/strict";
import { SystemError } from "../libc/error.ts";
import { openLibrary } from "./library.ts";
import { mountFuse } from "./mount.ts";
import { optionText } from "./options.ts";

Deno.test("mount options as text", () => {
  assert.equal(optionText({ mountPoint: "/mnt" }), "rw,default_permissions");
  assert.equal(
    optionText({
      mountPoint: "/mnt",
      source: "a,b\\c",
      subtype: "toy",
      readOnly: true,
      allowOther: true,
      defaultPermissions: false,
      autoUnmount: true,
      maxReadBytes: 4096,
      others: ["noexec", "noatime"],
    }),
    "fsname=a\\,b\\\\c,subtype=toy,ro,allow_other,auto_unmount,max_read=4096,noexec,noatime",
  );
  assert.equal(
    optionText({ mountPoint: "/mnt", source: "x", blockDevice: "/dev/loop7" }),
    "fsname=/dev/loop7,blkdev,rw,default_permissions",
  );
});

Deno.test("a missing library names the package that has it", () => {
  assert.throws(
    () => openLibrary(["libnothing.so.3", "libnothing.so.4"]),
    /tried libnothing.so.3, libnothing.so.4.*libfuse3-3 or fuse3/,
  );
});

Deno.test("what cannot be a mount point", () => {
  const file = Deno.makeTempFileSync({ prefix: "ffi-file-" });
  try {
    const refused = (mountPoint: string, code: string) =>
      assert.throws(
        () => mountFuse({ mountPoint }),
        (error) => error instanceof SystemError && error.code === code,
      );
    refused(file, "ENOTDIR");
    refused(`${file}-not`, "ENOENT");
  } finally {
    Deno.removeSync(file);
  }
});
