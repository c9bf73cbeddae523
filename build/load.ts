/** From sources to one tree. @module */

import { BuildError } from "./build_error.ts";
import { applyExtraTable } from "./extra_table.ts";
import { type FilterOptions, filterTree } from "./filter.ts";
import { addDirectory, excludedFile } from "./host_tree.ts";
import { changeOwners, type OwnerOptions } from "./owners.ts";
import { clampTimes } from "./reproducible.ts";
import { addTarFile, addTarStream, type ByteStream, type OpenArchive } from "./tar_input.ts";
import { show, Tree } from "./tree.ts";
import { TarError } from "../tar/error.ts";

/** A directory or archive by its path, or an archive as a stream of bytes. */
export type ImageSource = string | ByteStream;

/** A table of extra files (see extra_table.ts). */
export interface ExtraTable {
  /** For errors. */
  readonly name: string;
  readonly text: string;
}

/** What goes into an image. */
export interface LoadOptions extends FilterOptions, OwnerOptions {
  /** Laid over each other in this order. */
  readonly from: readonly ImageSource[];
  readonly extra?: readonly ExtraTable[];
  /** Take archives with absolute names, several members of one name, or without an end mark. */
  readonly lenient?: boolean;
  /** Seconds since 1970 of directories and files that no source tells the time of. */
  readonly nowSeconds: number;
  /** The latest time of all: makes times depend on the sources alone. */
  readonly epochSeconds?: number;
  /** Files that are left out of directories: the image itself. */
  readonly leaveOut?: readonly string[];
  /** Contents of streams wait beside the image, where as much room is needed soon. */
  readonly imagePath: string | undefined;
  readonly warn?: (message: string) => void;
}

/** A tree and the archives that hold its contents. */
export interface LoadedTree extends Disposable {
  readonly tree: Tree;
}

/** Reads all sources. @throws BuildError, SystemError: one line naming the source */
export async function loadTree(options: LoadOptions): Promise<LoadedTree> {
  const tree = new Tree({ seconds: options.nowSeconds, nanoseconds: 0 });
  const archives: OpenArchive[] = [];
  const close = (): void => archives.splice(0).forEach((archive) => archive.close());
  try {
    for (const [index, source] of options.from.entries()) {
      const name = typeof source === "string" ? source : "-";
      try {
        const archive = await addSource(tree, source, index, options);
        if (archive !== undefined) archives.push(archive);
      } catch (error) {
        throw named(error, name);
      }
    }
    filterTree(tree, options);
    changeOwners(tree, options);
    if (options.epochSeconds !== undefined) clampTimes(tree, options.epochSeconds);
    for (const [index, { name, text }] of (options.extra ?? []).entries()) {
      applyExtraTable(tree, text, name, options.from.length + index);
    }
    return { tree, [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}

function named(error: unknown, name: string): unknown {
  if (!(error instanceof BuildError) && !(error instanceof TarError)) return error;
  return new BuildError(`${name}: ${error.message}`);
}

async function addSource(
  tree: Tree,
  source: ImageSource,
  index: number,
  options: LoadOptions,
): Promise<OpenArchive | undefined> {
  const name = typeof source === "string" ? source : "-";
  const tarOptions = {
    lenient: options.lenient ?? false,
    spoolFolder: spoolFolder(options.imagePath),
    warn: (message: string): void => options.warn?.(`${name}: ${message}`),
  };
  if (typeof source !== "string") return await addTarStream(tree, source, index, tarOptions);
  const info = infoOf(source);
  if (!info.isDirectory) return await addTarFile(tree, source, index, tarOptions);
  const excluded = (options.leaveOut ?? []).map(excludedFile).filter((file) => file !== undefined);
  addDirectory(tree, source, index, excluded, options.epochSeconds !== undefined);
  return undefined;
}

function infoOf(path: string): Deno.FileInfo {
  try {
    return Deno.statSync(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "it does not exist"
      : "it cannot be read";
    throw new BuildError(`${show(new TextEncoder().encode(path))}: ${reason}`);
  }
}

/** For devices and images in memory: where temporary files are kept. */
function spoolFolder(imagePath: string | undefined): string {
  const folder = imagePath?.includes("/") === true
    ? imagePath.replace(/\/[^/]*$/, "") || "/"
    : imagePath === undefined
    ? "/dev"
    : ".";
  const isDevice = folder.startsWith("/dev") && !folder.startsWith("/dev/shm");
  return isDevice ? Deno.env.get("TMPDIR") ?? "/tmp" : folder;
}
