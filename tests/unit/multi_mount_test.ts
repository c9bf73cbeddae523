import assert from "node:assert/strict";
import { createMemoryImage, type MemoryImage, open } from "../../mod.ts";
import { memoryMustBeClean } from "../harness/library.ts";
import type { BlockDevice } from "../../fs/device/device.ts";
import { Corrupt, FsError, Unsupported } from "../../fs/errors.ts";
import {
  decodeMmp,
  encodeMmp,
  MMP_SEQUENCE_CLEAN,
  MMP_SEQUENCE_FSCK,
} from "../../fs/layout/mmp.ts";
import { readSuperblock } from "../../fs/volume/volume.ts";
import type { Engine } from "../../fs/ops/engine.ts";
import { makeNode } from "../../fs/ops/create.ts";
import type { MultiMountHost } from "../../fs/ops/multi_mount.ts";
import { closeEngine, openEngine } from "../../fs/ops/open_volume.ts";

const FEATURES = { features: ["mmp"] } as const;
const START_SECONDS = 1_700_000_000;

/** Two hosts' common time; waiting lets the others work. */
class World {
  nowMs = 1;
  readonly log: string[] = [];
  /** Renew their blocks while somebody waits. */
  readonly engines: Engine[] = [];

  host(nodeName: string): MultiMountHost {
    return {
      nodeName,
      deviceName: "disk",
      monotonicMs: () => this.nowMs,
      wait: (milliseconds) => {
        this.log.push(`${nodeName} waits ${milliseconds}`);
        this.pass(milliseconds);
        return true;
      },
    };
  }

  pass(milliseconds: number): void {
    for (let left = milliseconds; left > 0; left -= 1000) {
      this.nowMs += Math.min(left, 1000);
      for (const engine of this.engines) engine.guard?.tick();
    }
  }

  open(image: BlockDevice, nodeName: string, host = this.host(nodeName)): Engine {
    const clock = {
      seconds: 0,
      nanoseconds: 0,
      read: (): void => void (clock.seconds = START_SECONDS + Math.floor(this.nowMs / 1000)),
    };
    return openEngine(image, {
      readOnly: false,
      noRecovery: false,
      cacheBytes: 4 << 20,
      cachedInodes: 100,
      clock,
      report: (text) => void this.log.push(`${nodeName}: ${text}`),
      accessTime: "noatime",
      noDirectoryAccessTime: true,
      lazyTime: false,
      sync: false,
      directorySync: false,
      discard: false,
      random: () => 4_000_000_001,
      mountPoint: "",
      host,
    });
  }
}

function mmpOf(image: MemoryImage) {
  const superblock = readSuperblock(image);
  const bytes = new Uint8Array(superblock.blockBytes);
  image.read(bytes, superblock.mmpBlock * superblock.blockBytes);
  return decodeMmp(bytes, superblock.mmpBlock, superblock.checksumSeed);
}

function changeMmp(image: MemoryImage, change: (mmp: ReturnType<typeof mmpOf>) => void): void {
  const superblock = readSuperblock(image);
  const mmp = mmpOf(image);
  change(mmp);
  const bytes = new Uint8Array(superblock.blockBytes);
  encodeMmp(bytes, mmp, superblock.checksumSeed);
  image.write(bytes, superblock.mmpBlock * superblock.blockBytes);
}

function makeFile(engine: Engine, name: string): number {
  const bytes = new TextEncoder().encode(name);
  return makeNode(engine, { uid: 0, gid: 0 }, 2, bytes, 0o100644, 0, 0);
}

Deno.test("a clean file system is taken at once, renewed, and given back", () => {
  const image = createMemoryImage(16 << 20, FEATURES);
  assert.equal(mmpOf(image).sequence, MMP_SEQUENCE_CLEAN);
  const world = new World();
  const engine = world.open(image, "one");
  assert.deepEqual(world.log, []);
  const first = mmpOf(image);
  assert.deepEqual([first.nodeName, first.deviceName, first.time], ["one", "disk", START_SECONDS]);
  assert.equal(engine.guard?.tick(), 5000);
  world.nowMs += 4999;
  assert.equal(engine.guard?.tick(), 1);
  world.nowMs += 1;
  assert.equal(engine.guard?.tick(), 5000);
  const second = mmpOf(image);
  assert.equal(second.sequence, first.sequence + 1);
  assert.deepEqual([second.time, second.checkInterval], [START_SECONDS + 5, 10]);
  assert.ok(makeFile(engine, "file") > 0);
  closeEngine(engine);
  assert.equal(mmpOf(image).sequence, MMP_SEQUENCE_CLEAN);
  memoryMustBeClean(image);
});

Deno.test("the second host is refused while the first is active", () => {
  const image = createMemoryImage(16 << 20, FEATURES);
  const world = new World();
  const first = world.open(image, "one");
  world.engines.push(first);
  assert.throws(
    () => world.open(image, "two"),
    (error) =>
      error instanceof Unsupported && error.errno === 16 && /host "one"/.test(error.message),
  );
  assert.match(world.log.join(), /two: waiting 21 seconds.*,two waits 21000$/);
  assert.ok(makeFile(first, "file") > 0);
  closeEngine(first);
  memoryMustBeClean(image);
});

