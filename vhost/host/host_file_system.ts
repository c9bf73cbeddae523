/**
 * A directory of the host behind the file-system port: attributes and the rest.
 *
 * @module
 */

import { CAPABILITY } from "../../ffi/fuse/abi.ts";
import {
  type Attributes,
  type Caller,
  type Connection,
  type FileSystem,
  SET_ATIME,
  SET_ATIME_NOW,
  SET_GID,
  SET_KILL_SUIDGID,
  SET_MODE,
  SET_MTIME,
  SET_MTIME_NOW,
  SET_SIZE,
  SET_UID,
  type SetAttributes,
  type Statfs,
} from "../../ffi/fuse/port.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_RDWR,
  S_IFLNK,
} from "../../ffi/libc/constants.ts";
import { ERRNO } from "../../ffi/libc/errno.ts";
import { errno, libc } from "../../ffi/libc/library.ts";
import { EPERM, EROFS, ESTALE } from "./host_base.ts";
import { FORBIDDEN } from "./id_map.ts";
import { HostAttributes } from "./host_attributes.ts";
import type { HostNode } from "./nodes.ts";

const ENOSYS = -ERRNO.ENOSYS;
const EOPNOTSUPP = -ERRNO.EOPNOTSUPP;
const UNCHANGED = 0xffff_ffff;
const UTIME_NOW = 0x3fff_ffffn;
const UTIME_OMIT = 0x3fff_fffen;
const LARGEST_SIZE = 2 ** 63;
const EMPTY = new Uint8Array(8);
const STATFS_BYTES = 120;

/** See the module. */
export class HostFileSystem extends HostAttributes implements FileSystem {
  readonly #statfs = new DataView(new ArrayBuffer(STATFS_BYTES));

  init(connection: Connection): void {
    this.announces = this.options.submounts && connection.has(CAPABILITY.SUBMOUNTS);
    this.mapsSome = connection.has(CAPABILITY.HAS_INODE_DAX);
  }

  setattr(_caller: Caller, node: number, set: SetAttributes, attributes: Attributes): number {
    if (this.options.readOnly) return EROFS;
    const file = this.nodes.get(node);
    if (file === undefined) return ESTALE;
    const result = this.#setMode(file, set) || this.#setOwner(file, set) ||
      this.#setSize(file, set) || this.#setTimes(file, set);
    return result < 0 ? result : this.fillFrom(file, attributes);
  }

  #setMode(file: HostNode, { valid, mode }: SetAttributes): number {
    if ((valid & SET_MODE) === 0) return 0;
    if (file.type === S_IFLNK) return EOPNOTSUPP;
    return libc().fchmodat(AT_FDCWD, file.name, mode & 0o7777, 0) < 0 ? -errno() : 0;
  }

  #setOwner(file: HostNode, { valid, uid, gid }: SetAttributes): number {
    if ((valid & (SET_UID | SET_GID)) === 0) {
      if ((valid & SET_KILL_SUIDGID) !== 0 && (valid & SET_SIZE) === 0) this.#killSetId(file);
      return 0;
    }
    const owner = (valid & SET_UID) !== 0 ? this.uids.toHost(uid) : UNCHANGED;
    const group = (valid & SET_GID) !== 0 ? this.gids.toHost(gid) : UNCHANGED;
    if (owner === FORBIDDEN || group === FORBIDDEN) return EPERM;
    const flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
    return libc().fchownat(file.descriptor, EMPTY, owner, group, flags) < 0 ? -errno() : 0;
  }

  #killSetId(file: HostNode): void {
    if (this.status.load(file.descriptor) === 0) this.dropSetIdBits(file.name, this.status.mode);
  }

  #setSize(file: HostNode, { valid, size, handle }: SetAttributes): number {
    if ((valid & SET_SIZE) === 0) return 0;
    if (size >= LARGEST_SIZE) return -ERRNO.EFBIG;
    const open = this.files.get(handle, file.id);
    const descriptor = open?.descriptor ?? this.reopen(file, O_RDWR);
    if (descriptor < 0) return descriptor;
    const result = libc().ftruncate(descriptor, BigInt(size)) < 0 ? -errno() : 0;
    if (open === undefined) libc().close(descriptor);
    if (result === 0 && (valid & SET_KILL_SUIDGID) !== 0) this.#killSetId(file);
    return result;
  }

  #setTimes(file: HostNode, set: SetAttributes): number {
    const { valid } = set;
    if ((valid & (SET_ATIME | SET_MTIME | SET_ATIME_NOW | SET_MTIME_NOW)) === 0) return 0;
    const times = new BigInt64Array(4);
    times[1] = times[3] = UTIME_OMIT;
    if ((valid & SET_ATIME_NOW) !== 0) times[1] = UTIME_NOW;
    else if ((valid & SET_ATIME) !== 0) {
      times[0] = BigInt(set.atime);
      times[1] = BigInt(set.atimeNsec);
    }
    if ((valid & SET_MTIME_NOW) !== 0) times[3] = UTIME_NOW;
    else if ((valid & SET_MTIME) !== 0) {
      times[2] = BigInt(set.mtime);
      times[3] = BigInt(set.mtimeNsec);
    }
    return libc().utimensat(AT_FDCWD, file.name, times, 0) < 0 ? -errno() : 0;
  }

  /** `struct statfs` of 64-bit Linux: bsize 8, blocks 16 … ffree 48, namelen 64, frsize 72. */
  statfs(_caller: Caller, node: number, statfs: Statfs): number {
    const file = this.nodes.get(node);
    if (file === undefined) return ESTALE;
    const view = this.#statfs;
    if (libc().fstatfs(file.descriptor, new Uint8Array(view.buffer)) < 0) return -errno();
    const field = (at: number) => Number(view.getBigUint64(at, true));
    statfs.blockBytes = field(8);
    statfs.blocks = field(16);
    statfs.blocksFree = field(24);
    statfs.blocksAvailable = field(32);
    statfs.files = field(40);
    statfs.filesFree = field(48);
    statfs.nameMax = field(64);
    statfs.fragmentBytes = field(72);
    return 0;
  }

  /** Guests check permissions themselves. */
  access(): number {
    return ENOSYS;
  }

  ioctl(): number {
    return -ERRNO.ENOTTY;
  }
}
