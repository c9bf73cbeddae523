import assert from "node:assert/strict";
import { createMemoryImage, type Image, MemoryImage, open } from "../mod.ts";
import { ENCODING_UTF8_12_1 } from "../fs/layout/casefold.ts";
import { InodeFlag } from "../fs/layout/inode.ts";
import { readSuperblock } from "../fs/volume/volume.ts";
import { mustFail, type TestImage, withFile, withImage } from "../tests/harness/library.ts";
import { must } from "../tests/harness/commands.ts";

const FOLDING: TestImage = { format: { features: ["casefold"] } };
const FORMS: Readonly<Record<string, TestImage>> = {
  "half MD4": FOLDING,
  "inline data": { format: { features: ["casefold", "inline_data"] } },
  "no index": { format: { features: ["casefold", "^dir_index"] } },
  "small blocks": { format: { features: ["casefold"], blockBytes: 1024 } },
};

function makeFolding(image: Image, path: string): void {
  image.mkdir(path);
  image.setFlags(path, image.getFlags(path) | InodeFlag.CASEFOLD);
}

const names = (image: Image, path: string) =>
  [...image.readDir(path)].map(({ name }) => name).sort();

for (const [form, how] of Object.entries(FORMS)) {
  Deno.test(`casefold: names of any case are found, kept and refused: ${form}`, () => {
    withImage((image) => {
      makeFolding(image, "d");
      image.writeTextFile("d/Straße", "1");
      assert.equal(image.readTextFile("d/STRASSE"), "1");
      assert.equal(image.readTextFile("d/straße"), "1");
      mustFail("EEXIST", () => image.mkdir("d/strasse"));
      mustFail("EEXIST", () => image.symlink("x", "d/STRAẞE"));
      image.writeTextFile("d/strasse", "2");
      assert.deepEqual(names(image, "d"), ["Straße"]);
      assert.equal(image.readTextFile("d/Straße"), "2");
      mustFail("ENOENT", () => image.stat("D"));
      // New directories disregard case too.
      image.mkdir("d/Sub");
      image.writeTextFile("d/SUB/A", "a");
      assert.equal(image.readTextFile("d/sub/a"), "a");
      image.remove("d/sub", { recursive: true });
      image.remove("d/STRASSE");
      assert.deepEqual(names(image, "d"), []);
    }, how);
  });

  Deno.test(`casefold: many names, split and merged: ${form}`, () => {
    const memory = withImage((image) => {
      makeFolding(image, "d");
      const count = form === "no index" ? 400 : 3000;
      for (let i = 0; i < count; i++) image.writeTextFile(`d/Név Ünder ${i}`, "");
      for (let i = 0; i < count; i += 7) {
        assert.ok(image.exists(`d/NE\u0301V ÜNDER ${i}`), `${i}`);
        assert.ok(!image.exists(`d/Név Ünder x${i}`));
      }
      for (let i = 0; i < count; i += 2) image.remove(`d/név ünder ${i}`);
      for (let i = 0; i < count; i++) {
        assert.equal(image.exists(`d/NÉV ÜNDER ${i}`), i % 2 === 1);
      }
      assert.equal(names(image, "d").length, count / 2);
    }, how);
    withFile(memory, (path) => {
      const listed = must("debugfs", ["-R", "ls -p /d", path]);
      assert.equal(listed.match(/Név Ünder \d+/g)?.length, form === "no index" ? 200 : 1500);
    }, "debugfs");
  });
}

Deno.test("casefold: a rename that changes only the case", () => {
  withImage((image) => {
    makeFolding(image, "d");
    for (let i = 0; i < 500; i++) image.writeTextFile(`d/file ${i}`, `${i}`);
    for (let i = 0; i < 500; i += 3) image.rename(`d/FILE ${i}`, `d/File ${i}`);
    for (let i = 0; i < 500; i++) assert.equal(image.readTextFile(`d/fILE ${i}`), `${i}`);
    assert.equal(names(image, "d").filter((name) => name.startsWith("File")).length, 167);
    image.rename("d/file 1", "d/file 1");
    image.mkdir("d/Sub");
    image.rename("d/SUB", "d/sub");
    image.rename("d/sub", "d/FILE 2x");
    // An entry that is replaced keeps its name.
    image.rename("d/file 4", "d/FILE 5");
    assert.equal(image.readTextFile("d/file 5"), "4");
    assert.ok(names(image, "d").includes("file 5"));
    image.link("d/file 5", "d/other");
    image.rename("d/other", "d/FILE 5");
    assert.deepEqual(names(image, "d").filter((name) => /other|file 5$/.test(name)), [
      "file 5",
      "other",
    ]);
  }, FOLDING);
});

Deno.test("casefold: the flag goes on empty directories only", () => {
  withImage((image) => {
    image.mkdir("d");
    image.writeTextFile("d/a", "");
    image.writeTextFile("d/A", "");
    const flags = image.getFlags("d");
    mustFail("ENOTEMPTY", () => image.setFlags("d", flags | InodeFlag.CASEFOLD));
    image.remove("d/a");
    image.remove("d/A");
    image.setFlags("d", flags | InodeFlag.CASEFOLD);
    image.writeTextFile("d/a", "");
    assert.ok(image.exists("d/A"));
    mustFail("ENOTEMPTY", () => image.setFlags("d", flags));
  }, FOLDING);
  withImage((image) => {
    image.mkdir("d");
    mustFail("EOPNOTSUPP", () => image.setFlags("d", InodeFlag.CASEFOLD));
  });
});

Deno.test("casefold: names that are no UTF-8 are as they are, or refused when that is strict", () => {
  const bytes = Uint8Array.from([0x64, 0x2f, 0x41, 0xff]);
  const lower = Uint8Array.from([0x64, 0x2f, 0x61, 0xff]);
  withImage((image) => {
    makeFolding(image, "d");
    image.writeTextFile(bytes, "1");
    image.writeTextFile(lower, "2");
    assert.equal(image.readTextFile(bytes), "1");
  }, FOLDING);
  withImage((image) => {
    makeFolding(image, "d");
    for (const path of [bytes, lower]) {
      mustFail("EINVAL", () => image.writeTextFile(path, ""));
      mustFail("EINVAL", () => image.mkdir(path));
      mustFail("EINVAL", () => image.stat(path));
    }
    image.writeTextFile("d/Ünder", "");
    mustFail("EINVAL", () => image.rename("d/Ünder", bytes));
    image.writeTextFile(bytes.subarray(2), "outside of such a directory");
  }, { format: { encoding: "utf8", strictEncoding: true } });
});

Deno.test("casefold: an unknown encoding is refused", () => {
  const memory = createMemoryImage(8 << 20, { features: ["casefold"] });
  const superblock = readSuperblock(memory);
  superblock.encoding = ENCODING_UTF8_12_1 + 1;
  superblock.setChecksum();
  memory.write(superblock.bytes, 1024);
  for (const readOnly of [false, true]) {
    const error = mustFail("EINVAL", () => open(memory, { readOnly }));
    assert.match(error.message, /encoding 2 of names is not known/);
  }
  assert.ok(memory instanceof MemoryImage);
});
