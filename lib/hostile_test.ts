import assert from "node:assert/strict";
import { createMemoryImage, FsError, MemoryImage, open } from "../mod.ts";
import { must } from "../tests/harness/commands.ts";
import { mustFail, patternBytes, withFile } from "../tests/harness/library.ts";
import { printedSeed, Random } from "../tests/harness/seed.ts";
import { programs, testWith } from "../tests/harness/skip.ts";

testWith({
  name: "library: a directory that lies in itself is walked and removed to an error",
  needs: [programs("debugfs")],
  fn: () => {
    const memory = createMemoryImage(16 << 20);
    {
      using image = open(memory);
      image.mkdir("a/b/c", { recursive: true });
      image.mkdir("x");
      image.writeTextFile("a/file", "");
    }
    withFile(memory, (path) => {
      must("debugfs", ["-w", "-R", "ln /a /a/b/c/again", path]);
      must("debugfs", ["-w", "-R", "ln /a/b /x/second", path]);
      using image = open(path, { errors: "continue" });
      mustFail("EUCLEAN", () => [...image.walk()]);
      mustFail("EUCLEAN", () => [...image.walk("a")]);
      assert.equal(image.exists("a/b/c/again/b/c/again/file"), true);
      mustFail("EUCLEAN", () => image.remove("a", { recursive: true }));
    }, "debugfs");
  },
});

/** Everything that reads, and some that changes; all that may come of it is an `FsError`. */
function useAll(memory: MemoryImage): string[] {
  const codes: string[] = [];
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      assert.ok(error instanceof FsError, String(error));
      codes.push(error.code);
    }
  };
  attempt(() => {
    using image = open(memory, { errors: "continue" });
    const paths: string[] = [];
    attempt(() => {
      for (const { path } of image.walk()) paths.push(path);
    });
    for (const path of [...paths, "dir", "dir/n7", "file"]) {
      attempt(() => image.stat(path));
      attempt(() => image.readFile(path));
      attempt(() => image.readLink(path));
      for (const name of ["user.a", "user.b"]) attempt(() => image.getXattr(path, name));
      attempt(() => image.listXattrs(path));
    }
    attempt(() => image.writeTextFile("new", "x".repeat(5000)));
    attempt(() => image.writeTextFile("dir/new", "x"));
    attempt(() => image.mkdir("dir/sub"));
    attempt(() => image.rename("file", "dir/moved"));
    attempt(() => image.truncate("dir/moved", 100));
    attempt(() => image.remove("dir", { recursive: true }));
    attempt(() => image.sync());
  });
  return codes;
}

Deno.test("library: flipped bits in metadata give errors, nothing worse", () => {
  const random = new Random(printedSeed("flipped bits"));
  const memory = createMemoryImage(4 << 20, { blockBytes: 1024, features: ["^metadata_csum"] });
  {
    using image = open(memory);
    image.mkdir("dir");
    for (let n = 0; n < 60; n++) image.writeTextFile(`dir/n${n}`, "x".repeat(n * 40));
    image.writeFile("file", patternBytes(200_000));
    image.setXattr("file", "user.a", "a".repeat(300));
    image.symlink("l".repeat(100), "link");
    using sparse = image.create("sparse");
    for (let n = 0; n < 40; n++) sparse.writeAt(Uint8Array.of(n), n * 10_000);
  }
  const good = memory.toUint8Array();
  const metadata: number[] = [];
  for (let block = 1; block < good.length / 1024; block++) {
    const bytes = good.subarray(block * 1024, block * 1024 + 1024);
    // Blocks of file content are long runs of one letter or of the pattern; all others count.
    if (bytes.some((byte) => byte !== 0) && bytes.some((byte) => byte === 0)) metadata.push(block);
  }
  let failures = 0;
  for (let round = 0; round < 50; round++) {
    const bytes = good.slice();
    for (let flip = random.between(1, 8); flip > 0; flip--) {
      const at = random.pick(metadata) * 1024 + random.below(1024);
      bytes[at] = random.chance(50) ? random.below(256) : (bytes[at] ?? 0) ^ (1 << random.below(8));
    }
    failures += useAll(MemoryImage.from(bytes)).length;
  }
  assert.ok(failures > 0);
});
