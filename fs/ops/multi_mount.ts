/**
 * Multiple mount protection (feature mmp): on storage that several hosts reach, only one of them may
 * change the file system. Its name and a number that grows stand in the block at s_mmp_block; whoever
 * wants to mount watches whether the number still grows.
 *
 * Kernel documentation: Documentation/filesystems/ext4/mmp.rst. The block is no part of any
 * transaction: it is written at once.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { EBUSY, EINTR } from "../errno.ts";
import { Corrupt, Unsupported } from "../errors.ts";
import type { Participant } from "../journal/transaction.ts";
import {
  decodeMmp,
  encodeMmp,
  type Mmp,
  MMP_BYTES,
  MMP_SEQUENCE_CLEAN,
  MMP_SEQUENCE_FSCK,
  MMP_SEQUENCE_MAX,
} from "../layout/mmp.ts";
import type { Superblock } from "../layout/superblock.ts";
import type { Clock } from "../volume/volume.ts";

/** What protection needs of the host. */
export interface MultiMountHost {
  /** Name of this host, shown to others. */
  readonly nodeName: string;
  /** What this host calls the device. */
  readonly deviceName: string;
  /** Waits. @returns false when the wait was interrupted: the mount is given up. */
  readonly wait: (milliseconds: number) => boolean;
  /** Milliseconds since some fixed time, never going back. */
  readonly monotonicMs: () => number;
}

/** What else a guard is told by whoever opens. */
export interface GuardOptions {
  readonly clock: Clock;
  readonly report: (message: string) => void;
  readonly random: () => number;
}

/** s_mmp_interval when it is 0, and the shortest time after which a silent host counts as gone. */
const DEFAULT_SECONDS = 5;
const MIN_CHECK_SECONDS = 5;
/** The longest that an implementation writes: twice the longest s_mmp_interval. */
const MAX_CHECK_SECONDS = 600;
const MAX_INTERVAL_SECONDS = 300;
/** A host is given twice its interval, but not more than a minute beyond it. */
const CHECK_FACTOR = 2;
const MAX_EXTRA_SECONDS = 60;
/** Waits longer than this are announced. */
const LONG_WAIT_SECONDS = 20;
/** Failed renewals between two messages about them. */
const FAILURES_A_MESSAGE = 60;

/** The latest time that a Date can hold. */
const LATEST_SECONDS = 8.64e12;

const sleepCell = new Int32Array(new SharedArrayBuffer(4));

/** A host without a name whose waits cannot be interrupted. */
export const PLAIN_HOST: MultiMountHost = {
  nodeName: "",
  deviceName: "",
  wait(milliseconds: number): boolean {
    Atomics.wait(sleepCell, 0, 0, milliseconds);
    return true;
  },
  monotonicMs: () => performance.now(),
};

/**
 * Holds a file system for this host: `tick` must be called every few seconds, `release` at the end.
 */
export class MultiMountGuard implements Participant {
  /** Called once, with the reason, when another host has taken the file system. */
  onLost: (reason: string) => void = () => {};
  readonly #block: Uint8Array;
  readonly #diskBlock: number;
  readonly #offsetBytes: number;
  readonly #seed: number | undefined;
  readonly #intervalMs: number;
  #mmp: Mmp;
  /** The number of a renewal that failed: it may have reached the block. */
  #attempted = -1;
  #held = false;
  #renewedMs = 0;
  #failures = 0;

  /**
   * Waits until it is certain that nobody else uses the file system, and takes it.
   * @throws Unsupported EBUSY when somebody does, EINTR; Corrupt; DeviceError.
   */
  constructor(
    readonly device: BlockDevice,
    superblock: Superblock,
    readonly host: MultiMountHost,
    readonly options: GuardOptions,
  ) {
    const { mmpBlock, blockBytes, mmpInterval } = superblock;
    if (mmpBlock <= superblock.firstDataBlock || mmpBlock >= superblock.blocksCount) {
      throw new Corrupt("superblock", "offset 1024", `s_mmp_block ${mmpBlock}`);
    }
    this.#diskBlock = mmpBlock;
    this.#offsetBytes = mmpBlock * blockBytes;
    this.#block = new Uint8Array(Math.max(MMP_BYTES, blockBytes));
    this.#seed = superblock.hasMetadataChecksums ? superblock.checksumSeed : undefined;
    const seconds = mmpInterval === 0 ? DEFAULT_SECONDS : mmpInterval;
    this.#intervalMs = Math.min(seconds, MAX_INTERVAL_SECONDS) * 1000;
    this.#mmp = this.#read();
    this.#take(Math.max(seconds, MIN_CHECK_SECONDS, this.#mmp.checkInterval));
    this.#mmp.checkInterval = Math.max(CHECK_FACTOR * this.#intervalMs / 1000, MIN_CHECK_SECONDS);
    this.#mmp.nodeName = fitted(host.nodeName, 64);
    this.#mmp.deviceName = fitted(host.deviceName, 32);
    this.#renew();
  }

  /** Whether the file system is this host's. */
  get held(): boolean {
    return this.#held;
  }

