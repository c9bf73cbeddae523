import { recordSkip } from "../../tests/harness/skip.ts";
import assert from "node:assert/strict";
import { InodeFlag } from "../layout/inode.ts";
import { isEmpty } from "./dir.ts";
import {
  checkImage,
  newSeed,
  Random,
  randomName,
  runTool,
  TestVolume,
  textOf,
  toolMissing,
  withFolder,
} from "./testing.ts";

/** Whether images can be mounted here. */
function cannotMount(): boolean {
  if (Deno.uid() === 0 && !toolMissing("mount") && !toolMissing("losetup")) {
    try {
      runTool("losetup", ["-f"]);
      return false;
    } catch {
      // There is no loop device.
    }
  }
  recordSkip("*", "loop mounts need root and a loop device");
  return true;
}

/** Mounts the image while `body` runs. */
function withMount(path: string, body: (mountPoint: string) => void): void {
  const mountPoint = `${path}.mnt`;
  Deno.mkdirSync(mountPoint, { recursive: true });
  runTool("mount", ["-o", "loop", path, mountPoint]);
  try {
    body(mountPoint);
  } finally {
    runTool("umount", [mountPoint]);
  }
}

/** Runs a Python program: names with bytes that are not UTF-8 are beyond Deno's own functions. */
function python(program: string, args: readonly string[], input: string): string {
  Deno.writeTextFileSync(`${args[0]}.input`, input);
  const output = runTool("python3", ["-c", program, `${args[0]}.input`, ...args]);
  return new TextDecoder("latin1").decode(output);
}

const MAKE_NAMES = `
import os, sys
base = os.fsencode(sys.argv[3])
os.mkdir(base)
target = os.path.join(os.path.dirname(base), b"target")
links = 0
for line in open(sys.argv[1]):
    if links % 60000 == 0:
        current = target + str(links).encode()
        open(current, "w").close()
    os.link(current, os.path.join(base, bytes.fromhex(line.strip())))
    links += 1
`;

const LIST_NAMES = `
import os, sys
base = os.fsencode(sys.argv[3])
for name in os.listdir(base):
    print(name.hex(), os.lstat(os.path.join(base, name)).st_ino)
`;

const REMOVE_NAMES = `
import os, sys
base = os.fsencode(sys.argv[3])
for line in open(sys.argv[1]):
    os.unlink(os.path.join(base, bytes.fromhex(line.strip())))
`;

const hex = (text: string): string =>
  [...text].map((character) => character.charCodeAt(0).toString(16).padStart(2, "0")).join("");

function randomNames(random: Random, count: number, longest: number): string[] {
  const names = new Set<string>();
  while (names.size < count) names.add(textOf(randomName(random, longest)));
  return [...names];
}

const VARIANTS: Readonly<Record<string, readonly [string, number, ...string[]]>> = {
  "4 KiB": ["256M", 50000, "-t", "ext4", "-b", "4096", "-O", "^has_journal"],
  "1 KiB, block-mapped": ["64M", 10000, "-t", "ext2", "-b", "1024", "-O", "dir_index"],
  "1 KiB, linear": ["64M", 2000, "-t", "ext4", "-b", "1024", "-O", "^dir_index,^has_journal"],
  "inline": ["64M", 12, "-t", "ext4", "-b", "4096", "-I", "1024", "-O", "inline_data,^has_journal"],
};

for (const [form, [size, count, ...options]] of Object.entries(VARIANTS)) {
  Deno.test({
    name:
      `the kernel's directory is read and changed here, and read and changed there again: ${form}`,
    ignore: cannotMount(),
    fn: () =>
      withFolder((folder) => {
        const seed = newSeed();
        console.log(`seed ${seed}`);
        const random = new Random(seed);
        const longest = form === "inline" ? 20 : 80;
        const path = `${folder}/kernel.img`;
        runTool("mke2fs", ["-q", "-F", ...options, path, size]);
        const names = randomNames(random, count, longest);
        withMount(path, (mountPoint) => {
          python(MAKE_NAMES, [path, `${mountPoint}/dir`], names.map(hex).join("\n"));
        });
        const volume = TestVolume.open(path);
        const dir = volume.volume.inodes.get(
          volume.lookup(volume.root, new TextEncoder().encode("dir")),
        );
        assert.deepEqual([...volume.list(dir).keys()].sort(), [...names].sort());
        assert.equal(isEmpty(volume.alloc, dir), false);
        assert.equal(dir.has(InodeFlag.INDEX), !form.includes("linear") && form !== "inline");
        const model = new Set(names);
        const added = randomNames(random, Math.ceil(count / 2), longest);
        for (const text of added) {
          const name = Uint8Array.from(text, (character) => character.charCodeAt(0));
          if (volume.lookup(dir, name) !== 0) continue;
          volume.link(dir, name);
          model.add(text);
        }
        for (const text of names.slice(0, count / 2)) {
          volume.unlink(dir, Uint8Array.from(text, (character) => character.charCodeAt(0)));
          model.delete(text);
        }
        volume.save(path);
        checkImage(path);
        const left = [...model];
        withMount(path, (mountPoint) => {
          const listed = python(LIST_NAMES, [path, `${mountPoint}/dir`], "").trim().split("\n");
          const ours = [...volume.list(dir)].map(([text, ino]) => `${hex(text)} ${ino}`);
          assert.deepEqual(listed.sort(), ours.sort());
          const some = left.slice(0, count / 3).map(hex).join("\n");
          python(REMOVE_NAMES, [path, `${mountPoint}/dir`], some);
        });
        checkImage(path);
        const again = TestVolume.open(path);
        const after = again.volume.inodes.get(dir.ino);
        const expected = left.slice(Math.floor(count / 3));
        assert.deepEqual([...again.list(after).keys()].sort(), expected.sort());
      }),
  });
}

Deno.test({
  name: "a directory that e2fsck -D rebuilt is read and changed",
  ignore: toolMissing("e2fsck"),
  fn: () =>
    withFolder((folder) => {
      const path = `${folder}/rebuilt.img`;
      const volume = TestVolume.make(
        folder,
        ["-t", "ext4", "-b", "1024", "-O", "^has_journal"],
        "16M",
      );
      const dir = volume.mkdir(volume.root, "dir");
      const encoder = new TextEncoder();
      for (let i = 0; i < 3000; i++) volume.link(dir, encoder.encode(`name ${i}`));
      for (let i = 0; i < 2000; i++) volume.unlink(dir, encoder.encode(`name ${i}`));
      volume.save(path);
      checkImage(path);
      new Deno.Command("e2fsck", { args: ["-fyD", path] }).outputSync();
      checkImage(path);
      const again = TestVolume.open(path);
      const rebuilt = again.volume.inodes.get(dir.ino);
      assert.equal(again.list(rebuilt).size, 1000);
      for (let i = 0; i < 2000; i++) again.link(rebuilt, encoder.encode(`name ${i}`));
      assert.equal(again.list(rebuilt, 17).size, 3000);
      again.check(folder);
    }),
});
