/**
 * Making an image with files in it: from directories, tar archives and tables, reproducibly, of the
 * right size, verified.
 *
 * @module
 */

import { ImageContent } from "../build/content.ts";
import { formatFilled } from "../build/fill.ts";
import type { FilterOptions } from "../build/filter.ts";
import { gptAround, type GptLayout, gptLayout, gptParts } from "../build/gpt.ts";
import { type ExtraTable, type ImageSource, loadTree } from "../build/load.ts";
import type { Manifest } from "../build/manifest.ts";
import type { OwnerOptions } from "../build/owners.ts";
import { DEFAULT_EPOCH, type Identifiers, makeReproducible } from "../build/reproducible.ts";
import type { Headroom } from "../build/size.ts";
import { SparseDevice } from "../build/sparse_device.ts";
import type { BlockDevice } from "../fs/device/device.ts";
import { uuidText } from "../fs/bytes/uuid.ts";
import { EINVAL, EIO } from "../fs/errno.ts";
import type { FormatResult } from "../fs/mkfs/format.ts";
import type { FormatOptions as MakeOptions } from "../fs/mkfs/options.ts";
import type { PopulateResult } from "../fs/mkfs/populate.ts";
import type { FormatOptions } from "./format.ts";
import { FsError, fsErrorOf } from "./fs_error.ts";
import { claim, createFile, type ImageTarget, nameOf, openFile, release } from "./target.ts";

/** What an image is made from, and how. */
export interface PopulateOptions
  extends Omit<FormatOptions, "size" | "fill">, FilterOptions, OwnerOptions {
  /** Directories and tar archives (plain, gzip, zstd) by their paths, or archives as streams; laid over each other. */
  readonly from?: readonly ImageSource[];
  /** Tables of extra files, modes and devices (docs/mkfs.md), or the text of one. */
  readonly extra?: readonly ExtraTable[] | string;
  /** Bytes of the image (with `gpt`: of the disk), or what it needs. Default: a file that is there keeps its size, else "auto". */
  readonly size?: number | "auto";
  /** Free space left by "auto". Default 10 percent of what the content takes. */
  readonly headroom?: Headroom;
  /** The smallest image that holds everything; excludes `size`. */
  readonly minimize?: boolean;
  /** Take archives with absolute names, several members of one name, or without an end mark. */
  readonly lenient?: boolean;
  /** The same sources give the same bytes. A number: the latest time of anything, in seconds since 1970. */
  readonly reproducible?: boolean | number;
  /** Default true. */
  readonly copyXattrs?: boolean;
  /** Leave holes in the image file where files hold zeros. */
  readonly sparse?: boolean;
  /** A partition table around the file system; for files, and not with `offset`. */
  readonly gpt?: boolean;
  /** Tell what went in. */
  readonly manifest?: boolean;
  /** Read the image back and compare it: differences throw EIO. */
  readonly verify?: boolean;
  /** Told of what could not be taken as it was, one line each. */
  readonly warn?: (message: string) => void;
}

/** What was made. */
export interface PopulateReport {
  /** Bytes of the file system, and where it begins in the file. */
  readonly size: number;
  readonly offset: number;
  /** With `gpt`. */
  readonly disk: GptLayout | undefined;
  readonly uuid: string;
  readonly copied: PopulateResult;
  /** With `manifest`. */
  readonly manifest: Manifest | undefined;
}

/**
 * Makes an ext4 file system with files in it. Sources are read before the target is touched; a file
 * that was made is removed when something fails.
 * @param target path of an image file or block device, or a device such as a `MemoryImage`.
 * @throws FsError: EINVAL for options and sources that cannot be, ENOSPC when it does not fit, EIO when verifying fails.
 */
export async function populate(
  target: ImageTarget,
  options: PopulateOptions = {},
): Promise<PopulateReport> {
  try {
    return await new Populate(target, options).run();
  } catch (error) {
    throw fsErrorOf(error, "populate", nameOf(target));
  }
}

