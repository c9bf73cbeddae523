/**
 * Images in memory.
 *
 * @module
 */

import { createFileDevice } from "../ffi/device/open.ts";
import { MemoryDevice } from "../fs/device/memory.ts";
import { fsErrorOf } from "./fs_error.ts";

const PIECE_BYTES = 65536;

/** An image in memory: sparse, and still there when the `Image` that worked on it is closed. */
export class MemoryImage extends MemoryDevice {
  /** An image with the given content, copied; zeros take no memory. */
  static override from(content: Uint8Array): MemoryImage {
    const image = new MemoryImage(content.length);
    for (let offset = 0; offset < content.length; offset += PIECE_BYTES) {
      const piece = content.subarray(offset, offset + PIECE_BYTES);
      if (piece.some((byte) => byte !== 0)) image.write(piece, offset);
    }
    return image;
  }

  /** All bytes of the image, zeros included. @throws RangeError when that is more than an array can hold. */
  toUint8Array(): Uint8Array<ArrayBuffer> {
    const content = new Uint8Array(this.sizeBytes);
    for (const { offsetBytes, bytes } of this.#parts()) content.set(bytes, offsetBytes);
    return content;
  }

  /** Writes the image to a file, which is made or replaced. What is zero takes no space there. @throws FsError */
  writeTo(path: string): void {
    try {
      const device = createFileDevice(path, this.sizeBytes);
      try {
        for (const { offsetBytes, bytes } of this.#parts()) {
          if (bytes.some((byte) => byte !== 0)) device.write(bytes, offsetBytes);
        }
      } finally {
        device.close();
      }
    } catch (error) {
      throw fsErrorOf(error, "writeTo", path);
    }
  }

  /** Does nothing: the bytes stay. */
  override close(): void {}

  *#parts(): Generator<{ readonly offsetBytes: number; readonly bytes: Uint8Array }> {
    for (const { offsetBytes, bytes } of this.writtenPages()) {
      yield { offsetBytes, bytes: bytes.subarray(0, this.sizeBytes - offsetBytes) };
    }
  }
}
