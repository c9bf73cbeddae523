/**
 * The FUSE protocol's numbers: versions, opcodes, flags, structure sizes.
 *
 * Source: the kernel's include/uapi/linux/fuse.h, protocol 7.45. All numbers are little-endian as
 * this package runs on little-endian machines only; the sizes hold for 64-bit and 32-bit alike.
 *
 * @module
 */

/** The protocol's major version. */
export const FUSE_MAJOR = 7;
/** The newest minor version that is understood here. */
export const FUSE_MINOR = 45;
/** The oldest minor version that is served (Linux 5.4). */
export const FUSE_OLDEST_MINOR = 31;

/** FUSE_* opcodes. */
export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  GETLK: 31,
  SETLK: 32,
  SETLKW: 33,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  BMAP: 37,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SETUPMAPPING: 48,
  REMOVEMAPPING: 49,
  SYNCFS: 50,
  TMPFILE: 51,
  STATX: 52,
  COPY_FILE_RANGE_64: 53,
} as const;

/** One more than the largest opcode. */
export const OPCODE_LIMIT = 54;

const NAMES = new Map<number, string>(
  Object.entries(OPCODE).map(([name, opcode]) => [opcode, name]),
);

/** The name of an opcode, for example `LOOKUP`. */
export function opcodeName(opcode: number): string {
  return NAMES.get(opcode) ?? `opcode ${opcode}`;
}

/** Sizes in bytes of the protocol's fixed structures. */
export const SIZE = {
  IN_HEADER: 40,
  OUT_HEADER: 16,
  ATTR: 88,
  STATX: 256,
  KSTATFS: 80,
  ENTRY_OUT: 128,
  ATTR_OUT: 104,
  STATX_OUT: 288,
  OPEN_OUT: 16,
  WRITE_OUT: 8,
  GETXATTR_OUT: 8,
  LSEEK_OUT: 8,
  COPY_FILE_RANGE_OUT: 8,
  IOCTL_OUT: 16,
  INIT_IN: 64,
  INIT_OUT: 64,
  DIRENT: 24,
  DIRENTPLUS: 152,
  FORGET_IN: 8,
  FORGET_ONE: 16,
  BATCH_FORGET_IN: 8,
  GETATTR_IN: 16,
  STATX_IN: 24,
  MKNOD_IN: 16,
  MKDIR_IN: 8,
  RENAME_IN: 8,
  RENAME2_IN: 16,
  LINK_IN: 8,
  SETATTR_IN: 88,
  OPEN_IN: 8,
  CREATE_IN: 16,
  RELEASE_IN: 24,
  FLUSH_IN: 24,
  READ_IN: 40,
  WRITE_IN: 40,
  FSYNC_IN: 16,
  SETXATTR_IN: 16,
  SETXATTR_COMPAT_IN: 8,
  GETXATTR_IN: 8,
  ACCESS_IN: 8,
  INTERRUPT_IN: 8,
  IOCTL_IN: 32,
  FALLOCATE_IN: 32,
  LSEEK_IN: 24,
  COPY_FILE_RANGE_IN: 56,
  SYNCFS_IN: 8,
  NOTIFY_INVAL_INODE_OUT: 24,
  NOTIFY_INVAL_ENTRY_OUT: 16,
} as const;

/** Capability bits of INIT by their number (bit 32 and up travel in `flags2`). */
export const CAPABILITY = {
  ASYNC_READ: 0,
  POSIX_LOCKS: 1,
  ATOMIC_O_TRUNC: 3,
  EXPORT_SUPPORT: 4,
  BIG_WRITES: 5,
  DONT_MASK: 6,
  SPLICE_WRITE: 7,
  SPLICE_MOVE: 8,
  SPLICE_READ: 9,
  FLOCK_LOCKS: 10,
  HAS_IOCTL_DIR: 11,
  AUTO_INVAL_DATA: 12,
  DO_READDIRPLUS: 13,
  READDIRPLUS_AUTO: 14,
  ASYNC_DIO: 15,
  WRITEBACK_CACHE: 16,
  NO_OPEN_SUPPORT: 17,
  PARALLEL_DIROPS: 18,
  HANDLE_KILLPRIV: 19,
  POSIX_ACL: 20,
  ABORT_ERROR: 21,
  MAX_PAGES: 22,
  CACHE_SYMLINKS: 23,
  NO_OPENDIR_SUPPORT: 24,
  EXPLICIT_INVAL_DATA: 25,
  MAP_ALIGNMENT: 26,
  SUBMOUNTS: 27,
  HANDLE_KILLPRIV_V2: 28,
  SETXATTR_EXT: 29,
  INIT_EXT: 30,
  SECURITY_CTX: 32,
  HAS_INODE_DAX: 33,
  CREATE_SUPP_GROUP: 34,
  HAS_EXPIRE_ONLY: 35,
  DIRECT_IO_ALLOW_MMAP: 36,
  PASSTHROUGH: 37,
  NO_EXPORT_SUPPORT: 38,
  HAS_RESEND: 39,
  ALLOW_IDMAP: 40,
  OVER_IO_URING: 41,
  REQUEST_TIMEOUT: 42,
} as const;

/** FATTR_FH: `fh` of the setattr request holds. */
export const FATTR_FH = 1 << 6;

/** Bypass the page cache for this open file. */
export const FOPEN_DIRECT_IO = 1 << 0;
/** Keep what the page cache holds of the file. */
export const FOPEN_KEEP_CACHE = 1 << 1;
export const FOPEN_NONSEEKABLE = 1 << 2;
/** Let the kernel cache the directory's entries. */
export const FOPEN_CACHE_DIR = 1 << 3;
export const FOPEN_STREAM = 1 << 4;
/** Send no FLUSH when the file is closed. */
export const FOPEN_NOFLUSH = 1 << 5;
/** Let direct writes to one file run side by side. */
export const FOPEN_PARALLEL_DIRECT_WRITES = 1 << 6;

export const FUSE_GETATTR_FH = 1 << 0;
export const FUSE_FSYNC_FDATASYNC = 1 << 0;
export const FUSE_SETXATTR_ACL_KILL_SGID = 1 << 0;
export const FUSE_OPEN_KILL_SUIDGID = 1 << 0;
export const FUSE_IOCTL_UNRESTRICTED = 1 << 1;

/** STATX_BASIC_STATS | STATX_BTIME (linux/stat.h). */
export const STATX_MASK = 0xfff;

export const NOTIFY_INVAL_INODE = 2;
export const NOTIFY_INVAL_ENTRY = 3;

/** The longest name in bytes (FUSE_NAME_MAX is 1024; Linux file systems have 255). */
export const NAME_MAX = 255;
/** The longest target of a symbolic link and its ending NUL (PATH_MAX). */
export const PATH_MAX = 4096;
/** The largest value of an extended attribute (XATTR_SIZE_MAX). */
export const XATTR_SIZE_MAX = 65536;
export const PAGE_BYTES = 4096;
