import assert from "node:assert/strict";
import { mustBeClean } from "../tests/harness/e2fsck.ts";
import { Scratch } from "../tests/harness/scratch.ts";
import { programs, testWith } from "../tests/harness/skip.ts";
import { projectRoot, run } from "../tools/process.ts";

testWith({
  name: "library: the README's example makes a clean image",
  needs: [programs("e2fsck", "debugfs")],
  fn: () => {
    using scratch = new Scratch("example");
    const path = scratch.path("disk.img");
    const example = `${projectRoot}/examples/make_image.ts`;
    const done = run(Deno.execPath(), ["run", "-A", example, path]);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /^11 lost\+found\n/m);
    assert.match(done.stdout, /Welcome\n 12\n$/);
    mustBeClean(path);
    assert.match(run("debugfs", ["-R", "cat /etc/motd", path]).stdout, /^Welcome\n$/);
    assert.match(run("debugfs", ["-R", "stat /motd", path]).stdout, /Fast link dest: "etc\/motd"/);
  },
});

Deno.test("library: the README and docs/library.md show the example as it is run", () => {
  const read = (path: string): string => Deno.readTextFileSync(`${projectRoot}/${path}`);
  const [, body = ""] = read("examples/make_image.ts").split(/^(?=format\()/m);
  const shown = body.replaceAll("(path", '("disk.img"');
  assert.ok(shown.includes("using image"));
  for (const page of ["README.md", "docs/library.md"]) {
    assert.ok(read(page).includes(shown), `${page} shows something else`);
  }
});

Deno.test("library: an image in memory needs no permissions", () => {
  const script = `import { createMemoryImage, open } from "${projectRoot}/mod.ts";
    using image = open(createMemoryImage(16 << 20));
    image.writeTextFile("f", "fine");
    console.log(image.readTextFile("f"));`;
  using scratch = new Scratch("permissions");
  const path = scratch.path("script.ts");
  Deno.writeTextFileSync(path, script);
  const done = run(Deno.execPath(), ["run", "--no-prompt", "--no-lock", path]);
  assert.equal(done.stdout, "fine\n", done.stderr);
});
