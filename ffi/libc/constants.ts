/**
 * Numbers of the Linux system call interface (asm-generic, with the few that differ between x86-64 and
 * aarch64).
 *
 * @module
 */

const ARM = Deno.build.arch === "aarch64";

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_EMPTY_PATH = 0x1000;

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_ACCMODE = 3;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECT = ARM ? 0o200000 : 0o40000;
export const O_DIRECTORY = ARM ? 0o40000 : 0o200000;
export const O_NOFOLLOW = ARM ? 0o100000 : 0o400000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

export const F_GETFL = 3;
export const F_SETFL = 4;

export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

export const POSIX_FADV_DONTNEED = 4;
/** WAIT_BEFORE, WRITE and WAIT_AFTER. */
export const SYNC_FILE_RANGE_ALL = 7;

export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;
export const FALLOC_FL_ZERO_RANGE = 0x10;

/** preadv2: fail with EAGAIN where the data are not in the page cache. */
export const RWF_NOWAIT = 8;
/** pwritev2: the bytes are durable when it returns. */
export const RWF_DSYNC = 2;

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 1;
export const MAP_PRIVATE = 2;
export const MAP_ANONYMOUS = 0x20;

export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;

export const EFD_CLOEXEC = O_CLOEXEC;
export const EFD_NONBLOCK = O_NONBLOCK;

export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;

export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
export const S_IFDIR = 0o040000;
export const S_IFLNK = 0o120000;
export const S_IFBLK = 0o060000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const S_IFSOCK = 0o140000;

/** BLKDISCARD, BLKZEROOUT, BLKSSZGET, BLKGETSIZE64 (linux/fs.h). */
export const BLKDISCARD = 0x1277;
export const BLKZEROOUT = 0x127f;
export const BLKSSZGET = 0x1268;
export const FITRIM = 0xc0185879;
export const BLKGETSIZE64 = 0x80081272;

/** The number of the getdents64 system call. */
export const SYS_GETDENTS64 = ARM ? 61 : 217;
