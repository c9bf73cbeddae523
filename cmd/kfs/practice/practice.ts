/**
 * Practice: right after a mount, while nobody asks for anything, the server does ordinary work on a copy of the
 * file system that exists in memory only, so that V8 has compiled the code for it when the first request
 * comes. Without it the first thousands of files take twice as long as those after them.
 *
 * @module
 */

import { OverlayDevice } from "../../../fs/journal/overlay_device.ts";
import { serveEngine } from "../../../fs/fuse/quota_file_system.ts";
import { Incompat } from "../../../fs/layout/features.ts";
import type { Engine } from "../../../fs/ops/engine.ts";
import { openEngine } from "../../../fs/ops/open_volume.ts";
import { exercise } from "./exercise.ts";

/** The mount is left alone for so long first: what mounted it may have its work to do. */
const START_MS = 20;
/** A turn's length; a request waits for as long at the worst. */
const TURN_MS = 1;
/** The practice ends when it has taken so long in all. */
const MOST_MS = 600;
/** Opening a file system of more groups than this takes longer than a request should wait. */
const MOST_GROUPS = 1024;
const CACHE_BYTES = 4 << 20;
const CACHED_INODES = 1024;

/** What the practice needs to know of the mount. */
export interface PracticeHost {
  /** The engine that serves. */
  readonly engine: Engine;
  /** A number that grows with each request. */
  readonly requests: () => number;
  readonly monotonicMs: () => number;
}

/** One mount's practice. */
export class Practice {
  #steps: Generator<void> | undefined;
  #ended: boolean;
  #usedMs = 0;
  #requestsSeen = -1;
  readonly #changesBefore: number;

  constructor(readonly host: PracticeHost) {
    this.#ended = !isFit(host.engine);
    this.#changesBefore = host.engine.changes;
  }

  /**
   * Practises for a moment, unless there is something better to do.
   * @returns milliseconds until it wants the next turn; Infinity when it has ended.
   */
  turn(): number {
    if (this.#ended) return Number.POSITIVE_INFINITY;
    const { host } = this;
    const requests = host.requests();
    const busy = requests !== this.#requestsSeen;
    this.#requestsSeen = requests;
    // What is changed below the copy would make it nonsense; and whoever changes something practises himself.
    if (host.engine.changes !== this.#changesBefore) return this.#end();
    if (busy) return START_MS;
    const begin = host.monotonicMs();
    try {
      this.#practise(begin);
    } catch {
      // The image has its faults: whoever meets them in earnest hears of them.
      return this.#end();
    }
    this.#usedMs += host.monotonicMs() - begin;
    return this.#ended || this.#usedMs > MOST_MS ? this.#end() : 0;
  }

  #practise(begin: number): void {
    const { host } = this;
    this.#steps ??= begun(host.engine);
    while (host.monotonicMs() - begin < TURN_MS) {
      if (this.#steps.next().done !== true) continue;
      this.#ended = true;
      return;
    }
  }

  #end(): number {
    this.#ended = true;
    this.#steps = undefined;
    return Number.POSITIVE_INFINITY;
  }
}

/** Whether a copy can be opened: alone, and quickly. */
function isFit({ volume, journalDevice }: Engine): boolean {
  const { superblock, geometry } = volume;
  return !volume.readOnly && geometry.groupCount <= MOST_GROUPS && journalDevice === null &&
    !superblock.hasIncompat(Incompat.MMP);
}

/** Opens the copy: what is written to it stays in memory, and goes with it. */
function begun({ volume, options }: Engine): Generator<void> {
  const device = new OverlayDevice(volume.device, volume.geometry.blockBytes);
  const copy = openEngine(device, {
    readOnly: false,
    cacheBytes: CACHE_BYTES,
    cachedInodes: CACHED_INODES,
    errors: "continue",
    clock: volume.options.clock,
    report: () => {},
    panic: () => {},
    accessTime: options.accessTime,
    noDirectoryAccessTime: options.noDirectoryAccessTime,
    lazyTime: options.lazyTime,
    sync: false,
    directorySync: false,
    dataMode: options.dataMode,
    discard: false,
    random: options.random,
    noRecovery: false,
    mountPoint: "",
  });
  const fileSystem = serveEngine(copy, { commitMs: 60_000, monotonicMs: () => 0 });
  return exercise(fileSystem, () => copy.volume.commit(true));
}