/** Where the file system goes. */
interface Place {
  /** Undefined keeps the target's own. */
  readonly sizeBytes: number | undefined;
  readonly offsetBytes: number;
  readonly disk: GptLayout | undefined;
  /** The file's size in the end. */
  readonly fileBytes: number | undefined;
  readonly format: MakeOptions;
}

class Populate {
  readonly #epoch: number | undefined;
  readonly #format: MakeOptions;

  constructor(readonly target: ImageTarget, readonly options: PopulateOptions) {
    const { reproducible = false } = options;
    if (reproducible !== false) {
      this.#epoch = reproducible === true ? DEFAULT_EPOCH : reproducible;
    }
    this.#format = formatOptionsOf(options);
    const faults: readonly (readonly [boolean, string])[] = [
      [options.minimize === true && options.size !== undefined, "minimize computes the size"],
      [options.gpt === true && options.offset !== undefined, "gpt chooses the offset"],
      [options.gpt === true && typeof target !== "string", "gpt is for files"],
      [typeof target !== "string" && this.#computes(), "the size of a device is what it is"],
    ];
    const fault = faults.find(([applies]) => applies);
    if (fault !== undefined) throw this.#refusal(EINVAL, fault[1]);
  }

  #refusal(errno: number, text: string): FsError {
    return new FsError(errno, "populate", nameOf(this.target), { text });
  }

  /** Whether the size follows from the content. */
  #computes(): boolean {
    const { size, minimize } = this.options;
    if (minimize === true || size === "auto") return true;
    return size === undefined && typeof this.target === "string" && isAbsent(this.target);
  }

  async run(): Promise<PopulateReport> {
    const { options } = this;
    const now = this.#epoch ?? Math.floor(options.clock?.() ?? Date.now() / 1000);
    const warn = options.warn ?? (() => undefined);
    const path = typeof this.target === "string" ? this.target : undefined;
    const { extra = [] } = options;
    const loaded = await loadTree({
      ...options,
      from: options.from ?? [],
      extra: typeof extra === "string" ? [{ name: "extra", text: extra }] : extra,
      nowSeconds: now,
      ...(this.#epoch === undefined ? {} : { epochSeconds: this.#epoch }),
      leaveOut: path === undefined ? [] : [path],
      imagePath: path,
      warn,
    });
    const { copyXattrs = true, progress } = options;
    const digests = options.manifest === true || options.verify === true;
    const how = { copyXattrs, digests, warn, ...(progress === undefined ? {} : { progress }) };
    using content = new ImageContent(loaded, how, this.#format);
    return await this.#make(content, this.#place(content));
  }

  #place(content: ImageContent): Place {
    const { size, offset = 0, gpt = false, minimize = false, headroom } = this.options;
    const format = this.#format;
    if (!this.#computes()) {
      const fixed = typeof size === "number" ? size : undefined;
      if (!gpt) {
        return {
          sizeBytes: fixed,
          offsetBytes: offset,
          disk: undefined,
          fileBytes: undefined,
          format,
        };
      }
      const diskBytes = fixed ?? fileBytesOf(this.target);
      const disk = gptLayout(diskBytes);
      const { partitionBytes, partitionOffset } = disk;
      return {
        sizeBytes: partitionBytes,
        offsetBytes: partitionOffset,
        disk,
        fileBytes: diskBytes,
        format,
      };
    }
    const { sizeBytes, usage, inodes } = content.sized(format, minimize, headroom);
    const sized = {
      ...format,
      ...(usage === undefined ? {} : { usage }),
      ...(inodes === undefined ? {} : { inodes }),
    };
    if (!gpt) {
      return {
        sizeBytes,
        offsetBytes: offset,
        disk: undefined,
        fileBytes: offset + sizeBytes,
        format: sized,
      };
    }
    const disk = gptAround(sizeBytes);
    return {
      sizeBytes: minimize ? sizeBytes : disk.partitionBytes,
      offsetBytes: disk.partitionOffset,
      disk,
      fileBytes: disk.diskBytes,
      format: sized,
    };
  }

  async #make(content: ImageContent, place: Place): Promise<PopulateReport> {
    const { target } = this;
    const made = typeof target === "string" && isAbsent(target) ? target : undefined;
    const device = this.#open(place);
    let complete = false;
    try {
      const report = await this.#fill(content, place, device);
      complete = true;
      return report;
    } finally {
      if (typeof target === "string") device.close();
      else release(target);
      if (!complete && made !== undefined) Deno.removeSync(made);
    }
  }

  #open({ sizeBytes, offsetBytes }: Place): BlockDevice {
    const { target } = this;
    if (typeof target !== "string") {
      claim(target, "populate");
      return target;
    }
    if (sizeBytes !== undefined) return createFile(target, sizeBytes, offsetBytes);
    return openFile(target, false, { offset: offsetBytes });
  }

  async #fill(
    content: ImageContent,
    place: Place,
    device: BlockDevice,
  ): Promise<PopulateReport> {
    const { options } = this;
    const isBlock = "onBlockDevice" in device && device.onBlockDevice === true;
    const sizeBytes = place.sizeBytes ?? device.sizeBytes;
    const base = { ...place.format, sizeBytes };
    const { options: fixed, identifiers } = this.#epoch === undefined
      ? { options: base, identifiers: undefined }
      : makeReproducible(base, content.tree, this.#epoch);
    const storage = isBlock ? "device" : "sparse";
    const onto = options.sparse === true && !isBlock ? new SparseDevice(device) : device;
    const [result, copied] = await formatFilled(
      onto,
      { ...fixed, storage },
      (sink) => content.run(sink),
    );
    device.flush();
    if (options.verify === true) this.#verify(content, device);
    this.#finishDisk(place, identifiers);
    return reportOf(
      result,
      place,
      copied,
      options.manifest === true ? content.manifest() : undefined,
    );
  }

  #verify(content: ImageContent, device: BlockDevice): void {
    const [first, ...more] = content.differences(device);
    if (first === undefined) return;
    throw this.#refusal(
      EIO,
      `the image differs from its sources: ${first} (and ${more.length} more)`,
    );
  }

  #finishDisk({ disk, fileBytes }: Place, identifiers: Identifiers | undefined): void {
    const { target, options } = this;
    if (typeof target !== "string") return;
    if (fileBytes !== undefined) Deno.truncateSync(target, fileBytes);
    if (disk === undefined) return;
    const random = (): Uint8Array => crypto.getRandomValues(new Uint8Array(16));
    using file = Deno.openSync(target, { write: true });
    const parts = gptParts(disk, {
      diskId: identifiers?.of("disk") ?? random(),
      partitionId: identifiers?.of("partition") ?? random(),
      partitionName: options.label ?? "Linux filesystem",
    });
    for (const { offset, bytes } of parts) {
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    }
    file.syncDataSync();
  }
}

