import assert from "node:assert/strict";
import { createMemoryImage, open, populate } from "../../../mod.ts";
import { findProgram, projectRoot } from "../../../tools/process.ts";
import { must } from "../../harness/commands.ts";
import { testWith } from "../../harness/skip.ts";
import { program, sha256, withFolder } from "./kit.ts";

function example(name: string, ...args: string[]): string {
  const env = { BUSYBOX: findProgram("busybox") ?? "" };
  return must(Deno.execPath(), ["run", "-A", `${projectRoot}/examples/${name}.ts`, ...args], {
    env,
  });
}

testWith({
  name: "the examples make clean images, the same each time",
  needs: [program("e2fsck"), program("busybox")],
  fn: () =>
    withFolder((folder) => {
      const [first, second] = [`${folder}/1.img`, `${folder}/2.img`];
      const shown = example("test_fixture", first);
      assert.match(shown, /^0700 directory \/home\/user$/m);
      assert.match(shown, /^Welcome$/m);
      example("test_fixture", second);
      assert.equal(sha256(first), sha256(second));
      const rootImage = `${folder}/root.img`;
      assert.match(example("bootable_root", rootImage), /UUID .*, 3 files/);
      for (const image of [first, rootImage]) must("e2fsck", ["-fn", image]);
    }),
});

testWith({
  name: "library: populate fills a device, and refuses what cannot be",
  needs: [],
  fn: () =>
    withFolder(async (folder) => {
      const memory = createMemoryImage(4 << 20);
      const extra = 'text /a "one" 644 0 0';
      const report = await populate(memory, { extra, manifest: true, verify: true });
      assert.equal(report.copied.files, 1);
      assert.equal(report.manifest?.entries.length, 2);
      using image = open(memory, { readOnly: true });
      assert.equal(image.readTextFile("/a"), "one");
      const pieces: Uint8Array[] = [];
      const written = image.writeTar((piece) => pieces.push(piece.slice()));
      assert.equal(written.members, 2);
      assert.equal(pieces.reduce((sum, { length }) => sum + length, 0) % 10240, 0);
      const copy = createMemoryImage(4 << 20);
      await populate(copy, { from: [ReadableStream.from(pieces)], verify: true });
      using copied = open(copy, { readOnly: true });
      assert.equal(copied.readTextFile("/a"), "one");
      const path = `${folder}/image`;
      const bad = [
        { extra: "nothing /x" },
        { extra, minimize: true, size: 1 << 20 },
        { extra, gpt: true, offset: 512, size: 8 << 20 },
        { from: [`${folder}/none`] },
        { extra, size: 20_000 },
        { exclude: ["/"], extra },
      ];
      for (const options of bad) {
        await assert.rejects(populate(path, options), { name: "FsError" });
        assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
      }
      await assert.rejects(populate(createMemoryImage(4 << 20), { size: "auto" }), /is what it is/);
    }),
});