Deno.test("a host that fell silent is succeeded, and writes nothing when it comes back", () => {
  const image = createMemoryImage(16 << 20, FEATURES);
  const world = new World();
  const first = world.open(image, "one");
  assert.ok(makeFile(first, "lost") > 0);
  const second = world.open(image, "two");
  world.engines.push(second);
  assert.deepEqual(world.log.filter((line) => line.includes("waits")), [
    "two waits 21000",
    "two waits 21000",
  ]);
  assert.throws(() => first.sync(true), FsError);
  assert.match(world.log.join("\n"), /one: multiple mount protection: another host .*"two"/);
  assert.equal(first.guard?.held, false);
  assert.throws(() => makeFile(first, "more"), FsError);
  const before = image.toUint8Array();
  closeEngine(first);
  assert.deepEqual(image.toUint8Array(), before);
  assert.ok(makeFile(second, "file") > 0);
  closeEngine(second);
  memoryMustBeClean(image);
});

Deno.test("a host that renews notices another", () => {
  const image = createMemoryImage(16 << 20, FEATURES);
  const world = new World();
  const engine = world.open(image, "one");
  changeMmp(image, (mmp) => void (mmp.nodeName = "other"));
  world.nowMs += 5000;
  assert.equal(engine.guard?.tick(), Infinity);
  assert.equal(engine.volume.readOnly, true);
  closeEngine(engine);
  assert.equal(mmpOf(image).nodeName, "other");
});

Deno.test("a renewal that fails is tried again", () => {
  const image = createMemoryImage(16 << 20, FEATURES);
  const world = new World();
  let failing = false;
  const device = new Proxy<BlockDevice>(image, {
    get(target, key: keyof BlockDevice) {
      if (key === "write" && failing) {
        return (bytes: Uint8Array, offset: number) => {
          // The block gets there, the answer does not.
          target.write(bytes, offset);
          throw new FsError(5, "no answer");
        };
      }
      const value = target[key];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const engine = world.open(device, "one");
  world.engines.push(engine);
  failing = true;
  world.pass(6000);
  failing = false;
  world.pass(6000);
  assert.match(world.log.join(), /^one: multiple mount protection cannot be renewed: no answer$/);
  assert.equal(engine.guard?.held, true);
  closeEngine(engine);
  assert.equal(mmpOf(image).sequence, MMP_SEQUENCE_CLEAN);
});

Deno.test("an interrupted wait, a checker at work, unknown and bad blocks are refused", () => {
  const refusal = (change: (mmp: ReturnType<typeof mmpOf>) => void, host?: MultiMountHost) => {
    const image = createMemoryImage(16 << 20, FEATURES);
    changeMmp(image, change);
    const before = image.toUint8Array();
    try {
      closeEngine(new World().open(image, "one", host));
    } catch (error) {
      assert.deepEqual(image.toUint8Array(), before, "nothing is written by a refusal");
      assert.ok(error instanceof FsError);
      return error;
    }
    throw new Error("opened");
  };
  const world = new World();
  const interrupted = { ...world.host("one"), wait: () => false };
  assert.equal(refusal((mmp) => void (mmp.sequence = 7), interrupted).errno, 4);
  const fsck = refusal((mmp) => void (mmp.sequence = MMP_SEQUENCE_FSCK));
  assert.match(fsck.message, /a checker is working/);
  assert.equal(refusal((mmp) => void (mmp.sequence = 0xfe000000)).errno, 16);
  const long = refusal((mmp) => {
    mmp.sequence = 7;
    mmp.checkInterval = 60000;
  });
  assert.ok(long instanceof Corrupt && long.structure === "mmp");
});

Deno.test("read-only opening neither waits nor writes; the library takes and gives back", () => {
  const image = createMemoryImage(16 << 20, FEATURES);
  changeMmp(image, (mmp) => void (mmp.sequence = 7));
  const before = image.toUint8Array();
  open(image, { readOnly: true }).close();
  assert.deepEqual(image.toUint8Array(), before);
  const waits: number[] = [];
  const opened = open(image, { wait: (milliseconds) => waits.push(milliseconds) > 0 });
  opened.writeTextFile("file", "text");
  opened.close();
  assert.deepEqual(waits, [11000, 11000]);
  assert.equal(mmpOf(image).sequence, MMP_SEQUENCE_CLEAN);
  memoryMustBeClean(image);
});

Deno.test("s_mmp_block outside of the file system is refused", () => {
  for (const block of [0, 1, 0xffffff]) {
    const image = createMemoryImage(16 << 20, FEATURES);
    const superblock = readSuperblock(image);
    superblock.mmpBlockLo = block;
    superblock.setChecksum();
    image.write(superblock.bytes, 1024);
    assert.throws(() => new World().open(image, "one"), Corrupt);
  }
});
