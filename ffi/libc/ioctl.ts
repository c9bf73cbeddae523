/** ioctl(2) with a block of memory. @module */

import { errno, libc } from "./library.ts";

/**
 * Calls ioctl with the address of `memory`, which the command may read and write.
 * @param command 32 bits without sign.
 * @returns 0, or the error number. Answers above 0 count as 0.
 */
export function ioctl(
  descriptor: number,
  command: number,
  memory: Uint8Array<ArrayBuffer>,
): number {
  return libc().ioctl(descriptor, BigInt(command), memory) < 0 ? errno() : 0;
}
