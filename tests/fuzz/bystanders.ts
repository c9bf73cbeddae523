/**
 * Files that neither the mutation nor the changes concern: they must read the same afterwards.
 *
 * Where a mutation may have broken who owns which blocks (bitmaps, maps, descriptors, the journal), the file system cannot
 * know better: such images are not looked at.
 *
 * @module
 */

import { check, type Code, type Finding } from "../../fs/check/check.ts";
import { FsError } from "../../fs/errors.ts";
import { crc32c } from "../../fs/layout/crc32c.ts";
import type { Engine } from "../../fs/ops/engine.ts";
import { openEngine } from "../../fs/ops/open_volume.ts";
import { readFile } from "../../fs/ops/read.ts";
import { readDirectory } from "../../fs/ops/read_directory.ts";
import { CONTAINED_KINDS, type Mutation } from "./mutate.ts";
import type { OverlayDevice } from "./overlay_device.ts";

const MOST_INODES = 400;
const LONGEST_BYTES = 1 << 18;
const ROOT = 2;

/** What a file was before: its generation, size and a checksum of its content. */
type Witness = string;

/** Fields of an inode that say nothing of blocks. */
const OWN_FIELD =
  /^inode \d+ ?\S*: i_(mode|uid\w*|gid\w*|size\w*|[acm]time\w*|crtime\w*|dtime|links_count|version\w*|projid|blocks_\w+): 0x/;

/** What an attribute block says of itself: neither how many share it nor where values lie outside. */
const OWN_ATTRIBUTE =
  /: (h_magic|h_blocks|h_hash|h_checksum|\[\d+\]\.e_(name\w*|value_(offs|size)|hash)): 0x/;

function isContained({ kind, description }: Mutation): boolean {
  if (CONTAINED_KINDS.includes(kind)) return true;
  if (kind === "inode") return OWN_FIELD.test(description.slice("inode ".length));
  return kind === "xattr block" && OWN_ATTRIBUTE.test(description);
}

/** Whether the mutations cannot have changed who owns a block. */
export function areContained(mutations: readonly Mutation[]): boolean {
  return mutations.every(isContained);
}

function openForReading(device: OverlayDevice): Engine {
  return openEngine(device, {
    readOnly: true,
    cacheBytes: 1 << 20,
    cachedInodes: 1000,
    clock: { seconds: 0, nanoseconds: 0, read() {} },
    report() {},
    accessTime: "noatime",
    noDirectoryAccessTime: false,
    lazyTime: false,
    sync: false,
    directorySync: false,
    discard: false,
    random: () => 0,
    noRecovery: false,
    mountPoint: "",
  });
}

/** Runs `action`; undefined for an error that damage explains. */
function unlessDamaged<Result>(action: () => Result): Result | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof FsError) return undefined;
    throw error;
  }
}

function witness(engine: Engine, ino: number): Witness | undefined {
  const inode = engine.inode(ino);
  if (!inode.isRegular || inode.size > LONGEST_BYTES) return undefined;
  const content = new Uint8Array(inode.size);
  readFile(engine, inode, 0, content);
  return `${inode.generation} ${inode.size} ${crc32c(0, content)}`;
}

/** Files that are the file system's own: changes of others change them. */
function ownFiles({ superblock }: Engine["volume"]): ReadonlySet<number> {
  const { projectQuotaInode, orphanFileInode, firstInode } = superblock;
  const reserved = Array.from({ length: firstInode }, (_, ino) => ino);
  return new Set([...reserved, projectQuotaInode, orphanFileInode]);
}

/** Inode numbers that names lead to. */
function reachable(engine: Engine): Set<number> {
  const found = new Set([ROOT]);
  for (const ino of found) {
    if (found.size > MOST_INODES) break;
    unlessDamaged(() => {
      if (!engine.inode(ino).isDirectory) return;
      readDirectory(engine, ino, 0, (_bytes, _start, _end, child) => {
        found.add(child);
        return true;
      });
    });
  }
  return found;
}

