import assert from "node:assert/strict";
import { InodeFlag } from "../mod.ts";
import { mustFail, withImage } from "../tests/harness/library.ts";

Deno.test("library: remove takes files, links and empty directories", () => {
  withImage((image) => {
    image.writeTextFile("f", "x");
    image.symlink("f", "link");
    image.mkdir("d/sub", { recursive: true });
    image.remove("link");
    assert.equal(image.exists("f"), true);
    image.remove("f");
    mustFail("ENOENT", () => image.remove("f"));
    mustFail("ENOENT", () => image.remove("none/f"));
    mustFail("ENOTEMPTY", () => image.remove("d"));
    mustFail("EBUSY", () => image.remove("/", { recursive: true }));
    mustFail("EINVAL", () => image.remove("d/."));
    mustFail("EINVAL", () => image.remove("d/..", { recursive: true }));
    image.remove("d/sub/");
    image.remove("d");
    image.writeTextFile("f", "x");
    mustFail("ENOTDIR", () => image.remove("f/"));
    image.symlink("/", "root");
    mustFail("ENOTDIR", () => image.remove("root/", { recursive: true }));
    image.remove("root", { recursive: true });
    assert.equal(image.exists("/lost+found"), true);
  });
});

Deno.test("library: remove, recursive, gives all space back", () => {
  withImage((image) => {
    const before = image.statfs();
    for (let d = 0; d < 20; d++) {
      image.mkdir(`tree/d${d}/deep/er`, { recursive: true });
      for (let f = 0; f < 100; f++) image.writeTextFile(`tree/d${d}/${"file".repeat(20)}${f}`, "x");
      image.symlink("..", `tree/d${d}/up`);
      image.link(`tree/d${d}/${"file".repeat(20)}1`, `tree/d${d}/deep/linked`);
    }
    image.mkdir("tree/" + "n/".repeat(300), { recursive: true });
    image.remove("tree", { recursive: true });
    image.sync();
    assert.equal(image.exists("tree"), false);
    assert.equal(image.statfs().bfree, before.bfree);
    assert.equal(image.statfs().ffree, before.ffree);
    assert.equal(image.stat("/").nlink, 3);
    mustFail("ENOENT", () => image.remove("tree", { recursive: true }));
  }, { format: { inodes: 8192 } });
});

Deno.test("library: what is immutable stays", () => {
  withImage((image) => {
    image.mkdir("d");
    image.writeTextFile("d/fixed", "x");
    image.setFlags("d/fixed", image.getFlags("d/fixed") | InodeFlag.IMMUTABLE);
    mustFail("EPERM", () => image.remove("d", { recursive: true }));
    mustFail("EPERM", () => image.writeTextFile("d/fixed", "y"));
    mustFail("EPERM", () => image.rename("d/fixed", "moved"));
    mustFail("EPERM", () => image.chmod("d/fixed", 0));
    assert.equal(image.readTextFile("d/fixed"), "x");
    image.setFlags("d/fixed", image.getFlags("d/fixed") & ~InodeFlag.IMMUTABLE);
    image.setFlags("d/fixed", image.getFlags("d/fixed") | InodeFlag.APPEND);
    mustFail("EPERM", () => image.writeTextFile("d/fixed", "y"));
    mustFail("EPERM", () => image.open("d/fixed", { write: true }));
    image.writeTextFile("d/fixed", "y", { append: true });
    assert.equal(image.readTextFile("d/fixed"), "xy");
    image.setFlags("d/fixed", 0x80000);
    image.remove("d", { recursive: true });
  });
});
