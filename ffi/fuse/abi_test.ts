import assert from "node:assert/strict";
import { CAPABILITY, OPCODE, OPCODE_LIMIT, opcodeName, SIZE } from "./abi.ts";

/** The header's structures behind our names. */
const STRUCTURES: Readonly<Record<keyof typeof SIZE, string>> = {
  IN_HEADER: "fuse_in_header",
  OUT_HEADER: "fuse_out_header",
  ATTR: "fuse_attr",
  STATX: "fuse_statx",
  KSTATFS: "fuse_kstatfs",
  ENTRY_OUT: "fuse_entry_out",
  ATTR_OUT: "fuse_attr_out",
  STATX_OUT: "fuse_statx_out",
  OPEN_OUT: "fuse_open_out",
  WRITE_OUT: "fuse_write_out",
  GETXATTR_OUT: "fuse_getxattr_out",
  LSEEK_OUT: "fuse_lseek_out",
  COPY_FILE_RANGE_OUT: "fuse_copy_file_range_out",
  IOCTL_OUT: "fuse_ioctl_out",
  INIT_IN: "fuse_init_in",
  INIT_OUT: "fuse_init_out",
  DIRENT: "fuse_dirent",
  DIRENTPLUS: "fuse_direntplus",
  FORGET_IN: "fuse_forget_in",
  FORGET_ONE: "fuse_forget_one",
  BATCH_FORGET_IN: "fuse_batch_forget_in",
  GETATTR_IN: "fuse_getattr_in",
  STATX_IN: "fuse_statx_in",
  MKNOD_IN: "fuse_mknod_in",
  MKDIR_IN: "fuse_mkdir_in",
  RENAME_IN: "fuse_rename_in",
  RENAME2_IN: "fuse_rename2_in",
  LINK_IN: "fuse_link_in",
  SETATTR_IN: "fuse_setattr_in",
  OPEN_IN: "fuse_open_in",
  CREATE_IN: "fuse_create_in",
  RELEASE_IN: "fuse_release_in",
  FLUSH_IN: "fuse_flush_in",
  READ_IN: "fuse_read_in",
  WRITE_IN: "fuse_write_in",
  FSYNC_IN: "fuse_fsync_in",
  SETXATTR_IN: "fuse_setxattr_in",
  SETXATTR_COMPAT_IN: "",
  GETXATTR_IN: "fuse_getxattr_in",
  ACCESS_IN: "fuse_access_in",
  INTERRUPT_IN: "fuse_interrupt_in",
  IOCTL_IN: "fuse_ioctl_in",
  FALLOCATE_IN: "fuse_fallocate_in",
  LSEEK_IN: "fuse_lseek_in",
  COPY_FILE_RANGE_IN: "fuse_copy_file_range_in",
  SYNCFS_IN: "fuse_syncfs_in",
  NOTIFY_INVAL_INODE_OUT: "fuse_notify_inval_inode_out",
  NOTIFY_INVAL_ENTRY_OUT: "fuse_notify_inval_entry_out",
};

/** Offsets that the code relies on: structure, member, offset. */
const OFFSETS: readonly (readonly [string, string, number])[] = [
  ["fuse_in_header", "total_extlen", 36],
  ["fuse_in_header", "nodeid", 16],
  ["fuse_attr", "atimensec", 48],
  ["fuse_attr", "mode", 60],
  ["fuse_attr", "blksize", 80],
  ["fuse_entry_out", "attr", 40],
  ["fuse_entry_out", "entry_valid_nsec", 32],
  ["fuse_attr_out", "attr", 16],
  ["fuse_setattr_in", "atime", 32],
  ["fuse_setattr_in", "atimensec", 56],
  ["fuse_setattr_in", "mode", 68],
  ["fuse_setattr_in", "uid", 76],
  ["fuse_setattr_in", "gid", 80],
  ["fuse_read_in", "size", 16],
  ["fuse_write_in", "write_flags", 20],
  ["fuse_create_in", "mode", 4],
  ["fuse_create_in", "umask", 8],
  ["fuse_init_in", "flags2", 16],
  ["fuse_init_out", "max_background", 16],
  ["fuse_init_out", "max_write", 20],
  ["fuse_init_out", "time_gran", 24],
  ["fuse_init_out", "max_pages", 28],
  ["fuse_init_out", "flags2", 32],
  ["fuse_ioctl_in", "cmd", 12],
  ["fuse_ioctl_in", "arg", 16],
  ["fuse_ioctl_in", "in_size", 24],
  ["fuse_fallocate_in", "mode", 24],
  ["fuse_lseek_in", "whence", 16],
  ["fuse_copy_file_range_in", "nodeid_out", 16],
  ["fuse_copy_file_range_in", "len", 40],
  ["fuse_setxattr_in", "setxattr_flags", 8],
  ["fuse_kstatfs", "bsize", 40],
  ["fuse_kstatfs", "frsize", 48],
  ["fuse_statx", "ino", 32],
  ["fuse_statx", "attributes_mask", 56],
  ["fuse_statx", "btime", 80],
  ["fuse_statx", "mtime", 112],
  ["fuse_statx", "rdev_major", 128],
  ["fuse_statx_out", "stat", 32],
  ["fuse_direntplus", "dirent", 128],
];

