import assert from "node:assert/strict";
import { type FormatOptions, type Image, InodeFlag, open, type OpenOptions } from "../../mod.ts";
import { mustFail, withImage } from "../harness/library.ts";
import { printedSeed, Random } from "../harness/seed.ts";

const FILES = 5;
const MOST_BYTES = 600_000;

/** What the files have to hold. */
class Model {
  readonly contents = new Map<string, Uint8Array<ArrayBuffer>>();

  constructor(readonly image: Image, readonly random: Random, readonly journaled: boolean) {}

  /** Changes something somewhere. */
  act(): void {
    const { image, random } = this;
    const path = `/file-${random.below(FILES)}`;
    const old = this.contents.get(path);
    const kind = random.below(20);
    if (old === undefined || kind === 0) {
      if (old !== undefined) image.remove(path);
      image.writeFile(path, new Uint8Array(0));
      if (this.journaled && random.chance(15)) {
        image.setFlags(path, image.getFlags(path) | InodeFlag.JOURNAL_DATA);
      }
      this.contents.set(path, new Uint8Array(0));
    } else if (kind < 13) this.#write(path, old);
    else if (kind < 15) this.#truncate(path, old);
    else if (kind < 17) this.#punch(path, old);
    else if (kind < 19) this.#preallocate(path, old);
    else if (random.chance(50)) image.sync();
    else {
      image.rename(path, "/moved");
      image.rename("/moved", path);
    }
  }

  /** Writes two files in turns, and backwards: their blocks lie among one another. */
  interleave(): void {
    const paths = [...this.contents.keys()].slice(0, 2);
    for (let block = 40; block >= 0; block--) {
      for (const path of paths) {
        const old = this.contents.get(path);
        if (old !== undefined) this.#write(path, old, 300_000 + block * 2048, 2048);
      }
    }
  }

  #write(
    path: string,
    old: Uint8Array<ArrayBuffer>,
    offset = this.random.below(MOST_BYTES - 20_000),
    length = this.random.between(1, 6000),
  ): void {
    const { image, random } = this;
    const bytes = random.fill(new Uint8Array(length));
    const content = new Uint8Array(Math.max(old.length, offset + bytes.length));
    content.set(old);
    content.set(bytes, offset);
    using file = image.open(path, { read: true, write: true });
    assert.equal(file.writeAt(bytes, offset), bytes.length);
    this.contents.set(path, content);
  }

  #truncate(path: string, old: Uint8Array<ArrayBuffer>): void {
    const size = this.random.below(MOST_BYTES);
    this.image.truncate(path, size);
    const content = new Uint8Array(size);
    content.set(old.subarray(0, size));
    this.contents.set(path, content);
  }

  #punch(path: string, old: Uint8Array<ArrayBuffer>): void {
    const offset = this.random.below(MOST_BYTES);
    const length = this.random.between(1, 50_000);
    this.image.fallocate(path, offset, length, { mode: "punchHole" });
    old.fill(0, offset, offset + length);
  }

  #preallocate(path: string, old: Uint8Array<ArrayBuffer>): void {
    const offset = this.random.below(MOST_BYTES);
    const length = this.random.between(1, 50_000);
    try {
      this.image.fallocate(path, offset, length, { keepSize: this.random.chance(50) });
    } catch {
      // Block-mapped files cannot.
      return;
    }
    const { size } = this.image.stat(path);
    const content = new Uint8Array(size);
    content.set(old);
    this.contents.set(path, content);
  }

  check(when: string): void {
    for (const [path, content] of this.contents) {
      const found = this.image.readFile(path);
      assert.equal(found.length, content.length, `${path} ${when}`);
      const at = found.findIndex((byte, index) => byte !== content[index]);
      assert.equal(at, -1, `${path} differs ${when}`);
    }
  }
}

const CASES: readonly (readonly [string, FormatOptions, OpenOptions])[] = [
  ["ext4", { blockBytes: 1024 }, {}],
  ["data=journal", { blockBytes: 1024 }, { dataMode: "journal" }],
  ["data=writeback", { blockBytes: 4096 }, { dataMode: "writeback" }],
  ["ext2", { type: "ext2", blockBytes: 1024 }, {}],
  ["ext3", { type: "ext3", blockBytes: 1024 }, {}],
  ["bigalloc", { features: ["bigalloc"], blockBytes: 1024, clusterBytes: 16384 }, {}],
  ["bigalloc, 4 KiB", { features: ["bigalloc"], blockBytes: 1024, clusterBytes: 4096 }, {}],
  ["inline_data, quota", { features: ["inline_data", "quota"], blockBytes: 1024 }, {}],
];

