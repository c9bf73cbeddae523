/**
 * Making files as the guest's user: the file-system ids of this thread alone (setfsuid(2), setfsgid(2)).
 * The guest's kernel has checked permissions, so capabilities are kept meanwhile: that takes the
 * secure bit NO_SETUID_FIXUP.
 *
 * @module
 */

import { libc } from "../../ffi/libc/library.ts";

const PR_GET_SECUREBITS = 27;
const PR_SET_SECUREBITS = 28;
const SECBIT_NO_SETUID_FIXUP = 4;
const EPERM = -1;
const NO_ID = 0xffff_ffff;

/** The ids under which files are made. */
export class Credentials {
  readonly #uid: number;
  readonly #gid: number;
  #privileged: boolean;
  #umask = -1;

  /**
   * @param privileged whether this process may become any user.
   * @param checks whether some ids may not be there: those of a user namespace that are not mapped.
   */
  constructor(privileged: boolean, readonly checks = false) {
    this.#uid = libc().geteuid();
    this.#gid = libc().getegid();
    this.#privileged = privileged;
    if (!privileged) return;
    const bits = libc().prctl(PR_GET_SECUREBITS, 0n, 0n, 0n, 0n);
    const wanted = BigInt(Math.max(bits, 0) | SECBIT_NO_SETUID_FIXUP);
    this.#privileged = bits >= 0 && libc().prctl(PR_SET_SECUREBITS, wanted, 0n, 0n, 0n) === 0;
  }

  /**
   * Runs `make` as a user. Where this process cannot become others, root of the guest stands for its own
   * user, and everybody else is refused.
   * @returns what `make` returns, or EPERM.
   */
  as(uid: number, gid: number, umask: number, make: () => number): number {
    if (umask !== this.#umask) {
      this.#umask = umask & 0o777;
      libc().umask(this.#umask);
    }
    const same = uid === this.#uid && gid === this.#gid;
    if (same) return make();
    if (!this.#privileged) return uid === 0 && gid === 0 ? make() : EPERM;
    const library = libc();
    library.setfsgid(gid);
    library.setfsuid(uid);
    try {
      return this.checks && !this.#became(uid, gid) ? EPERM : make();
    } finally {
      library.setfsuid(this.#uid);
      library.setfsgid(this.#gid);
    }
  }
  /** The calls report the ids before; -1 is never taken. */
  #became(uid: number, gid: number): boolean {
    const library = libc();
    return library.setfsuid(NO_ID) === uid && library.setfsgid(NO_ID) === gid;
  }
}