const HEADER = "/usr/include/linux/fuse.h";

/** Compiles a program that prints what the header says; undefined when that cannot be done here. */
function askHeader(lines: readonly string[]): string[] | undefined {
  const folder = Deno.makeTempDirSync();
  try {
    const source = `${folder}/ask.c`;
    const body = lines.map((line) => `  ${line}`).join("\n");
    Deno.writeTextFileSync(
      source,
      `#include <stddef.h>\n#include <stdio.h>\n#include <stdint.h>\n#include <linux/fuse.h>\n` +
        `int main(void) {\n${body}\n  return 0;\n}\n`,
    );
    const compiler = new Deno.Command("cc", { args: ["-o", `${folder}/ask`, source] });
    if (!compiler.outputSync().success) return undefined;
    const output = new Deno.Command(`${folder}/ask`).outputSync();
    return new TextDecoder().decode(output.stdout).trim().split("\n");
  } catch {
    return undefined;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("structure sizes and offsets are those of the kernel's header", () => {
  const header = headerText();
  if (header === undefined) {
    console.log("skipped: no linux/fuse.h here");
    return;
  }
  const has = (structure: string) => header.includes(`struct ${structure} {`);
  const sizes = Object.entries(STRUCTURES).filter(([, name]) => name !== "" && has(name));
  const offsets = OFFSETS.filter(([structure]) => has(structure));
  const lines = [
    ...sizes.map(([, name]) => `printf("%zu\\n", sizeof(struct ${name}));`),
    ...offsets.map(([name, member]) => `printf("%zu\\n", offsetof(struct ${name}, ${member}));`),
  ];
  const answers = askHeader(lines);
  if (answers === undefined) {
    console.log("skipped: no C compiler here");
    return;
  }
  const expected = [
    ...sizes.map(([ours]) => SIZE[ours as keyof typeof SIZE]),
    ...offsets.map(([, , offset]) => offset),
  ];
  assert.deepEqual(answers.map(Number), expected);
});

Deno.test("opcodes and capabilities are those of the kernel's header", () => {
  const header = headerText();
  if (header === undefined) {
    console.log("skipped: no linux/fuse.h here");
    return;
  }
  const opcodes = Object.entries(OPCODE).filter(([name]) =>
    new RegExp(`\\bFUSE_${name}\\s*=`).test(header)
  );
  const bits = Object.entries(CAPABILITY).filter(([name]) =>
    new RegExp(`define FUSE_${name}\\s`).test(header)
  );
  assert.ok(opcodes.length > 40 && bits.length > 30);
  const answers = askHeader([
    ...opcodes.map(([name]) => `printf("%d\\n", FUSE_${name});`),
    ...bits.map(([name]) => `printf("%d\\n", __builtin_ctzll((uint64_t)(FUSE_${name})));`),
  ]);
  if (answers === undefined) {
    console.log("skipped: no C compiler here");
    return;
  }
  assert.deepEqual(
    answers.map(Number),
    [...opcodes.map(([, opcode]) => opcode), ...bits.map(([, bit]) => bit)],
  );
});

function headerText(): string | undefined {
  try {
    return Deno.readTextFileSync(HEADER);
  } catch {
    return undefined;
  }
}

Deno.test("structures that headers of this age may lack", () => {
  assert.equal(SIZE.STATX, 256);
  assert.equal(SIZE.STATX_OUT, 32 + SIZE.STATX);
  assert.equal(SIZE.STATX_IN, 24);
  assert.equal(SIZE.DIRENTPLUS, SIZE.ENTRY_OUT + SIZE.DIRENT);
});

Deno.test("opcode names", () => {
  assert.equal(opcodeName(OPCODE.COPY_FILE_RANGE_64), "COPY_FILE_RANGE_64");
  assert.equal(opcodeName(999), "opcode 999");
  assert.equal(Math.max(...Object.values(OPCODE)) + 1, OPCODE_LIMIT);
});
