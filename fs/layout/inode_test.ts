import assert from "node:assert/strict";
import { Corrupt } from "../errors.ts";
import { fileTypeOfMode } from "./dirent.ts";
import { InodeFlag, type InodeFormat, InodeRecord } from "./inode.ts";
import { viewOf, withFlippedBytes } from "./testing.ts";
import {
  manifestEntries,
  type ManifestEntry,
  manifestEntry,
  TestVolume,
} from "./testing_volume.ts";

/** The kernel's ext4_inode in order: name, bytes. */
const FIELDS: readonly (readonly [name: string, bytes: number])[] = [
  ["i_mode", 2],
  ["i_uid", 2],
  ["i_size_lo", 4],
  ["i_atime", 4],
  ["i_ctime", 4],
  ["i_mtime", 4],
  ["i_dtime", 4],
  ["i_gid", 2],
  ["i_links_count", 2],
  ["i_blocks_lo", 4],
  ["i_flags", 4],
  ["l_i_version", 4],
  ["i_block", 60],
  ["i_generation", 4],
  ["i_file_acl_lo", 4],
  ["i_size_high", 4],
  ["i_obso_faddr", 4],
  ["l_i_blocks_high", 2],
  ["l_i_file_acl_high", 2],
  ["l_i_uid_high", 2],
  ["l_i_gid_high", 2],
  ["l_i_checksum_lo", 2],
  ["l_i_reserved", 2],
  ["i_extra_isize", 2],
  ["i_checksum_hi", 2],
  ["i_ctime_extra", 4],
  ["i_mtime_extra", 4],
  ["i_atime_extra", 4],
  ["i_crtime", 4],
  ["i_crtime_extra", 4],
  ["i_version_hi", 4],
  ["i_projid", 4],
];

const FORMAT: InodeFormat = {
  inodeBytes: 256,
  blockBytes: 4096,
  checksumSeed: 0x1234,
  hugeFile: true,
};

/** An inode with a different value in each field. */
function sampleInode(format: InodeFormat = FORMAT): InodeRecord {
  const inode = new InodeRecord(12, format);
  Object.assign(inode, {
    mode: 0o100644,
    uid: 0x00070001,
    gid: 0x00080002,
    size: 0x3_0000_0004,
    links: 5,
    sectors: 0x6_0000_0007,
    flags: InodeFlag.EXTENTS,
    generation: 0x99,
    fileAcl: 0xa_0000_000b,
    dtime: 0xc,
    atime: 0x1_0000_000d,
    atimeNsec: 0xe,
    mtime: -15,
    mtimeNsec: 0x10,
    ctime: 0x11,
    ctimeNsec: 0x12,
    crtime: 0x2_8000_0013,
    crtimeNsec: 999_999_999,
    version: 0x14,
    projectId: 0x15,
    extraBytes: 32,
  });
  inode.updateChecksumSeed();
  return inode;
}

Deno.test("every field is written where the kernel has it; all fields make 160 bytes", () => {
  const table = new Uint8Array(512);
  sampleInode().encode(table, 256);
  const view = viewOf(table);
  const values: Record<string, number> = {};
  let at = 256;
  for (const [name, bytes] of FIELDS) {
    if (bytes === 2) values[name] = view.getUint16(at, true);
    if (bytes === 4) values[name] = view.getUint32(at, true);
    at += bytes;
  }
  assert.equal(at, 256 + 160);
  const { l_i_checksum_lo, i_checksum_hi, ...rest } = values;
  assert.ok(l_i_checksum_lo !== undefined && i_checksum_hi !== undefined);
  assert.deepEqual(rest, {
    i_mode: 0o100644,
    i_uid: 1,
    i_size_lo: 4,
    i_atime: 0xd,
    i_ctime: 0x11,
    i_mtime: 0xfffffff1,
    i_dtime: 0xc,
    i_gid: 2,
    i_links_count: 5,
    i_blocks_lo: 7,
    i_flags: 0x80000,
    l_i_version: 0x14,
    i_generation: 0x99,
    i_file_acl_lo: 0xb,
    i_size_high: 3,
    i_obso_faddr: 0,
    l_i_blocks_high: 6,
    l_i_file_acl_high: 0xa,
    l_i_uid_high: 7,
    l_i_gid_high: 8,
    l_i_reserved: 0,
    i_extra_isize: 32,
    i_ctime_extra: 0x12 << 2,
    i_mtime_extra: 0x10 << 2,
    i_atime_extra: (0xe << 2) | 1,
    i_crtime: 0x80000013,
    i_crtime_extra: 999_999_999 * 4 + 3,
    i_version_hi: 0,
    i_projid: 0x15,
  });
});

/** The fields of an inode that are plain data. */
function plain(inode: InodeRecord): Record<string, unknown> {
  const { raw: _raw, view: _view, format: _format, ...fields } = inode;
  return fields;
}

