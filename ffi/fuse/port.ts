/**
 * The file-system port: what a file system gives so that the FUSE server can serve it over
 * `/dev/fuse` or over virtqueues.
 *
 * Rules that hold for every method:
 *
 * - It is synchronous. The answer is a number: 0 or more is success (a byte count or an offset where
 *   the method says so), less than 0 is the negated Linux errno (`-2` is ENOENT).
 * - Expected answers (ENOENT, EEXIST, …) are returned. A thrown error means an unexpected failure;
 *   the server asks `errnoOf` for its number and answers that.
 * - Byte arrays that are handed in (names, data) are views over the request buffer: they are valid
 *   until the method returns and must be copied to be kept.
 * - Records that are handed in to be filled (`Entry`, `Attributes`, `Opened`, `Statfs`) are reused
 *   by the server for the next request.
 * - Node numbers are the FUSE node ids: `ROOT_NODE` is the root. A node that was answered in an
 *   `Entry` stays valid until `forget` took back as many lookups as were given.
 * - A method may return `DEFERRED`; it then answers later through `Server.complete(unique, result)`
 *   with the `unique` of its `Caller`. Only methods marked "may be deferred" may do so.
 *
 * @module
 */

/** The node id of the root directory (FUSE_ROOT_ID). */
export const ROOT_NODE = 1;

/** Returned by a method that answers later. Never an errno. */
export const DEFERRED = -0x40000000;

/** Who asks. The server reuses one record for all requests. */
export interface Caller {
  /** The request's number, for deferred answers. */
  unique: number;
  uid: number;
  gid: number;
  /** Process id of the caller; 0 when it has none in the server's namespace. */
  pid: number;
}

/** The attributes of a node, filled in by the file system. Times are seconds since 1970 (negative allowed) and nanoseconds. */
export interface Attributes {
  /** Inode number shown to programs. */
  ino: number;
  /** Size in bytes. */
  size: number;
  /** Allocated units of 512 bytes. */
  blocks: number;
  atime: number;
  atimeNsec: number;
  mtime: number;
  mtimeNsec: number;
  ctime: number;
  ctimeNsec: number;
  /** Birth time, for statx. */
  btime: number;
  btimeNsec: number;
  /** Type and permission bits (S_IFMT | 07777). */
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  /** Device number of a device node, encoded as the kernel's new_encode_dev (32 bits). */
  rdev: number;
  /** Preferred I/O size in bytes. */
  blksize: number;
  /** statx attribute bits (STATX_ATTR_COMPRESSED, IMMUTABLE, APPEND, NODUMP, ENCRYPTED, VERITY) that are set. */
  statxAttributes: number;
  /** FUSE_ATTR_* flags: `ATTRIBUTE_SUBMOUNT`, where SUBMOUNTS was agreed on; else 0. */
  flags: number;
}

/** The directory is the root of another file system on the host (FUSE_ATTR_SUBMOUNT). */
export const ATTRIBUTE_SUBMOUNT = 1;
/** The file may be mapped into the guest's memory, where HAS_INODE_DAX was agreed on. */
export const ATTRIBUTE_DAX = 2;

/** The answer to every method that finds or makes a name. `node` 0 means a negative entry that may be cached. */
export interface Entry {
  node: number;
  generation: number;
  /** How long the kernel may keep the name, in milliseconds. */
  entryValidMs: number;
  /** How long the kernel may keep the attributes, in milliseconds. */
  attributesValidMs: number;
  attributes: Attributes;
}

/** The answer to `open`, `opendir` and `create`. */
export interface Opened {
  /** A number chosen by the file system, given back with each use of the open file. */
  handle: number;
  /** FOPEN_* flags (see `abi.ts`). */
  flags: number;
}

/** Which attributes `setattr` changes: the bits of `SetAttributes.valid`, numbered as FATTR_*. */
export const SET_MODE = 1 << 0;
export const SET_UID = 1 << 1;
export const SET_GID = 1 << 2;
export const SET_SIZE = 1 << 3;
export const SET_ATIME = 1 << 4;
export const SET_MTIME = 1 << 5;
export const SET_ATIME_NOW = 1 << 7;
export const SET_MTIME_NOW = 1 << 8;
export const SET_CTIME = 1 << 10;
/** The set-user-id and set-group-id bits and the capability must go (FATTR_KILL_SUIDGID). */
export const SET_KILL_SUIDGID = 1 << 11;