  /**
   * Renews the block when it is time.
   * @returns milliseconds until the next call, at the latest.
   */
  tick(): number {
    if (!this.#held) return Infinity;
    const due = this.#renewedMs + this.#intervalMs - this.host.monotonicMs();
    if (due > 0) return due;
    if (this.#check()) this.#renew();
    return this.#held ? this.#intervalMs : Infinity;
  }

  /** Before a commit: if the block was not renewed in time, whether another host took over meanwhile. */
  beforeSeal(): void {
    if (this.#held && this.#isOverdue() && this.#check()) this.#renew();
    if (!this.#held) throw new Unsupported(EBUSY, "another host has taken the file system");
  }

  /** Says in the block that nobody uses the file system. */
  release(): void {
    if (!this.#held || !this.#check()) return;
    this.#held = false;
    this.#mmp.sequence = MMP_SEQUENCE_CLEAN;
    this.#write();
  }

  /** @param checkSeconds how long another host may be silent between two renewals. */
  #take(checkSeconds: number): void {
    const { sequence } = this.#mmp;
    let waitSeconds = 0;
    if (sequence !== MMP_SEQUENCE_CLEAN) {
      if (sequence === MMP_SEQUENCE_FSCK) throw this.#inUse("a checker is working on it");
      if (sequence > MMP_SEQUENCE_MAX) throw this.#inUse("it is held in an unknown way");
      if (checkSeconds > MAX_CHECK_SECONDS) {
        const field = `mmp_check_interval ${checkSeconds} exceeds ${MAX_CHECK_SECONDS}`;
        throw new Corrupt("mmp", `block 0x${this.#diskBlock.toString(16)}`, field);
      }
      waitSeconds = Math.min(checkSeconds * CHECK_FACTOR + 1, checkSeconds + MAX_EXTRA_SECONDS);
      this.#watch(sequence, waitSeconds);
    }
    const ours = this.options.random() % (MMP_SEQUENCE_MAX + 1);
    this.#mmp.sequence = ours;
    this.#write();
    this.#watch(ours, waitSeconds);
    this.#held = true;
  }

  /** Waits, and refuses when the block then holds another number. */
  #watch(sequence: number, seconds: number): void {
    if (seconds > LONG_WAIT_SECONDS) {
      this.options.report(`waiting ${seconds} seconds: ${this.#who()} may still use it`);
    }
    if (seconds > 0 && !this.host.wait(seconds * 1000)) {
      throw new Unsupported(EINTR, "interrupted while waiting whether another host uses it");
    }
    this.#mmp = this.#read();
    if (this.#mmp.sequence !== sequence) throw this.#inUse("another mount is active");
  }

  #inUse(how: string): Unsupported {
    return new Unsupported(EBUSY, `in use (multiple mount protection): ${how}, ${this.#who()}`);
  }

  #who(): string {
    const { nodeName, deviceName, time } = this.#mmp;
    const when = new Date(Math.min(time, LATEST_SECONDS) * 1000).toISOString();
    return `host "${printable(nodeName)}", device "${printable(deviceName)}", last seen ${when}`;
  }

  #isOverdue(): boolean {
    const { clock } = this.options;
    const silentMs = this.host.monotonicMs() - this.#renewedMs;
    clock.read();
    // The wall clock goes on while the machine sleeps.
    const silentSeconds = Math.max(silentMs / 1000, clock.seconds - this.#mmp.time);
    return silentSeconds > this.#mmp.checkInterval;
  }

  /** Whether the block is as it was left; if not the file system is given up. */
  #check(): boolean {
    let found: Mmp;
    try {
      found = this.#read();
    } catch (error) {
      if (error instanceof Corrupt) return this.#lose(error.message);
      return this.#failed(error);
    }
    const { sequence } = found;
    const isOurs = sequence === this.#mmp.sequence || sequence === this.#attempted;
    if (isOurs && found.nodeName === this.#mmp.nodeName) return true;
    this.#mmp = found;
    return this.#lose(`another host has taken the file system: ${this.#who()}`);
  }

  #lose(reason: string): false {
    this.#held = false;
    this.onLost(`multiple mount protection: ${reason}`);
    return false;
  }

  #renew(): void {
    const now = this.host.monotonicMs();
    const { sequence } = this.#mmp;
    if (this.#renewedMs !== 0) {
      // Others must be as patient as renewals are slow.
      const seconds = Math.floor(CHECK_FACTOR * (now - this.#renewedMs) / 1000);
      const most = Math.min(seconds, MAX_INTERVAL_SECONDS);
      this.#mmp.checkInterval = Math.max(most, MIN_CHECK_SECONDS);
    }
    this.#mmp.sequence = sequence >= MMP_SEQUENCE_MAX ? 1 : sequence + 1;
    this.#renewedMs = now;
    try {
      this.#write();
      this.#failures = 0;
    } catch (error) {
      this.#attempted = this.#mmp.sequence;
      this.#mmp.sequence = sequence;
      this.#failed(error);
    }
  }

  #failed(error: unknown): false {
    if (this.#failures++ % FAILURES_A_MESSAGE === 0) {
      const text = error instanceof Error ? error.message : String(error);
      this.options.report(`multiple mount protection cannot be renewed: ${text}`);
    }
    return false;
  }

  #read(): Mmp {
    const block = this.#block;
    this.device.settle?.(this.#offsetBytes, block.length);
    this.device.read(block, this.#offsetBytes);
    return decodeMmp(block, this.#diskBlock, this.#seed);
  }

  #write(): void {
    const { clock } = this.options;
    clock.read();
    this.#mmp.time = clock.seconds;
    encodeMmp(this.#block, this.#mmp, this.#seed);
    this.device.write(this.#block, this.#offsetBytes);
    this.device.settle?.(this.#offsetBytes, this.#block.length);
  }
}

/** ASCII text of at most `bytes` bytes. */
function fitted(text: string, bytes: number): string {
  return printable(text).slice(0, bytes);
}

/** Text of another host, fit for a message. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?");
}