Deno.test("an inode comes back from what is written, in every inode size", () => {
  for (const inodeBytes of [128, 256, 512, 1024]) {
    for (const checksumSeed of [0x1234, undefined]) {
      const format = { ...FORMAT, inodeBytes, checksumSeed };
      const inode = sampleInode(format);
      if (inodeBytes === 128) {
        Object.assign(inode, { extraBytes: 0, atimeNsec: 0, mtimeNsec: 0, ctimeNsec: 0 });
        Object.assign(inode, { atime: 0x7fffffff, crtime: 0, crtimeNsec: 0, projectId: 0 });
      }
      const table = new Uint8Array(2048);
      inode.encode(table, inodeBytes);
      const again = new InodeRecord(12, format);
      again.decode(table, inodeBytes);
      assert.deepEqual(plain(again), plain(inode));
    }
  }
});

Deno.test("more than 2^48 sectors are counted in blocks", () => {
  const inode = sampleInode();
  inode.sectors = 2 ** 48;
  const table = new Uint8Array(256);
  inode.encode(table, 0);
  assert.ok((viewOf(table).getUint32(0x20, true) & InodeFlag.HUGE_FILE) !== 0);
  assert.equal(viewOf(table).getUint16(0x74, true), 2 ** 45 / 2 ** 32);
  const again = new InodeRecord(12, FORMAT);
  again.decode(table, 0);
  assert.equal(again.sectors, 2 ** 48);
});

Deno.test("any changed byte of an inode with a checksum is noticed; each fault is named", () => {
  const table = new Uint8Array(256);
  sampleInode().encode(table, 0);
  const decode = () => new InodeRecord(12, FORMAT).decode(table, 0);
  withFlippedBytes(table, 0, 256, (at) => {
    assert.throws(decode, Corrupt, `byte ${at}`);
  });
  viewOf(table).setUint8(0x28, 1);
  assert.throws(decode, new Corrupt("inode", "inode 12", "checksum does not match"));
  for (const extra of [130, 33]) {
    viewOf(table).setUint16(0x80, extra, true);
    assert.throws(decode, new Corrupt("inode", "inode 12", `i_extra_isize ${extra}`));
  }
  const other = () => new InodeRecord(13, FORMAT).decode(table, 0);
  sampleInode().encode(table, 0);
  assert.throws(other, /checksum/, "the number is part of the checksum");
});

Deno.test("an inode that was never used is all zeros, and good", () => {
  const inode = new InodeRecord(12, FORMAT);
  inode.decode(new Uint8Array(256), 0);
  assert.equal(inode.mode, 0);
});

const TYPES: Record<string, number> = {
  "file": 1,
  "directory": 2,
  "character device": 3,
  "block device": 4,
  "fifo": 5,
  "symlink": 7,
};

function compare(inode: InodeRecord, entry: ManifestEntry): void {
  const stamp = (seconds: number, nanoseconds: number) => {
    const total = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
    const absolute = total < 0n ? -total : total;
    const digits = absolute.toString().padStart(10, "0");
    return `${total < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`;
  };
  assert.equal(fileTypeOfMode(inode.mode), TYPES[entry.type], entry.path);
  assert.equal((inode.mode & 0o7777).toString(8), entry.mode, entry.path);
  // Of a regular file, the kernel adds the sectors that its inline data would fill.
  const isInline = inode.isRegular && inode.has(InodeFlag.INLINE_DATA);
  const inline = isInline ? Math.ceil(inode.size / 512) : 0;
  assert.deepEqual(
    [inode.uid, inode.gid, inode.links, inode.sectors + inline],
    [entry.uid, entry.gid, entry.links, entry.sectors],
    entry.path,
  );
  if (!entry.type.endsWith("device")) assert.equal(inode.size, entry.size, entry.path);
  assert.equal(stamp(inode.atime, inode.atimeNsec), entry.atime, entry.path);
  assert.equal(stamp(inode.mtime, inode.mtimeNsec), entry.mtime, entry.path);
}

for (const name of ["ext4_4k", "ext2_1k", "htree", "inline_data", "ea_inode"]) {
  Deno.test(`${name}: inodes read as the kernel shows them, and encode to the same bytes`, () => {
    const volume = TestVolume.fixture(name);
    for (const entry of manifestEntries(name).values()) {
      const inode = volume.inode(entry.inode);
      compare(inode, entry);
      const offset = volume.inodeOffset(entry.inode);
      const before = volume.image.slice(offset, offset + inode.raw.length);
      inode.encode(volume.image, offset);
      assert.deepEqual(
        volume.image.subarray(offset, offset + inode.raw.length),
        before,
        entry.path,
      );
    }
  });
}

Deno.test("ext4_4k: times before 1970 and after 2038", () => {
  const volume = TestVolume.fixture("ext4_4k");
  const mtime = (path: string) => volume.inode(manifestEntry("ext4_4k", path).inode).mtime;
  assert.equal(mtime("/large"), Date.UTC(2040, 1, 3, 4, 5, 6) / 1000);
  assert.equal(mtime("/unwritten"), Date.UTC(2400, 0, 1) / 1000);
  assert.equal(mtime("/empty"), Date.UTC(1960, 0, 1) / 1000);
});