/** A change of attributes; only the fields named by `valid` count. */
export interface SetAttributes {
  valid: number;
  handle: number;
  size: number;
  mode: number;
  uid: number;
  gid: number;
  atime: number;
  atimeNsec: number;
  mtime: number;
  mtimeNsec: number;
  ctime: number;
  ctimeNsec: number;
}

/** Bits of the `flags` argument of `rename` (RENAME_*). */
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;
export const RENAME_WHITEOUT = 4;

/** Bits of the `flags` argument of `write` (FUSE_WRITE_*). */
export const WRITE_CACHE = 1;
export const WRITE_KILL_SUIDGID = 4;

/** What `statfs` fills in; block counts are in units of `fragmentBytes`. */
export interface Statfs {
  blocks: number;
  blocksFree: number;
  blocksAvailable: number;
  files: number;
  filesFree: number;
  blockBytes: number;
  fragmentBytes: number;
  nameMax: number;
}

/**
 * Collects directory entries in the shape that the kernel asked for. `readdir` calls `plain`,
 * `readdirplus` fills `entry` and calls `plus`.
 */
export interface DirectorySink {
  /** To be filled before `plus`. */
  readonly entry: Entry;
  /**
   * Adds an entry whose name is `bytes[start..end)`, 1 to 255 bytes; they are copied.
   * @param ino inode number shown to programs.
   * @param nextOffset the offset from which a later call goes on after this entry.
   * @param type the DT_* value.
   * @returns false when the reply is full: the entry was not taken, stop.
   */
  plain(
    bytes: Uint8Array,
    start: number,
    end: number,
    ino: number,
    nextOffset: number,
    type: number,
  ): boolean;
  /**
   * As `plain`, with what is in `entry`. `entry.node` 0 gives the name without counting a lookup.
   * For every entry that was taken with a node other than 0 a lookup is counted; not for `.` and `..`.
   */
  plus(
    bytes: Uint8Array,
    start: number,
    end: number,
    ino: number,
    nextOffset: number,
    type: number,
  ): boolean;
}

/** What was agreed with the kernel; handed to `init`. */
export interface Connection {
  readonly major: number;
  readonly minor: number;
  /** FUSE_* capability bits on which both sides agreed, by number of the bit (0–63). */
  has(bit: number): boolean;
  readonly maxWriteBytes: number;
}

/** Answers that were deferred and notices to the kernel. Implemented by the server. */
export interface Server {
  /**
   * Answers a deferred request whose reply has no body, or a failed one.
   * @param result 0, a byte count (for write), or a negated errno.
   */
  complete(unique: number, result: number): void;
  /** Answers a deferred request with these bytes. */
  completeData(unique: number, data: readonly Uint8Array[]): void;
  /** FUSE_NOTIFY_INVAL_INODE without data: the kernel asks for the node's attributes the next time. Never waits. */
  invalidateAttributes(node: number): void;
  /** FUSE_NOTIFY_INVAL_INODE: the kernel drops its cached data from `offset` for `length` bytes (0: to the end). */
  invalidateInode(node: number, offset: number, length: number): void;
  /** FUSE_NOTIFY_INVAL_ENTRY. */
  invalidateEntry(parent: number, name: Uint8Array): void;
}

/** A file system that the FUSE server can serve. See the module's rules. */
export interface FileSystem {
  /** Called once, after the negotiation. */
  init(connection: Connection, server: Server): void;
  /** Called once, after the last request: writes everything out. Must not throw. */
  destroy(): void;
  /** The negated errno for something that a method threw (default for unknown errors: -5, EIO). Also the place to log it. */
  errnoOf(error: unknown, operation: string): number;
  /** Called when no request is waiting, and at least once per `idleAfterMs`: periodic work. Returns milliseconds until it wants to be called again at the latest. */
  idle(): number;

