/**
 * fs-verity's descriptor: what a file's digest is computed over. It lies behind the hash tree, which lies behind the
 * file's end; see `fs/ops/verity.ts`.
 *
 * `fsverity_descriptor` (256 bytes, then the signature): 0x0 version (8 bits, 1), 0x1 hash_algorithm (8), 0x2
 * log_blocksize (8), 0x3 salt_size (8), 0x4 sig_size (32), 0x8 data_size (64), 0x10 root_hash (64 bytes), 0x50 salt
 * (32 bytes), 0x70 reserved. The digest is that of the descriptor with sig_size 0.
 *
 * Kernel documentation: Documentation/filesystems/fsverity.rst, "fs-verity descriptor".
 *
 * @module
 */

import { Corrupt } from "../errors.ts";
import { sha256 } from "./sha256.ts";
import { sha512 } from "./sha512.ts";

export const VERITY_DESCRIPTOR_BYTES = 256;
const MAX_SALT_BYTES = 32;

/** The hashes by FS_VERITY_HASH_ALG_*. */
const HASHES: ReadonlyMap<number, (bytes: Uint8Array) => Uint8Array> = new Map([
  [1, sha256],
  [2, sha512],
]);

/** What fs-verity says of a file. */
export interface VerityDigest {
  /** FS_VERITY_HASH_ALG_*: 1 is SHA-256, 2 SHA-512. */
  readonly algorithm: number;
  readonly digest: Uint8Array;
}

/**
 * The digest of a file.
 * @param bytes its descriptor, without the signature.
 * @throws Corrupt "fs-verity descriptor".
 */
export function verityDigest(bytes: Uint8Array, ino: number, fileBytes: number): VerityDigest {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const bad = (field: string): Corrupt => {
    return new Corrupt("fs-verity descriptor", `inode ${ino}`, field);
  };
  const [version, algorithm, saltBytes] = [view.getUint8(0), view.getUint8(1), view.getUint8(3)];
  if (version !== 1) throw bad(`version ${version}`);
  const hash = HASHES.get(algorithm);
  if (hash === undefined) throw bad(`hash_algorithm ${algorithm}`);
  if (saltBytes > MAX_SALT_BYTES) throw bad(`salt_size ${saltBytes}`);
  const size = view.getUint32(0xc, true) * 2 ** 32 + view.getUint32(0x8, true);
  if (size !== fileBytes) throw bad(`data_size ${size}`);
  const plain = bytes.slice(0, VERITY_DESCRIPTOR_BYTES);
  plain.fill(0, 4, 8);
  return { algorithm, digest: hash(plain) };
}