for (const [name, format, opened] of CASES) {
  Deno.test(`defragmenting ${name} while files change keeps every byte`, () => {
    const random = new Random(printedSeed(`defragment ${name}`));
    let movedBytes = 0;
    withImage((image) => {
      const model = new Model(image, random, format.type !== "ext2");
      for (let round = 0; round < 3; round++) {
        for (let count = 0; count < 120; count++) model.act();
        model.interleave();
        for (const path of model.contents.keys()) {
          const busy = random.chance(50);
          const { mtime, ctime } = image.stat(path);
          const work = image.defragment(path);
          let step = work.next();
          for (let steps = 0; step.done !== true; step = work.next(), steps++) {
            assert.ok(steps < 5000, "it ends");
            if (busy && random.chance(30)) model.act();
            if (random.chance(5)) model.check("between slices");
          }
          movedBytes += step.value.movedBytes;
          model.check(`after ${path} was defragmented`);
          if (busy) continue;
          const { before, after } = step.value;
          assert.equal(after.ideal, before.ideal);
          assert.equal(after.blocks, before.blocks);
          assert.ok(after.extents <= before.extents, `${before.extents} to ${after.extents}`);
          assert.deepEqual([image.stat(path).mtime, image.stat(path).ctime], [mtime, ctime]);
        }
      }
    }, { size: 24 << 20, format, open: opened });
    assert.ok(movedBytes > 0, `${movedBytes} bytes moved`);
  });
}

/** Two files written in turns, in small pieces: as fragmented as can be. */
function interleave(image: Image, pieceBytes: number, pieces: number): void {
  const bytes = new Uint8Array(pieceBytes);
  for (let index = pieces - 1; index >= 0; index--) {
    for (const path of ["/a", "/b"]) {
      using file = image.open(path, { write: true, create: true });
      file.writeAt(bytes.fill(index % 251), index * pieceBytes);
    }
  }
}

function finish(work: ReturnType<Image["defragment"]>) {
  for (let step = work.next();; step = work.next()) if (step.done === true) return step.value;
}

Deno.test("a file in many pieces becomes one", () => {
  withImage((image) => {
    interleave(image, 4096, 2000);
    const before = image.fragmentation("/a");
    assert.ok(before.extents > 1000, `${before.extents} extents`);
    const result = finish(image.defragment("/a"));
    assert.equal(result.after.extents, 1);
    assert.deepEqual(result.before, before);
    assert.equal(result.movedBytes, 2000 * 4096);
    assert.equal(image.extents("/a").length, 1);
    const content = image.readFile("/a");
    for (let at = 0; at < content.length; at += 511) {
      assert.equal(content[at], Math.floor(at / 4096) % 251);
    }
    // There is nothing left to do.
    assert.equal(finish(image.defragment("/a")).movedBytes, 0);
  }, { size: 64 << 20, format: { blockBytes: 4096 } });
});

Deno.test("on a full file system what can be brought together is, and nothing is lost", () => {
  withImage((image) => {
    interleave(image, 1024, 3000);
    image.writeFile("/fill", new Uint8Array(1));
    {
      using file = image.open("/fill", { write: true });
      const { bavail } = image.statfs();
      file.fallocate(0, (bavail - 300) * 1024);
    }
    const { before, after } = finish(image.defragment("/a"));
    assert.ok(after.extents < before.extents, `${before.extents} to ${after.extents}`);
    assert.equal(after.blocks, 3000);
    finish(image.defragment("/b"));
    for (const path of ["/a", "/b"]) {
      image.readFile(path).forEach((byte, at) => {
        if (byte !== Math.floor(at / 1024) % 251) assert.fail(`${path} differs at ${at}`);
      });
    }
  }, { size: 16 << 20, format: { blockBytes: 1024 } });
});

Deno.test("a file that is removed, or given up on, half-way leaves a sound image", () => {
  withImage((image) => {
    interleave(image, 1024, 3000);
    const work = image.defragment("/a");
    for (let count = 0; count < 5; count++) work.next();
    image.remove("/a");
    image.writeFile("/c", new Uint8Array(100_000));
    finish(work);
    assert.equal(image.exists("/a"), false);
    const given = image.defragment("/b");
    for (let count = 0; count < 5; count++) given.next();
    assert.equal(image.fragmentation("/b").blocks, 3000);
  }, { size: 24 << 20, format: { blockBytes: 1024 } });
});

Deno.test("while there are snapshots nothing is moved unasked, and they keep what they had", () => {
  const memory = withImage((image) => {
    interleave(image, 4096, 600);
    image.snapshots.create("before");
    mustFail("EBUSY", () => [...image.defragmentAll()]);
    const work = image.defragmentAll("/", { force: true });
    let step = work.next();
    while (step.done !== true) step = work.next();
    assert.equal(step.value.fragmentedAfter, 0);
    assert.equal(image.fragmentation("/a").extents, 1);
    image.writeFile("/a", new Uint8Array(10));
    using view = image.snapshots.open("before");
    const content = view.readFile("/a");
    assert.equal(content.length, 600 * 4096);
    content.forEach((byte, at) => {
      if (byte !== Math.floor(at / 4096) % 251) assert.fail(`differs at ${at}`);
    });
  }, { size: 64 << 20, format: { blockBytes: 4096 } });
  using image = open(memory);
  assert.deepEqual(image.snapshots.list().map(({ damaged }) => damaged), [false]);
});

Deno.test("where there is little room beside snapshots, defragmenting ends and drops none", () => {
  withImage((image) => {
    interleave(image, 4096, 2000);
    image.snapshots.create("before");
    {
      using file = image.open("/fill", { write: true, create: true });
      file.fallocate(0, Math.max(4096, image.statfs().bfree * 4096 - (44 << 20)));
    }
    for (const path of ["/a", "/b"]) finish(image.defragment(path));
    assert.deepEqual(image.snapshots.list().map(({ name }) => name), ["before"]);
  }, { size: 96 << 20, format: { blockBytes: 4096 } });
});