function reportOf(
  { superblock }: FormatResult,
  place: Place,
  copied: PopulateResult | undefined,
  manifest: Manifest | undefined,
): PopulateReport {
  return {
    size: superblock.blocksCount * superblock.blockBytes,
    offset: place.offsetBytes,
    disk: place.disk,
    uuid: uuidText(superblock.uuid),
    copied: copied ??
      { files: 0, directories: 0, symlinks: 0, specials: 0, hardLinks: 0, bytes: 0 },
    manifest,
  };
}

/** What is of this function alone. */
const OWN_OPTIONS: ReadonlySet<string> = new Set([
  "from",
  "extra",
  "size",
  "headroom",
  "minimize",
  "lenient",
  "reproducible",
  "copyXattrs",
  "sparse",
  "gpt",
  "manifest",
  "verify",
  "warn",
  "offset",
  "exclude",
  "include",
  "owner",
  "mapUsers",
  "mapGroups",
]);

function formatOptionsOf(options: PopulateOptions): MakeOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !OWN_OPTIONS.has(name)));
}

/** There is no file, or an empty one. */
function isAbsent(path: string): boolean {
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size === 0;
  } catch {
    return true;
  }
}

function fileBytesOf(target: ImageTarget): number {
  if (typeof target !== "string") return target.sizeBytes;
  const device = openFile(target, true, {});
  const { sizeBytes } = device;
  device.close();
  return sizeBytes;
}