/** The files of an image as they read before it is changed. */
export class Bystanders {
  readonly #errors: readonly Finding[];
  /** Inodes that something was wrong with, and those that a wrong entry names. */
  readonly #damaged: ReadonlySet<number | undefined>;
  readonly #before = new Map<number, Witness>();
  /** Inodes that a change was asked for: they are not compared. */
  readonly touched = new Set<number>();

  constructor(readonly device: OverlayDevice, readonly mutations: readonly Mutation[]) {
    const findings = findingsOf(device);
    this.#errors = withoutOrphans(findings);
    const found = findings.flatMap(({ code, where, found }) => [
      ...where.inode === undefined ? [] : [where.inode],
      ...code === "entry_unused_inode" ? [Number(found)] : [],
    ]);
    this.#damaged = new Set([...found, ...mutations.flatMap(directoryOf)]);
    const engine = unlessDamaged(() => openForReading(device));
    if (engine === undefined) return;
    const own = ownFiles(engine.volume);
    for (const ino of reachable(engine)) {
      if (own.has(ino)) continue;
      const found = unlessDamaged(() => witness(engine, ino));
      if (found !== undefined) this.#before.set(ino, found);
    }
  }

  get size(): number {
    return this.#before.size;
  }

  /** What reads differently now, a line each. */
  differences(): string[] {
    const lines = this.#newErrors();
    if (this.#before.size === 0) return lines;
    const engine = openForReading(this.device);
    for (const [ino, before] of this.#before) {
      if (this.touched.has(ino)) continue;
      const after = readAgain(engine, ino);
      if (after !== before) lines.push(`inode ${ino} read as ${before}, now as ${after}`);
    }
    return lines;
  }

  /** Damage that was not there, but what follows from damage that was. */
  #newErrors(): string[] {
    const before = countsOf(this.#errors);
    // Quotas go by i_blocks.
    const counts = !this.mutations.some(({ description }) => description.includes("i_blocks"));
    const later = withoutOrphans(findingsOf(this.device)).filter(({ code, where }) =>
      !NAMES.has(code) && (counts || code !== "quota_usage") &&
      (where.inode === undefined || !this.#damaged.has(where.inode))
    );
    return [...countsOf(later)].flatMap(([code, count]) =>
      count > (before.get(code) ?? 0) ? [`the checker finds ${code}, which was not there`] : []
    );
  }
}

/** A directory whose index was mutated: names may be looked for in the wrong part, whoever checks finds nothing yet. */
function directoryOf({ description }: Mutation): number[] {
  const ino = /^htree \w+ directory (\d+)/.exec(description)?.[1];
  return ino === undefined ? [] : [Number(ino)];
}

/** An entry that was made to lead elsewhere gives an inode more names than it has links. */
const NAMES: ReadonlySet<Code> = new Set<Code>([
  "entry_unused_inode",
  "entry_type",
  "entry_links_directory",
]);

function countsOf(findings: readonly Finding[]): ReadonlyMap<Code, number> {
  const counts = new Map<Code, number>();
  for (const { code } of findings) counts.set(code, (counts.get(code) ?? 0) + 1);
  return counts;
}

function findingsOf(device: OverlayDevice): readonly Finding[] {
  return check(device, { now: 1_700_000_200 }).findings;
}

/** Errors but those of orphans: a damaged file whose deletion cannot be finished stays one. */
function withoutOrphans(findings: readonly Finding[]): Finding[] {
  const orphans = new Set(
    findings.flatMap(({ code, where }) => code === "orphan_inode" ? [where.inode] : []),
  );
  return findings.filter(({ where, severity }) =>
    severity === "error" && !(where.inode !== undefined && orphans.has(where.inode))
  );
}

function readAgain(engine: Engine, ino: number): string {
  try {
    return witness(engine, ino) ?? "no file";
  } catch (error) {
    if (error instanceof FsError) return error.message;
    throw error;
  }
}
