/**
 * What the tests of allocation and mapping share: volumes over images in memory made by mke2fs, with empty files made
 * by debugfs, and e2fsck's verdict on them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { MemoryDevice } from "../device/memory.ts";
import { runTool } from "../layout/testing.ts";
import type { Inode } from "../volume/inode.ts";
import { Volume } from "../volume/volume.ts";
import { Allocator } from "./allocator.ts";

/** How to make an image. */
export interface TestImage {
  /** Options for mke2fs, after `-t ext4`. */
  readonly options: readonly string[];
  readonly sizeBytes: number;
  /** Empty files to make in the root directory: f0, f1, … */
  readonly files: number;
}

const PIECE_BYTES = 1 << 20;

/** A volume over an image in memory. */
export class TestVolume {
  volume: Volume;
  alloc: Allocator;
  readonly reports: string[] = [];

  constructor(readonly device: MemoryDevice, readonly folder: string) {
    [this.volume, this.alloc] = this.#open();
  }

  /** Makes an image in `folder` and opens it. */
  static make(folder: string, image: TestImage): TestVolume {
    const path = `${folder}/image`;
    Deno.writeFileSync(path, new Uint8Array(0));
    Deno.truncateSync(path, image.sizeBytes);
    runTool("mke2fs", ["-q", "-F", "-text4", ...image.options, path]);
    if (image.files > 0) {
      const commands = Array.from({ length: image.files }, (_, i) => `write /dev/null f${i}\n`);
      Deno.writeTextFileSync(`${folder}/commands`, commands.join(""));
      runTool("debugfs", ["-w", "-f", `${folder}/commands`, path]);
    }
    return new TestVolume(load(path), folder);
  }

  /** Opens the image anew, with nothing in memory; what is not committed is lost. */
  reopen(): void {
    [this.volume, this.alloc] = this.#open();
  }

  /** The inode of file f`number`. */
  file(number: number): Inode {
    return this.volume.inodes.get(this.volume.superblock.firstInode + 1 + number);
  }

  /** Runs `operation` under a handle, and `body`'s answer is the result. */
  run<Result>(body: (handle: ReturnType<Volume["begin"]>) => Result): Result {
    const handle = this.volume.begin(64);
    try {
      return body(handle);
    } finally {
      handle.end();
    }
  }

  /**
   * Commits, stores the image as a file and lets e2fsck judge it; complaints throw.
   * @param advice accept that it would make an extent tree narrower.
   */
  check(advice = false): void {
    this.volume.commit(true);
    const path = this.save();
    const text = new TextDecoder().decode(runTool("e2fsck", ["-fn", path]));
    if (!advice && text.includes("Optimize?")) throw new Error(`e2fsck has advice:\n${text}`);
  }

  /** Stores the image as a file. @returns its path */
  save(): string {
    const path = `${this.folder}/image`;
    const file = Deno.openSync(path, { write: true, create: true, truncate: true });
    file.truncateSync(this.device.sizeBytes);
    const piece = new Uint8Array(PIECE_BYTES);
    for (let offset = 0; offset < this.device.sizeBytes; offset += PIECE_BYTES) {
      const bytes = piece.subarray(0, Math.min(PIECE_BYTES, this.device.sizeBytes - offset));
      this.device.read(bytes, offset);
      if (isZero(bytes)) continue;
      file.seekSync(offset, Deno.SeekMode.Start);
      file.writeSync(bytes);
    }
    file.close();
    return path;
  }

  /** What debugfs says to a request. */
  debugfs(request: string): string {
    return new TextDecoder().decode(runTool("debugfs", ["-R", request, this.save()]));
  }

  /** What dumpe2fs says. */
  dumpe2fs(): string {
    return new TextDecoder().decode(runTool("dumpe2fs", [this.save()]));
  }

  #open(): [Volume, Allocator] {
    const clock = {
      seconds: 1_700_000_000,
      nanoseconds: 0,
      read(): void {
        this.seconds++;
      },
    };
    const volume = new Volume(this.device, {
      readOnly: false,
      cacheBytes: 4 << 20,
      cachedInodes: 1000,
      clock,
      report: (message) => this.reports.push(message),
    });
    const alloc = new Allocator(volume);
    volume.start();
    return [volume, alloc];
  }
}

const zeros = new Uint8Array(PIECE_BYTES);

function isZero(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes, zeros.subarray(0, bytes.length)) === 0;
}

/** Reads an image into memory, sparsely. */
function load(path: string): MemoryDevice {
  const size = Deno.statSync(path).size;
  const device = new MemoryDevice(size);
  const file = Deno.openSync(path);
  const piece = new Uint8Array(65536);
  for (let offset = 0; offset < size;) {
    const length = file.readSync(piece) ?? 0;
    if (length === 0) break;
    const bytes = piece.subarray(0, length);
    if (!isZero(bytes)) device.write(bytes, offset);
    offset += length;
  }
  file.close();
  return device;
}
