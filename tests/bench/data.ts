/**
 * The content of files.
 *
 * @module
 */

import * as libc from "../harness/libc.ts";
import { Random } from "../harness/seed.ts";
import { microsecondsEach, milliseconds } from "./measure.ts";
import { expectGood, type Scenario } from "./scenario.ts";

const MEBIBYTE = 1 << 20;
const piece = new Uint8Array(MEBIBYTE).fill(0x5a);
const block = new Uint8Array(4096).fill(0x33);

function openFile(path: string, flags: number): number {
  return expectGood("open", libc.open(path, flags, 0o644));
}

/** One large file, written and read in pieces of 1 MiB. */
const sequential: Scenario = {
  rows: ["sequential write", "sequential rewrite", "sequential read", "read from the page cache"],
  run(target, results, { quick }) {
    const mebibytes = quick ? 128 : 512;
    const path = `${target.root}/large`;
    const write = () => {
      const descriptor = openFile(path, libc.O_CREAT | libc.O_WRONLY);
      for (let index = 0; index < mebibytes; index++) {
        expectGood("write", libc.pwrite(descriptor, piece, index * MEBIBYTE));
      }
      expectGood("fsync", libc.fsync(descriptor));
      libc.close(descriptor);
    };
    const read = () => {
      const descriptor = openFile(path, libc.O_RDONLY);
      for (let index = 0; index < mebibytes; index++) {
        expectGood("read", libc.pread(descriptor, piece, index * MEBIBYTE));
      }
      libc.close(descriptor);
    };
    const rate = (row: string, action: () => void) => {
      results.record(row, "MiB/s", target.name, mebibytes * 1000 / milliseconds(action));
    };
    rate("sequential write", write);
    rate("sequential rewrite", write);
    target.remount();
    rate("sequential read", read);
    rate("read from the page cache", read);
    expectGood("unlink", libc.unlink(path));
  },
};

/** Blocks of 4 KiB at random places of one file. */
const randomBlocks: Scenario = {
  rows: ["random 4 KiB writes", "random 4 KiB reads"],
  run(target, results, { quick }) {
    const mebibytes = 64;
    const count = quick ? 2000 : 8000;
    const path = `${target.root}/random`;
    const random = new Random(1);
    const descriptor = openFile(path, libc.O_CREAT | libc.O_RDWR);
    for (let index = 0; index < mebibytes; index++) {
      expectGood("write", libc.pwrite(descriptor, piece, index * MEBIBYTE));
    }
    expectGood("fsync", libc.fsync(descriptor));
    const place = () => random.below(mebibytes * 256) * 4096;
    const writing = milliseconds(() => {
      for (let index = 0; index < count; index++) {
        expectGood("write", libc.pwrite(descriptor, block, place()));
      }
      expectGood("fsync", libc.fsync(descriptor));
    });
    results.record("random 4 KiB writes", "µs each", target.name, writing * 1000 / count);
    libc.close(descriptor);
    target.remount();
    const again = openFile(path, libc.O_RDONLY);
    libc.adviseRandom(again);
    const reading = microsecondsEach(count, () => {
      expectGood("read", libc.pread(again, block, place()));
    });
    results.record("random 4 KiB reads", "µs each", target.name, reading);
    libc.close(again);
    expectGood("unlink", libc.unlink(path));
  },
};

/** What a log or a database does. */
const appending: Scenario = {
  rows: ["append 4 KiB + fsync"],
  run(target, results, { quick }) {
    const count = quick ? 100 : 500;
    const path = `${target.root}/log`;
    const descriptor = openFile(path, libc.O_CREAT | libc.O_WRONLY);
    const each = microsecondsEach(count, (index) => {
      expectGood("write", libc.pwrite(descriptor, block, index * 4096));
      expectGood("fsync", libc.fsync(descriptor));
    });
    results.record("append 4 KiB + fsync", "µs each", target.name, each);
    libc.close(descriptor);
    expectGood("unlink", libc.unlink(path));
  },
};

/** All scenarios of this kind. */
export const DATA_SCENARIOS: readonly Scenario[] = [sequential, randomBlocks, appending];
