import assert from "node:assert/strict";
import { InodeFlag } from "../layout/inode.ts";
import type { Inode } from "../volume/inode.ts";
import { add, DirSlot, find, getDotDot, isEmpty, remove, replace, setDotDot } from "./dir.ts";
import {
  nameOf,
  newSeed,
  Random,
  randomName,
  runTool,
  TestVolume,
  textOf,
  toolMissing,
  withFolder,
} from "./testing.ts";

interface Variant {
  readonly name: string;
  readonly options: readonly string[];
  readonly size: string;
  /** More steps between mke2fs and opening, for programs that take the image's path last. */
  readonly tune?: readonly (readonly string[])[];
  readonly longest?: number;
  readonly steps?: number;
}

const PLAIN = ["-O", "^has_journal,^resize_inode", "-m", "0"];

const VARIANTS: readonly Variant[] = [
  { name: "4 KiB, checksums", options: ["-t", "ext4", "-b", "4096", ...PLAIN], size: "32M" },
  {
    name: "1 KiB, checksums, long names",
    options: ["-t", "ext4", "-b", "1024", ...PLAIN],
    size: "32M",
    longest: 255,
  },
  {
    name: "1 KiB, block-mapped, no checksums",
    options: ["-t", "ext2", "-b", "1024", "-O", "dir_index,^resize_inode", "-m", "0"],
    size: "32M",
  },
  {
    name: "2 KiB, no dir_index",
    options: ["-t", "ext4", "-b", "2048", "-O", "^has_journal,^dir_index,^resize_inode"],
    size: "16M",
    longest: 100,
    steps: 1500,
  },
  {
    name: "no filetype, no index, no checksums",
    options: ["-t", "ext2", "-b", "1024", "-O", "^filetype,^dir_index,^resize_inode"],
    size: "16M",
    steps: 1500,
  },
  {
    name: "inline, 256-byte inodes",
    options: ["-t", "ext4", "-b", "4096", "-I", "256", "-O", "inline_data,^has_journal"],
    size: "32M",
  },
  {
    name: "inline, 1024-byte inodes, no index, 1 KiB",
    options: [
      "-t",
      "ext4",
      "-b",
      "1024",
      "-I",
      "1024",
      "-O",
      "inline_data,^has_journal,^dir_index",
    ],
    size: "32M",
    steps: 1500,
  },
  {
    name: "64 KiB",
    options: ["-t", "ext4", "-b", "65536", ...PLAIN],
    size: "128M",
    steps: 6000,
  },
  {
    name: "64 KiB, no checksums, no index",
    options: ["-t", "ext4", "-b", "65536", "-O", "^has_journal,^metadata_csum,^dir_index"],
    size: "128M",
    steps: 3000,
  },
  {
    name: "TEA",
    options: ["-t", "ext4", "-b", "1024", ...PLAIN],
    size: "32M",
    tune: [["tune2fs", "-E", "hash_alg=tea"]],
  },
  {
    name: "legacy, unsigned",
    options: ["-t", "ext4", "-b", "1024", ...PLAIN],
    size: "32M",
    tune: [
      ["tune2fs", "-E", "hash_alg=legacy"],
      ["debugfs", "-w", "-R", "set_super_value flags 2"],
    ],
  },
  {
    name: "half-MD4, unsigned",
    options: ["-t", "ext4", "-b", "1024", ...PLAIN],
    size: "32M",
    tune: [["debugfs", "-w", "-R", "set_super_value flags 2"]],
  },
  {
    name: "bigalloc",
    options: [
      "-t",
      "ext4",
      "-b",
      "1024",
      "-O",
      "bigalloc,^has_journal,^resize_inode",
      "-C",
      "8192",
    ],
    size: "64M",
  },
];

function openVariant(folder: string, variant: Variant): TestVolume {
  const path = `${folder}/variant.img`;
  runTool("mke2fs", ["-q", "-F", ...variant.options, path, variant.size]);
  for (const [program, ...args] of variant.tune ?? []) runTool(program ?? "", [...args, path]);
  return TestVolume.open(path);
}

/** Makes random changes to a directory and to a model of it. */
class Walk {
  readonly model = new Map<string, number>();
  readonly #names: string[] = [];

  constructor(
    readonly volume: TestVolume,
    readonly dir: Inode,
    readonly random: Random,
    readonly longest: number,
  ) {}

  step(addShare: number): void {
    const choice = this.random.below(100);
    if (choice < addShare || this.#names.length === 0) this.#add();
    else if (choice < 90) this.#remove();
    else this.#replace();
    if (choice % 10 === 0) this.#look();
  }

  #add(): void {
    const name = randomName(this.random, this.longest);
    const text = textOf(name);
    assert.equal(this.volume.lookup(this.dir, name), this.model.get(text) ?? 0);
    if (this.model.has(text)) return;
    const ino = this.volume.link(this.dir, name);
    assert.ok(ino > 0, `add answers ${ino} after ${this.model.size} names`);
    this.model.set(text, ino);
    this.#names.push(text);
  }

  #remove(): void {
    const index = this.random.below(this.#names.length);
    const text = this.#names[index] ?? "";
    this.volume.unlink(this.dir, nameOf(text));
    this.model.delete(text);
    this.#names[index] = this.#names.at(-1) ?? "";
    this.#names.pop();
  }

