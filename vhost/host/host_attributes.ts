/**
 * Extended attributes of a shared directory, by the names that guests use.
 *
 * @module
 */

import type { Caller } from "../../ffi/fuse/port.ts";
import { AT_FDCWD } from "../../ffi/libc/constants.ts";
import { ERRNO } from "../../ffi/libc/errno.ts";
import { errno, libc } from "../../ffi/libc/library.ts";
import { EROFS, ESTALE } from "./host_base.ts";
import { HostData } from "./host_data.ts";
import { NameBuffer } from "./names.ts";
import { bytesOfText, textOfBytes, XattrMap } from "./xattr_map.ts";

const ENOSYS = -ERRNO.ENOSYS;
const EOPNOTSUPP = -ERRNO.EOPNOTSUPP;
const ERANGE = -ERRNO.ERANGE;
const ACL_PREFIX = new TextEncoder().encode("system.posix_acl_");
/** What a rule puts before a name is no longer than a name. */
const LONGEST_NAME = 512;
/** XATTR_LIST_MAX. */
const LONGEST_LIST = 65536;

/** Reading and changing attributes. */
export class HostAttributes extends HostData {
  readonly #attribute = new NameBuffer(LONGEST_NAME);
  readonly #map = this.options.xattrMap === "" ? undefined : new XattrMap(this.options.xattrMap);

  /** The host's name, ended by NUL, of an attribute that passes; else the answer. */
  #hostName(name: Uint8Array): Uint8Array<ArrayBuffer> | number {
    if (!this.options.xattr) return ENOSYS;
    const isAcl = ACL_PREFIX.every((byte, index) => name[index] === byte);
    if (isAcl && !this.options.posixAcl) return EOPNOTSUPP;
    if (name.length > LONGEST_NAME / 2) return ERANGE;
    if (this.#map === undefined) return this.#attribute.of(name);
    const mapped = this.#map.toHost(textOfBytes(name));
    return typeof mapped === "number" ? mapped : this.#attribute.of(bytesOfText(mapped));
  }

  getxattr(_caller: Caller, node: number, name: Uint8Array, value: Uint8Array): number {
    const attribute = this.#hostName(name);
    if (typeof attribute === "number") return attribute;
    const file = this.nodes.get(node);
    if (file === undefined) return ESTALE;
    const target = value as Uint8Array<ArrayBuffer>;
    const result = libc().getxattr(file.name, attribute, target, BigInt(value.length));
    return result < 0 ? -errno() : result;
  }

  listxattr(_caller: Caller, node: number, list: Uint8Array): number {
    if (!this.options.xattr) return ENOSYS;
    const file = this.nodes.get(node);
    if (file === undefined) return ESTALE;
    if (this.#map !== undefined) return this.#listMapped(this.#map, file.name, list);
    const target = list as Uint8Array<ArrayBuffer>;
    const result = libc().listxattr(file.name, target, BigInt(list.length));
    return result < 0 ? -errno() : result;
  }

  /** As the names may get shorter only, the host's list is read whole. */
  #listMapped(map: XattrMap, path: Uint8Array<ArrayBuffer>, list: Uint8Array): number {
    const whole = new Uint8Array(LONGEST_LIST);
    const length = libc().listxattr(path, whole, BigInt(whole.length));
    if (length < 0) return -errno();
    const names = textOfBytes(whole.subarray(0, length)).split("\0").filter((name) => name !== "");
    const seen = names.map((name) => map.toGuest(name)).filter((name) => name !== undefined);
    const bytes = bytesOfText(seen.map((name) => `${name}\0`).join(""));
    if (list.length === 0) return bytes.length;
    if (bytes.length > list.length) return ERANGE;
    list.set(bytes);
    return bytes.length;
  }

  setxattr(
    _caller: Caller,
    node: number,
    name: Uint8Array,
    value: Uint8Array,
    flags: number,
    killSgid: boolean,
  ): number {
    const attribute = this.#hostName(name);
    if (typeof attribute === "number") return attribute;
    if (this.options.readOnly) return EROFS;
    const file = this.nodes.get(node);
    if (file === undefined) return ESTALE;
    const bytes = value as Uint8Array<ArrayBuffer>;
    const size = BigInt(value.length);
    const result = libc().setxattr(file.name, attribute, bytes, size, flags);
    if (result < 0) return -errno();
    if (killSgid && this.status.load(file.descriptor) === 0) {
      const { mode } = this.status;
      if ((mode & 0o2000) !== 0) libc().fchmodat(AT_FDCWD, file.name, mode & 0o5777, 0);
    }
    return 0;
  }

  removexattr(_caller: Caller, node: number, name: Uint8Array): number {
    const attribute = this.#hostName(name);
    if (typeof attribute === "number") return attribute;
    if (this.options.readOnly) return EROFS;
    const file = this.nodes.get(node);
    if (file === undefined) return ESTALE;
    return libc().removexattr(file.name, attribute) < 0 ? -errno() : 0;
  }
}
