/**
 * What all operations on a shared directory stand on: nodes, open files, looking names up.
 *
 * No path is ever resolved: a name is opened in an open directory with O_NOFOLLOW, and names never hold
 * a slash, nor are they `.` or `..`. Files are opened and changed through /proc/self/fd, the current
 * directory of the process, so links of the guest's are never followed here.
 *
 * @module
 */

import {
  ATTRIBUTE_DAX,
  ATTRIBUTE_SUBMOUNT,
  type Attributes,
  type Caller,
  type Entry,
} from "../../ffi/fuse/port.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_PATH,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "../../ffi/libc/constants.ts";
import { ERRNO } from "../../ffi/libc/errno.ts";
import { close } from "../../ffi/libc/file.ts";
import { errno, libc } from "../../ffi/libc/library.ts";
import type { Credentials } from "./credentials.ts";
import { FileHandles } from "./file_handles.ts";
import { type HostOptions, validMs } from "./host_options.ts";
import { FORBIDDEN, IdMap } from "./id_map.ts";
import { NameBuffer } from "./names.ts";
import { type HandleUse, type HostNode, HostNodes } from "./nodes.ts";
import { OpenFiles } from "./open_files.ts";
import { StatusRecord } from "./status_record.ts";

export const EBADF = -ERRNO.EBADF;
export const EROFS = -ERRNO.EROFS;
export const EPERM = -ERRNO.EPERM;
const EACCES = -ERRNO.EACCES;
const EOPNOTSUPP = -ERRNO.EOPNOTSUPP;
/**
 * What Linux maps at once. QEMU maps nothing beyond the end of a file, so others are left to READ and WRITE
 * where the guest leaves the choice (`dax=inode`).
 */
const DAX_BYTES = 2 << 20;
/** More nodes than a process ever numbers; 2^20 times as many are whole numbers still. */
const NUMBERS_A_PROCESS = 2 ** 32;
/** Descriptors of nodes with file handles that stay open: what a guest works with at a time. */
const MOST_OPEN = 1024;
/** A node id that no guest was given, or that it forgot. */
export const ESTALE = -ERRNO.ESTALE;

function handleUse({ fileHandles, openNodes }: HostOptions): HandleUse | undefined {
  if (fileHandles === "never") return undefined;
  const only = fileHandles === "mandatory";
  return { handles: new FileHandles(), only, mostOpen: openNodes ?? MOST_OPEN };
}

/** One shared directory as one front-end sees it. */
export class HostBase {
  protected readonly nodes: HostNodes;
  protected readonly files = new OpenFiles();
  protected readonly status = new StatusRecord();
  protected readonly name = new NameBuffer(4096);
  protected readonly otherName = new NameBuffer(4096);
  protected readonly validMs: number;
  /** Whether the guest knows of submounts. */
  protected announces = false;
  /** Whether the guest asks for each file whether to map it. */
  protected mapsSome = false;
  protected readonly uids: IdMap;
  protected readonly gids: IdMap;

  /**
   * @param root an O_PATH descriptor of the shared directory, which stays open as long as this is used.
   */
  constructor(
    root: number,
    protected readonly options: HostOptions,
    protected readonly credentials: Credentials,
    protected readonly log: (text: string) => void,
  ) {
    this.validMs = validMs(options.cache);
    this.uids = new IdMap(options.uidRules);
    this.gids = new IdMap(options.gidRules);
    this.nodes = new HostNodes(handleUse(options));
    if (this.status.load(root) < 0) throw new Error("the shared directory is gone");
    this.nodes.adopt(root, this.status);
  }

  /** Fills in an entry for an O_PATH descriptor, which becomes a node's. @returns 0 or a negated errno */
  protected enter(descriptor: number, parent: HostNode, entry: Entry): number {
    const result = this.status.load(descriptor);
    if (result < 0) {
      close(descriptor);
      return result;
    }
    const node = this.nodes.adopt(descriptor, this.status);
    if (node === undefined) return EOPNOTSUPP;
    entry.node = node.id;
    entry.generation = 0;
    entry.entryValidMs = this.validMs;
    entry.attributesValidMs = this.validMs;
    const crossed = node.type === S_IFDIR && node.mountId !== parent.mountId;
    this.#show(entry.attributes, crossed && this.announces ? ATTRIBUTE_SUBMOUNT : 0);
    return 0;
  }

  #show(attributes: Attributes, flags: number): void {
    const { size, mode } = this.status;
    const maps = this.mapsSome && (mode & S_IFMT) === S_IFREG && size > 0 && size % DAX_BYTES === 0;
    this.status.fill(attributes, maps ? flags | ATTRIBUTE_DAX : flags);
    attributes.uid = this.uids.toGuest(attributes.uid);
    attributes.gid = this.gids.toGuest(attributes.gid);
  }

  /** Makes something as the caller's, whose ids are the guest's. @returns what `make` returns, or EPERM */
  protected asCaller({ uid, gid }: Caller, umask: number, make: () => number): number {
    const hostUid = this.uids.toHost(uid);
    const hostGid = this.gids.toHost(gid);
    if (hostUid === FORBIDDEN || hostGid === FORBIDDEN) return EPERM;
    return this.credentials.as(hostUid, hostGid, umask, make);
  }

  /** Finds a NUL-ended name in a directory. @returns 0 or a negated errno */
  protected find(parent: HostNode, name: Uint8Array<ArrayBuffer>, entry: Entry): number {
    const descriptor = libc().openat(
      parent.descriptor,
      name,
      O_PATH | O_NOFOLLOW | O_CLOEXEC,
      0,
    );
    return descriptor < 0 ? -errno() : this.enter(descriptor, parent, entry);
  }

  protected fillFrom(node: HostNode, attributes: Attributes): number {
    const result = this.status.load(node.descriptor);
    if (result === 0) this.#show(attributes, 0);
    return result;
  }

  /**
   * Opens a node's file anew. Only regular files and directories: a device or a pipe of the host's is
   * not for guests. @returns the descriptor or a negated errno
   */
  protected reopen(node: HostNode, flags: number): number {
    if (node.type !== S_IFREG && node.type !== S_IFDIR) return EACCES;
    const descriptor = libc().openat(AT_FDCWD, node.name, flags | O_CLOEXEC, 0);
    return descriptor < 0 ? -errno() : descriptor;
  }

  /** Numbers of nodes and handles that guests have of processes before this one are not given again. */
  numberFrom(times: number): void {
    this.nodes.numberFrom(times * NUMBERS_A_PROCESS);
    this.files.numberFrom(times * NUMBERS_A_PROCESS);
  }

  forget(node: number, lookups: number): void {
    this.nodes.forget(node, lookups);
  }

  /** Everything that the session's guest held is let go. */
  destroy(): void {
    this.files.close();
    this.nodes.forgetAll();
  }

  errnoOf(error: unknown, operation: string): number {
    this.log(`${operation}: ${error instanceof Error ? error.message : String(error)}`);
    return -ERRNO.EIO;
  }

  idle(): number {
    return Number.POSITIVE_INFINITY;
  }
}
