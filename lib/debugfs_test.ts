import assert from "node:assert/strict";
import { createMemoryImage, InodeFlag, open } from "../mod.ts";
import { must } from "../tests/harness/commands.ts";
import { patternBytes, withFile } from "../tests/harness/library.ts";
import { programs, testWith } from "../tests/harness/skip.ts";

testWith({
  name: "library: debugfs sees what was made",
  needs: [programs("debugfs")],
  fn: () => {
    const memory = createMemoryImage(32 << 20);
    const content = patternBytes(300_000);
    {
      const clock = () => ({ seconds: 1_700_000_000, nanoseconds: 0 });
      using image = open(memory, { clock });
      image.mkdir("/dir", { mode: 0o2750 });
      image.writeFile("/dir/file", content, { mode: 0o4711 });
      image.chown("/dir", 1234, 70000);
      image.link("/dir/file", "/dir/second");
      image.symlink("dir/file", "/short");
      image.symlink("x".repeat(200), "/long");
      image.mknod("/tty", { type: "character", major: 5, minor: 300 });
      image.setXattr("/dir/file", "user.note", "a note");
      image.setFlags("/dir/second", image.getFlags("/dir/second") | InodeFlag.NODUMP);
      using sparse = image.create("/sparse");
      sparse.writeAt(Uint8Array.of(1), 5 << 20);
    }
    withFile(memory, (path) => {
      const ask = (command: string): string => must("debugfs", ["-R", command, path]);
      const file = ask("stat /dir/file");
      assert.match(file, /Type: regular\s+Mode:\s+04711\s+Flags: 0x80040/);
      assert.match(file, /Links: 2/);
      assert.match(file, /Size: 300000/);
      assert.match(file, /crtime: 0x6553f100:00000000/);
      assert.match(file, /user\.note \(6\) = "a note"/);
      assert.match(file, /EXTENTS:\n\(0-292\):\d+-\d+\n/);
      assert.match(ask("stat /dir"), /Type: directory\s+Mode:\s+02750/);
      assert.match(ask("stat /dir"), /User:\s+1234\s+Group:\s+70000/);
      assert.match(ask("stat /short"), /Fast link dest: "dir\/file"/);
      assert.match(ask("stat /long"), /Type: symlink[^]*Size: 200/);
      assert.match(ask("stat /tty"), /Device major\/minor number: 05:300/);
      assert.match(ask("stat /sparse"), /EXTENTS:\n\(5120\):\d+\n/);
      assert.equal(ask("cat /dir/second").length > 0, true);
      must("debugfs", ["-R", `dump /dir/second ${path}.out`, path]);
      assert.deepEqual(Deno.readFileSync(`${path}.out`), content);
    }, "debugfs");
  },
});

testWith({
  name: "library: what debugfs wrote is read",
  needs: [programs("debugfs", "mke2fs")],
  fn: () => {
    withFile(createMemoryImage(16 << 20), (path) => {
      const write = (command: string): string => must("debugfs", ["-w", "-R", command, path]);
      Deno.writeFileSync(`${path}.in`, patternBytes(123_456));
      write("mkdir /made");
      write(`write ${path}.in /made/file`);
      write("symlink /made/link file");
      write("mknod pipe p");
      write("ea_set /made/file user.color blue");
      using image = open(path);
      assert.deepEqual(image.readFile("/made/link"), patternBytes(123_456));
      assert.equal(image.lstat("/pipe").isFifo, true);
      assert.deepEqual(image.listXattrs("/made/file"), ["user.color"]);
      const names = [...image.readDir("/made")].map(({ name }) => name);
      assert.deepEqual(names.sort(), ["file", "link"]);
    }, "debugfs");
  },
});
