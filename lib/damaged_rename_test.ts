import assert from "node:assert/strict";
import { createMemoryImage, type Image, type MemoryImage, open } from "../mod.ts";

const OPTIONS = { blockBytes: 1024, features: ["^metadata_csum", "^has_journal"] };
/** Byte offset of ".."'s inode number in a directory's first block. */
const DOT_DOT = 12;

/** An image with the directories /from/moved and /to/other. */
function makeImage(): MemoryImage {
  const memory = createMemoryImage(8 << 20, OPTIONS);
  using image = open(memory);
  image.mkdir("/from/moved", { recursive: true });
  image.mkdir("/to/other", { recursive: true });
  return memory;
}

/** Where the first block of the directory `path` lies: it begins with its own number and ".". */
function firstBlock(memory: MemoryImage, path: string): number {
  using image = open(memory, { readOnly: true });
  const { ino } = image.stat(path);
  const view = new DataView(memory.toUint8Array().buffer);
  for (let at = 0; at < view.byteLength; at += OPTIONS.blockBytes) {
    const isDot = view.getUint32(at + 4, true) === 0x0201_000c && view.getUint8(at + 8) === 0x2e;
    if (isDot && view.getUint32(at, true) === ino) return at;
  }
  throw new Error(`no block of ${path}`);
}

const MOVES: Readonly<Record<string, (image: Image) => void>> = {
  moved: (image) => image.rename("/from/moved", "/to/moved"),
  exchanged: (image) => image.rename("/from/moved", "/to/other", { exchange: true }),
  "exchanged the other way": (image) => {
    image.rename("/to/other", "/from/moved", { exchange: true });
  },
};
const DAMAGE: Readonly<Record<string, (view: DataView) => void>> = {
  "a first block that is no directory's": (view) => view.setUint16(4, 7, true),
  "another parent": (view) => view.setUint32(DOT_DOT, 2, true),
};

for (const [how, move] of Object.entries(MOVES)) {
  for (const [what, damage] of Object.entries(DAMAGE)) {
    Deno.test(`a directory with ${what} stays where it is when it is to be ${how}`, () => {
      const memory = makeImage();
      const at = firstBlock(memory, "/from/moved");
      const block = new Uint8Array(OPTIONS.blockBytes);
      memory.read(block, at);
      damage(new DataView(block.buffer));
      memory.write(block, at);
      {
        using image = open(memory, { errors: "continue" });
        assert.throws(() => move(image), { code: "EUCLEAN" });
      }
      using image = open(memory, { readOnly: true });
      assert.deepEqual([...image.readDir("/from")].map(({ name }) => name), ["moved"]);
      assert.deepEqual([...image.readDir("/to")].map(({ name }) => name), ["other"]);
    });
  }
}