  #replace(): void {
    const text = this.#names[this.random.below(this.#names.length)] ?? "";
    this.model.set(text, this.volume.relink(this.dir, nameOf(text)));
  }

  #look(): void {
    const absent = randomName(this.random, this.longest);
    assert.equal(this.volume.lookup(this.dir, absent), this.model.get(textOf(absent)) ?? 0);
    const text = this.#names[this.random.below(Math.max(1, this.#names.length))];
    if (text === undefined) return;
    assert.equal(this.volume.lookup(this.dir, nameOf(text)), this.model.get(text));
  }

  compare(batch: number): void {
    const listed = this.volume.list(this.dir, batch);
    assert.equal(listed.size, this.model.size);
    for (const [text, ino] of this.model) assert.equal(listed.get(text), ino);
    assert.equal(isEmpty(this.volume.alloc, this.dir), this.model.size === 0);
  }

  removeAll(): void {
    while (this.#names.length > 0) this.#remove();
  }
}

for (const variant of VARIANTS) {
  Deno.test({
    name: `random changes against a model, then e2fsck: ${variant.name}`,
    ignore: toolMissing("mke2fs"),
    fn: () =>
      withFolder((folder) => {
        const seed = newSeed();
        console.log(`seed ${seed}`);
        const volume = openVariant(folder, variant);
        const random = new Random(seed);
        const dir = volume.mkdir(volume.root, "dir");
        const walk = new Walk(volume, dir, random, variant.longest ?? 40);
        const steps = variant.steps ?? 2500;
        for (const share of [90, 45, 70, 20]) {
          for (let i = 0; i < steps; i++) {
            walk.step(share);
            if (walk.model.size < 60 && i % 8 === 0) walk.compare(1 + random.below(5));
          }
          walk.compare(1 + random.below(300));
          volume.check(folder);
          volume.volume.cache.clear();
        }
        walk.removeAll();
        walk.compare(10);
        volume.check(folder);
      }),
  });
}

Deno.test({
  name: "a directory becomes inline, then one block, then an index; debugfs agrees",
  ignore: toolMissing("debugfs"),
  fn: () =>
    withFolder((folder) => {
      const options = ["-t", "ext4", "-b", "1024", "-O", "inline_data,^has_journal"];
      const volume = TestVolume.make(folder, options, "8M");
      const dir = volume.mkdir(volume.root, "dir");
      const forms: string[] = [];
      for (let i = 0; i < 60; i++) {
        volume.link(dir, nameOf(`file number ${i}`));
        const form = dir.has(InodeFlag.INLINE_DATA)
          ? "inline"
          : dir.has(InodeFlag.INDEX)
          ? "index"
          : `${dir.size / 1024} blocks`;
        if (forms.at(-1) !== form) forms.push(form);
      }
      assert.deepEqual(forms, ["inline", "1 blocks", "index"]);
      volume.check(folder);
      const path = `${folder}/checked.img`;
      const listed = new TextDecoder().decode(runTool("debugfs", ["-R", "ls -p /dir", path]));
      assert.equal([...listed.matchAll(/file number \d+/g)].length, 60);
      const dump = new TextDecoder().decode(runTool("debugfs", ["-R", "htree_dump /dir", path]));
      assert.match(dump, /Hash Version: 1/);
    }),
});

Deno.test({
  name: "a slot stays good through other changes; stale ones are found again by name",
  ignore: toolMissing("mke2fs"),
  fn: () =>
    withFolder((folder) => {
      for (const features of ["^has_journal", "^has_journal,inline_data"]) {
        const volume = TestVolume.make(folder, ["-t", "ext4", "-b", "1024", "-O", features], "8M");
        const dir = volume.mkdir(volume.root, "dir");
        const { alloc } = volume;
        for (let i = 0; i < 300; i++) {
          const old = nameOf(`before ${i}`);
          const ino = volume.link(dir, old);
          // As a rename does: the old name is looked up, the new one added, the old one removed.
          volume.operate((handle) => {
            assert.equal(find(alloc, dir, old, volume.slot), ino);
            const result = add(alloc, handle, dir, nameOf(`after ${i}`), ino, 1);
            if (result === 0) remove(alloc, handle, dir, volume.slot);
            return result;
          });
          assert.equal(volume.lookup(dir, old), 0);
          assert.equal(volume.lookup(dir, nameOf(`after ${i}`)), ino);
        }
        assert.equal(volume.list(dir).size, 300);
        volume.operate((handle) => {
          const slot = new DirSlot();
          find(alloc, dir, nameOf("after 7"), slot);
          find(alloc, dir, nameOf("after 7"), volume.slot);
          remove(alloc, handle, dir, volume.slot);
          assert.throws(() => remove(alloc, handle, dir, slot), /no longer there/);
          add(alloc, handle, dir, nameOf("after 7"), slot.ino, 1);
          return 0;
        });
        volume.check(folder);
      }
    }),
});

Deno.test({
  name: '"." and ".." are found and ".." is changed, in every form',
  ignore: toolMissing("mke2fs"),
  fn: () =>
    withFolder((folder) => {
      const options = ["-t", "ext4", "-b", "1024", "-O", "^has_journal,inline_data"];
      const volume = TestVolume.make(folder, options, "8M");
      const { alloc, slot } = volume;
      for (const count of [0, 15, 100]) {
        const dir = volume.mkdir(volume.root, `dir ${count}`);
        for (let i = 0; i < count; i++) volume.link(dir, nameOf(`name ${i}`));
        assert.equal(find(alloc, dir, nameOf("."), slot), dir.ino);
        assert.equal(find(alloc, dir, nameOf(".."), slot), 2);
        assert.equal(slot.fileType, 2);
        const other = volume.mkdir(volume.root, `other ${count}`);
        volume.operate((handle) => {
          replace(alloc, handle, dir, slot, other.ino, 2);
          return 0;
        });
        assert.equal(getDotDot(alloc, dir), other.ino);
        assert.equal(find(alloc, dir, nameOf(".."), slot), other.ino);
        volume.operate((handle) => {
          setDotDot(alloc, handle, dir, 2);
          return 0;
        });
        assert.equal(getDotDot(alloc, dir), 2);
      }
      volume.check(folder);
    }),
});
