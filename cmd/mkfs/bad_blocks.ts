/**
 * Looking for blocks that cannot be read, or do not keep what is written (-c, -cc).
 *
 * @module
 */

import type { BlockDevice } from "../../fs/device/device.ts";
import type { Progress } from "../../fs/mkfs/options.ts";

const PIECE_BYTES = 1024 * 1024;
const PATTERNS = [0xaa, 0x55, 0xff, 0x00];

/** Numbers of the bad blocks. @param write test by writing, too: what the device holds is lost. */
export function findBadBlocks(
  device: BlockDevice,
  blockBytes: number,
  write: boolean,
  progress: Progress,
): number[] {
  const blocks = Math.floor(device.sizeBytes / blockBytes);
  const perPiece = Math.max(1, PIECE_BYTES / blockBytes);
  const bad = new Set<number>();
  const test = write ? new WriteTest(device, blockBytes) : new ReadTest(device, blockBytes);
  for (let first = 0; first < blocks; first += perPiece) {
    const count = Math.min(perPiece, blocks - first);
    progress("Checking for bad blocks", first, blocks);
    if (test.passes(first, count)) continue;
    for (let block = first; block < first + count; block++) {
      if (!test.passes(block, 1)) bad.add(block);
    }
  }
  return [...bad];
}

class ReadTest {
  readonly buffer: Uint8Array;
  constructor(readonly device: BlockDevice, readonly blockBytes: number) {
    this.buffer = new Uint8Array(Math.max(PIECE_BYTES, blockBytes));
  }

  /** Whether these blocks can be read. */
  passes(block: number, count: number): boolean {
    try {
      const target = this.buffer.subarray(0, count * this.blockBytes);
      this.device.read(target, block * this.blockBytes);
      return true;
    } catch {
      return false;
    }
  }
}

class WriteTest extends ReadTest {
  /** Whether these blocks give back every pattern. */
  override passes(block: number, count: number): boolean {
    const bytes = this.buffer.subarray(0, count * this.blockBytes);
    const offset = block * this.blockBytes;
    return PATTERNS.every((pattern) => {
      try {
        bytes.fill(pattern);
        this.device.write(bytes, offset);
        this.device.flush();
        this.device.read(bytes, offset);
        return bytes.every((byte) => byte === pattern);
      } catch {
        return false;
      }
    });
  }
}
