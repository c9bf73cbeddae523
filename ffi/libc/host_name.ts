/**
 * The name of this host.
 *
 * @module
 */

import { checked, libc } from "./library.ts";

const MAX_BYTES = 256;

/** gethostname(2). */
export function hostName(): string {
  const bytes = new Uint8Array(MAX_BYTES);
  checked(libc().gethostname(bytes, BigInt(MAX_BYTES)), "gethostname");
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}
