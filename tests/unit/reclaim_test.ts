import assert from "node:assert/strict";
import { Ext4FileSystem } from "../../fs/fuse/ext4_file_system.ts";
import { emptyCaller, emptyEntry, emptyOpened } from "../../ffi/fuse/records.ts";
import { ROOT_NODE } from "../../ffi/fuse/port.ts";
import { openEngine } from "../../fs/ops/open_volume.ts";
import { check, createMemoryImage } from "../../mod.ts";

const ENOSPC = -28;
const MODE = 0o100644;
const O_RDWR = 2;
const nameOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function make(memory = createMemoryImage(8 << 20, { reservedPercent: 0 })) {
  const engine = openEngine(memory, {
    readOnly: false,
    cacheBytes: 1 << 20,
    cachedInodes: 100,
    clock: { read(): void {}, seconds: 1, nanoseconds: 0 },
    report: (text) => assert.fail(text),
    accessTime: "noatime",
    noDirectoryAccessTime: false,
    lazyTime: false,
    sync: false,
    directorySync: false,
    discard: false,
    random: () => 1,
    noRecovery: false,
    mountPoint: "",
  });
  return new Ext4FileSystem(engine, { commitMs: 5000, monotonicMs: () => 0 });
}

/** Makes a file that takes all the room there is. @returns its node */
function fill(fs: Ext4FileSystem, name: string): number {
  const entry = emptyEntry();
  const caller = emptyCaller();
  assert.equal(
    fs.create(caller, ROOT_NODE, nameOf(name), MODE, 0, O_RDWR, entry, emptyOpened()),
    0,
  );
  const { node } = entry;
  const piece = new Uint8Array(64 << 10).fill(1);
  for (let offset = 0;;) {
    const count = fs.write(caller, node, 1, offset, [piece], 0);
    if (count === ENOSPC) return node;
    assert.ok(count > 0);
    offset += count;
  }
}

Deno.test("a removed file that the kernel has not forgotten yet makes room when it is needed", () => {
  const fs = make();
  const caller = emptyCaller();
  const node = fill(fs, "first");
  assert.equal(fs.release(caller, node, 1), 0);
  assert.equal(fs.unlink(caller, ROOT_NODE, nameOf("first")), 0);
  fill(fs, "second");
  fs.forget(node, 1);
  fs.destroy();
});

Deno.test("a removed file that is open keeps its content, however little room there is", () => {
  const fs = make();
  const caller = emptyCaller();
  const node = fill(fs, "first");
  assert.equal(fs.unlink(caller, ROOT_NODE, nameOf("first")), 0);
  const entry = emptyEntry();
  const made = fs.create(
    caller,
    ROOT_NODE,
    nameOf("second"),
    MODE,
    0,
    O_RDWR,
    entry,
    emptyOpened(),
  );
  assert.equal(made, 0);
  const piece = new Uint8Array(4096);
  assert.equal(fs.write(caller, entry.node, 1, 0, [piece], 0), ENOSPC);
  assert.equal(fs.read(caller, node, 1, 0, [piece]), 4096);
  assert.equal(piece[0], 1);
  fs.release(caller, node, 1);
  fs.forget(node, 1);
  assert.equal(fs.write(caller, entry.node, 1, 0, [piece], 0), 4096);
  fs.destroy();
});

Deno.test("a removed file that is open when the mount is ended by force leaves nothing behind", () => {
  const memory = createMemoryImage(8 << 20);
  const fs = make(memory);
  fill(fs, "first");
  assert.equal(fs.unlink(emptyCaller(), ROOT_NODE, nameOf("first")), 0);
  fs.destroy();
  const { clean, findings } = check(memory);
  assert.ok(clean, findings[0]?.message);
});
