/**
 * What the tests of quotas share: images of mke2fs with quota files, opened by the engine, and e2fsck's verdict, which
 * counts usage anew.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MemoryDevice } from "../device/memory.ts";
import { makeImage, runTool, withTempDir } from "../layout/testing.ts";
import type { Engine } from "../ops/engine.ts";
import { finishEngine, openEngine } from "../ops/open_volume.ts";
import type { QuotaKind } from "./kind.ts";

/** Options for mke2fs that make all three quota files. */
export const ALL_QUOTAS = [
  ...["-t", "ext4", "-O", "quota,project"],
  ...["-E", "quotatype=usrquota:grpquota:prjquota"],
] as const;

/** All kinds. */
export const EVERY_KIND: readonly QuotaKind[] = ["user", "group", "project"];

/** An image in memory with an engine on it. */
export class QuotaImage {
  engine: Engine;
  /** What the engine reported. */
  readonly reports: string[] = [];
  /** The clock's seconds. */
  readonly clock = { seconds: 1_700_000_000, nanoseconds: 0, read: () => undefined };

  constructor(readonly device: MemoryDevice, limits: readonly QuotaKind[] = []) {
    this.engine = this.#open(limits);
  }

  /** Has mke2fs make an image. */
  static make(
    options: readonly string[],
    sizeBytes: number,
    limits: readonly QuotaKind[] = [],
  ): QuotaImage {
    return new QuotaImage(MemoryDevice.from(imageBytes(options, sizeBytes)), limits);
  }

  /** Closes and opens again; with `crash`, as it was at the last commit. */
  reopen(limits: readonly QuotaKind[] = [], crash = false): void {
    if (!crash) finishEngine(this.engine);
    this.engine = this.#open(limits);
  }

  /** Closes the engine and lets e2fsck judge; a complaint throws. */
  check(): void {
    finishEngine(this.engine);
    withTempDir((folder) => {
      const path = `${folder}/image`;
      this.save(path);
      runTool("e2fsck", ["-fn", path]);
    });
    assert.deepEqual(this.reports, []);
  }

  /** Stores the image as a file. */
  save(path: string): void {
    const file = Deno.openSync(path, { write: true, create: true, truncate: true });
    file.truncateSync(this.device.sizeBytes);
    for (const { offsetBytes, bytes } of this.device.writtenPages()) {
      file.seekSync(offsetBytes, Deno.SeekMode.Start);
      file.writeSync(bytes.subarray(0, this.device.sizeBytes - offsetBytes));
    }
    file.close();
  }

  /** What an identifier uses, as the engine counts. */
  usage(kind: QuotaKind, id: number): { readonly bytes: number; readonly inodes: number } {
    const entry = this.engine.quota?.accounts(kind)?.entry(id);
    assert.ok(entry !== undefined);
    return { bytes: entry.spaceBytes, inodes: entry.inodes };
  }

  /** Sets limits: space in KiB. */
  limit(
    kind: QuotaKind,
    id: number,
    limits: {
      readonly spaceHard?: number;
      readonly spaceSoft?: number;
      readonly inodesHard?: number;
      readonly inodesSoft?: number;
    },
  ): void {
    const { engine } = this;
    const none = { spaceHard: 0, spaceSoft: 0, inodesHard: 0, inodesSoft: 0 };
    const result = engine.change((handle) =>
      engine.quota?.setLimits(handle, kind, id, { ...none, ...limits }) ?? -1
    );
    assert.equal(result, 0);
  }

  /** Does `work` as somebody who may not exceed limits. */
  asUser<Result>(work: () => Result): Result {
    const { quota } = this.engine;
    assert.ok(quota !== null);
    quota.exempt = false;
    try {
      return work();
    } finally {
      quota.exempt = true;
    }
  }

  #open(quotaLimits: readonly QuotaKind[]): Engine {
    let random = 1;
    return openEngine(this.device, {
      readOnly: false,
      cacheBytes: 4 << 20,
      cachedInodes: 200,
      clock: this.clock,
      report: (message) => void this.reports.push(message),
      accessTime: "noatime",
      noDirectoryAccessTime: true,
      lazyTime: false,
      sync: false,
      directorySync: false,
      discard: false,
      random: () => random++,
      noRecovery: false,
      mountPoint: "",
      quotaLimits,
    });
  }
}

/** The bytes of an image that mke2fs makes. */
export function imageBytes(options: readonly string[], sizeBytes: number): Uint8Array {
  let bytes = new Uint8Array(0);
  withTempDir((folder) => {
    bytes = makeImage(`${folder}/image`, sizeBytes, options) as Uint8Array<ArrayBuffer>;
  });
  return bytes;
}
