/**
 * Reads that would wait for the disk: handed to another thread, answered later.
 *
 * @module
 */

import { DEFERRED, type Server } from "../../ffi/fuse/port.ts";
import type { Engine } from "../ops/engine.ts";
import { InodeFlag } from "../layout/inode.ts";
import { type ContentPiece, contentPieces, readFile, touchAccessTime } from "../ops/read.ts";

/** Reads from the volume's device on another thread. */
export interface BackgroundReader {
  /** How many bytes of the device `target` gets, from `offsetBytes`, without waiting; false: not all of them. */
  readNoWait(target: Uint8Array, offsetBytes: number): boolean;
  /**
   * Fills `target`, which lives until `done` is called, from `offsetBytes`.
   * @param done is given 0 or a negated errno, later, on this thread.
   * @returns false when it cannot take more now.
   */
  read(target: Uint8Array, offsetBytes: number, done: (result: number) => void): boolean;
}

/** Gives reads to a `BackgroundReader`. */
export class ColdReads {
  /** Reads that were handed over. */
  handedOver = 0;

  constructor(
    readonly engine: Engine,
    readonly reader: BackgroundReader,
    readonly server: Server,
  ) {}

  /**
   * Reads from a file, as `read` of `fs/ops`: into `target` what needs no waiting for, else later.
   * @param unique of the request.
   * @returns bytes read; DEFERRED; undefined for what has to be read in the ordinary way.
   */
  read(unique: number, ino: number, offset: number, target: Uint8Array): number | undefined {
    const { engine } = this;
    const inode = engine.inode(ino);
    if (!inode.isRegular || inode.has(InodeFlag.INLINE_DATA)) return undefined;
    if (engine.volume.contentInLog) return undefined;
    const length = Math.min(target.length, inode.size - offset);
    if (length <= 0) return undefined;
    const pieces = contentPieces(engine, inode, offset, length);
    if (!this.#readNow(target, length, pieces)) {
      return this.#begin(unique, ino, offset, length, pieces);
    }
    touchAccessTime(engine, inode);
    return length;
  }

  /** @returns false when part of the content would have to be waited for. */
  #readNow(target: Uint8Array, length: number, pieces: readonly ContentPiece[]): boolean {
    const first = pieces[0];
    if (pieces.length !== 1 || first === undefined || first.bytes !== length) {
      target.fill(0, 0, length);
    }
    for (const { at, deviceOffset, bytes } of pieces) {
      if (!this.reader.readNoWait(target.subarray(at, at + bytes), deviceOffset)) return false;
    }
    return true;
  }

  /** @returns DEFERRED; undefined when nothing could be handed over. */
  #begin(
    unique: number,
    ino: number,
    offset: number,
    length: number,
    pieces: readonly ContentPiece[],
  ): number | undefined {
    const target = new Uint8Array(length);
    let left = 1;
    let failure = 0;
    const finish = (result: number): void => {
      if (result < 0) failure = result;
      if (--left === 0) this.#finish(unique, ino, offset, target, pieces, failure);
    };
    for (const { at, deviceOffset, bytes } of pieces) {
      const part = target.subarray(at, at + bytes);
      left++;
      if (!this.reader.read(part, deviceOffset, finish)) {
        left--;
        this.engine.volume.device.read(part, deviceOffset);
      }
    }
    if (left === 1) return undefined;
    left--;
    this.handedOver++;
    return DEFERRED;
  }

  #finish(
    unique: number,
    ino: number,
    offset: number,
    target: Uint8Array,
    pieces: readonly ContentPiece[],
    failure: number,
  ): void {
    if (failure < 0) {
      this.server.complete(unique, failure);
      return;
    }
    try {
      const count = this.#settled(ino, offset, target, pieces);
      this.server.completeData(unique, [target.subarray(0, count)]);
    } catch (error) {
      this.server.complete(unique, this.engine.errnoOf(error, "read"));
    }
  }

  /** Blocks that changed hands while they were being read are read again. @returns bytes in `target` */
  #settled(
    ino: number,
    offset: number,
    target: Uint8Array,
    pieces: readonly ContentPiece[],
  ): number {
    const inode = this.engine.inode(ino);
    touchAccessTime(this.engine, inode);
    const length = Math.max(0, Math.min(target.length, inode.size - offset));
    if (length === target.length) {
      const now = contentPieces(this.engine, inode, offset, length);
      if (samePieces(pieces, now)) return length;
    }
    return readFile(this.engine, inode, offset, target);
  }
}

function samePieces(a: readonly ContentPiece[], b: readonly ContentPiece[]): boolean {
  return a.length === b.length && a.every((piece, index) => {
    const other = b[index];
    return other !== undefined && piece.at === other.at && piece.bytes === other.bytes &&
      piece.deviceOffset === other.deviceOffset;
  });
}