  lookup(caller: Caller, parent: number, name: Uint8Array, entry: Entry): number;
  forget(node: number, lookups: number): void;
  getattr(caller: Caller, node: number, attributes: Attributes): number;
  setattr(caller: Caller, node: number, change: SetAttributes, attributes: Attributes): number;
  /** Copies the target of a symbolic link into `target` (at least 4096 bytes); returns its length. */
  readlink(caller: Caller, node: number, target: Uint8Array): number;
  /** `mode` holds the file type; `umask` is the caller's, applied by the file system unless a default ACL replaces it. */
  mknod(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    rdev: number,
    entry: Entry,
  ): number;
  mkdir(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    entry: Entry,
  ): number;
  unlink(caller: Caller, parent: number, name: Uint8Array): number;
  rmdir(caller: Caller, parent: number, name: Uint8Array): number;
  symlink(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    target: Uint8Array,
    entry: Entry,
  ): number;
  rename(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    newParent: number,
    newName: Uint8Array,
    flags: number,
  ): number;
  link(caller: Caller, node: number, newParent: number, newName: Uint8Array, entry: Entry): number;
  /** `flags` are the O_* flags of the open (Linux x86-64 values). */
  open(caller: Caller, node: number, flags: number, opened: Opened): number;
  /** `flags` as `open`; may be called with O_EXCL for a name that exists (answer EEXIST). */
  create(
    caller: Caller,
    parent: number,
    name: Uint8Array,
    mode: number,
    umask: number,
    flags: number,
    entry: Entry,
    opened: Opened,
  ): number;
  /** An unnamed file in directory `parent` (O_TMPFILE). */
  tmpfile(
    caller: Caller,
    parent: number,
    mode: number,
    umask: number,
    flags: number,
    entry: Entry,
    opened: Opened,
  ): number;
  /** Fills `targets` from `offset` on, in order; returns bytes read, less than asked only at the end of the file. May be deferred. */
  read(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    targets: readonly Uint8Array[],
  ): number;
  /** Writes all of `sources` at `offset`; returns bytes written. `flags`: WRITE_* bits. */
  write(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    sources: readonly Uint8Array[],
    flags: number,
  ): number;
  flush(caller: Caller, node: number, handle: number): number;
  release(caller: Caller, node: number, handle: number): number;
  /** May be deferred. */
  fsync(caller: Caller, node: number, handle: number, dataOnly: boolean): number;
  opendir(caller: Caller, node: number, flags: number, opened: Opened): number;
  /** Gives entries to `sink` from `offset` on (0 is the start, else a `nextOffset` given before) until it is full. */
  readdir(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    plus: boolean,
    sink: DirectorySink,
  ): number;
  releasedir(caller: Caller, node: number, handle: number): number;
  /** May be deferred. */
  fsyncdir(caller: Caller, node: number, handle: number, dataOnly: boolean): number;
  /** FUSE_SYNCFS. May be deferred. */
  syncfs(caller: Caller): number;
  statfs(caller: Caller, node: number, statfs: Statfs): number;
  /** Copies the value into `value` when it is long enough and returns its length; an empty `value` asks for the length alone; ERANGE when too short. */
  getxattr(caller: Caller, node: number, name: Uint8Array, value: Uint8Array): number;
  /** As `getxattr`, with the names, each ended by a NUL. */
  listxattr(caller: Caller, node: number, list: Uint8Array): number;
  /** `flags`: XATTR_CREATE 1, XATTR_REPLACE 2. `killSgid`: clear the set-group-id bit with a new access ACL (FUSE_SETXATTR_ACL_KILL_SGID). */
  setxattr(
    caller: Caller,
    node: number,
    name: Uint8Array,
    value: Uint8Array,
    flags: number,
    killSgid: boolean,
  ): number;
  removexattr(caller: Caller, node: number, name: Uint8Array): number;
  access(caller: Caller, node: number, mask: number): number;
  /** `mode`: FALLOC_FL_* bits. */
  fallocate(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    length: number,
    mode: number,
  ): number;
  /** `whence`: SEEK_DATA 3 or SEEK_HOLE 4; returns the offset, or -6 (ENXIO). */
  lseek(caller: Caller, node: number, handle: number, offset: number, whence: number): number;
  /** Returns bytes copied. */
  copyFileRange(
    caller: Caller,
    node: number,
    handle: number,
    offset: number,
    newNode: number,
    newHandle: number,
    newOffset: number,
    length: number,
  ): number;
  /** `command`: the ioctl's number. `input` as the command's direction says; the answer goes to `output`; returns its length. ENOTTY for an unknown one. */
  ioctl(
    caller: Caller,
    node: number,
    handle: number,
    command: number,
    argument: number,
    input: Uint8Array,
    output: Uint8Array,
  ): number;
}
