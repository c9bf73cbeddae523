import { createMemoryImage, type FormatOptions, MemoryImage, open } from "../mod.ts";
import type { DataMode } from "../fs/ops/engine.ts";
import { must } from "../tests/harness/commands.ts";
import { memoryMustBeClean } from "../tests/harness/library.ts";
import { kernelMustAgree } from "../tests/harness/library_kernel.ts";
import { ACTIONS, type World } from "../tests/harness/library_actions.ts";
import { compareDirectory } from "../tests/harness/library_compare.ts";
import { type ModelNode, newNode } from "../tests/harness/library_model.ts";
import { Scratch } from "../tests/harness/scratch.ts";
import { numberFromEnv, printedSeed, Random } from "../tests/harness/seed.ts";
import { programs, testWith } from "../tests/harness/skip.ts";

const STEPS = numberFromEnv("KFS_STEPS", 700);
const SIZE = 48 << 20;
const MAX_BYTES = 200_000;

/** Forms of the format: our options, and what mke2fs is told for the same. */
const FORMS: ReadonlyMap<string, { readonly ours: FormatOptions; readonly theirs: string[] }> =
  new Map([
    ["the default", { ours: {}, theirs: ["-t", "ext4"] }],
    ["blocks of 4 KiB", { ours: { blockBytes: 4096 }, theirs: ["-t", "ext4", "-b", "4096"] }],
    ["ext2", { ours: { type: "ext2" }, theirs: ["-t", "ext2"] }],
    ["ext3", { ours: { type: "ext3" }, theirs: ["-t", "ext3"] }],
    ["inline data", form("inline_data")],
    ["inline data in 1 KiB inodes", {
      ours: { features: ["inline_data"], inodeBytes: 1024, blockBytes: 4096 },
      theirs: ["-t", "ext4", "-O", "inline_data", "-I", "1024", "-b", "4096"],
    }],
    ["bigalloc", {
      ours: { features: ["bigalloc"], clusterBytes: 16384 },
      theirs: ["-t", "ext4", "-O", "bigalloc", "-C", "16384"],
    }],
    ["inodes of 128 bytes", { ours: { inodeBytes: 128 }, theirs: ["-t", "ext4", "-I", "128"] }],
    ["no checksums", form("^metadata_csum")],
    ["no directory index", form("^dir_index")],
    ["no 64bit, meta_bg", form("^64bit", "meta_bg", "^resize_inode")],
    ["ea_inode, orphan_file, large_dir", form("ea_inode", "orphan_file", "large_dir")],
    ["no flex_bg, no journal", form("^flex_bg", "^has_journal")],
    ["blocks of 64 KiB", { ours: { blockBytes: 65536 }, theirs: ["-t", "ext4", "-b", "65536"] }],
  ]);

function form(...features: string[]): { ours: FormatOptions; theirs: string[] } {
  return { ours: { features }, theirs: ["-t", "ext4", "-O", features.join(",")] };
}

/** Works at random for `STEPS` steps, closing and opening the image now and then. */
function exercise(memory: MemoryImage, seed: number, dataMode: DataMode = "ordered"): ModelNode {
  const random = new Random(seed);
  const lines: string[] = [];
  const root = newNode("directory", 0o755);
  const world: World = {
    random,
    image: open(memory, { dataMode }),
    root,
    open: [],
    maxBytes: MAX_BYTES,
    log: (line) => lines.push(line),
  };
  try {
    for (let step = 1; step <= STEPS; step++) {
      random.pick(ACTIONS)(world);
      if (step % 100 !== 0 && step !== STEPS) continue;
      compareDirectory(world.image, "", root);
      if (!random.chance(50) && step !== STEPS) continue;
      world.open.splice(0);
      world.image.close();
      memoryMustBeClean(memory, `after step ${step}`);
      world.image = open(memory, { cache: 1 << 17, dataMode });
      compareDirectory(world.image, "", root);
    }
    return root;
  } catch (error) {
    console.log(lines.slice(-30).join("\n"));
    throw error;
  } finally {
    world.image.close();
  }
}

for (const name of ["the default", "blocks of 4 KiB", "bigalloc", "inline data"]) {
  Deno.test(`library: random changes with data=journal, ${name}`, () => {
    const memory = createMemoryImage(SIZE, { inodes: 4096, ...FORMS.get(name)?.ours });
    const seed = printedSeed(`random changes with data=journal, ${name}`);
    const root = exercise(memory, seed, "journal");
    kernelMustAgree(memory, root);
  });
}

for (const [name, { ours, theirs }] of FORMS) {
  Deno.test(`library: random changes, ${name}`, () => {
    const memory = createMemoryImage(SIZE, { inodes: 4096, ...ours });
    const root = exercise(memory, printedSeed(`random changes, ${name}`));
    // Kernels with pages of 4 KiB do not mount blocks that are larger.
    if (ours.blockBytes !== 65536) kernelMustAgree(memory, root);
  });

  testWith({
    name: `library: random changes, ${name}, made by mke2fs`,
    needs: [programs("mke2fs")],
    fn: () => {
      using scratch = new Scratch("random");
      const path = scratch.path("image");
      must("mke2fs", ["-q", "-F", "-N", "4096", ...theirs, path, `${SIZE >> 20}M`]);
      const memory = MemoryImage.from(Deno.readFileSync(path));
      exercise(memory, printedSeed(`random changes, ${name}, made by mke2fs`));
    },
  });
}
