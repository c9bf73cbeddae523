/**
 * What extended headers say of the member behind them: GNU long names, and pax records, those of one
 * member before those of the whole archive.
 *
 * @module
 */

import { aclFromText } from "./acl_text.ts";
import { TarError } from "./error.ts";
import type { TarTime } from "./member.ts";
import { paxNumber, type PaxRecord, paxTime } from "./pax.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const SCHILY_XATTR = "SCHILY.xattr.";
const LIBARCHIVE_XATTR = "LIBARCHIVE.xattr.";
/** ACLs by their pax key. */
const ACLS: ReadonlyMap<string, string> = new Map([
  ["SCHILY.acl.access", "system.posix_acl_access"],
  ["SCHILY.acl.default", "system.posix_acl_default"],
]);
const NONE: readonly (readonly [Uint8Array, Uint8Array])[] = [];
const SELINUX_KEY = "RHT.security.selinux";

/** The records that apply to one member. */
export class Extended {
  /** GNU: from members of the types L and K. */
  longPath: Uint8Array | undefined;
  longTarget: Uint8Array | undefined;
  readonly #own: PaxRecord[] = [];
  /** There was a pax header of the member's own. */
  hasPax = false;

  /** @param whole records for all members of the archive. */
  constructor(readonly whole: ReadonlyMap<string, PaxRecord>, readonly offset: number) {}

  add(records: readonly PaxRecord[]): void {
    this.hasPax = true;
    for (const record of records) this.#own.push(record);
  }

  /** The member's own records, in order. */
  get records(): readonly PaxRecord[] {
    return this.#own;
  }

  /** The record that counts: the last of the member's own, else the archive's. An empty one takes it back. */
  find(key: string): PaxRecord | undefined {
    if (this.#own.length === 0 && this.whole.size === 0) return undefined;
    const found = this.#own.findLast((record) => record.key === key) ?? this.whole.get(key);
    return found === undefined || found.value.length === 0 ? undefined : found;
  }

  bytes(key: string): Uint8Array | undefined {
    return this.find(key)?.value;
  }
  text(key: string): string | undefined {
    const value = this.bytes(key);
    return value === undefined ? undefined : decoder.decode(value);
  }
  /** @throws TarError */
  number(key: string): number | undefined {
    const record = this.find(key);
    return record === undefined ? undefined : paxNumber(record, this.offset);
  }
  /** @throws TarError */
  time(key: string): TarTime | undefined {
    const record = this.find(key);
    return record === undefined ? undefined : paxTime(record, this.offset);
  }

  /** Extended attributes, ACLs and the SELinux label. @param path for errors. @throws TarError */
  xattrs(path: Uint8Array): readonly (readonly [Uint8Array, Uint8Array])[] {
    if (this.#own.length === 0 && this.whole.size === 0) return NONE;
    const found = new Map<string, Uint8Array>();
    for (const { key, value } of this.#own) {
      if (key.startsWith(SCHILY_XATTR)) {
        found.set(unescapeName(key.slice(SCHILY_XATTR.length)), value);
      } else if (key.startsWith(LIBARCHIVE_XATTR)) {
        const name = decodeURIComponentSafe(key.slice(LIBARCHIVE_XATTR.length));
        if (!found.has(name)) found.set(name, this.#base64(value));
      }
    }
    const label = this.bytes(SELINUX_KEY);
    if (label !== undefined && !found.has("security.selinux")) {
      found.set("security.selinux", withNul(label));
    }
    // GNU tar writes ACLs twice; the binary form needs no names.
    for (const [key, name] of ACLS) {
      const text = this.text(key);
      if (text === undefined || found.has(name)) continue;
      const value = aclFromText(text);
      if (value instanceof Uint8Array) found.set(name, value);
      else {
        const where = decoder.decode(path);
        throw new TarError(`the ACL of ${where} cannot be used: ${value.fault}`, this.offset);
      }
    }
    const names = [...found.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    return names.map((name) => [encoder.encode(name), found.get(name) ?? new Uint8Array(0)]);
  }

  #base64(value: Uint8Array): Uint8Array {
    try {
      return Uint8Array.from(atob(decoder.decode(value)), (char) => char.charCodeAt(0));
    } catch {
      throw new TarError("an attribute is not in base64", this.offset);
    }
  }
}

/** GNU tar writes `%` and `=` in names of attributes as hexadecimal. */
function unescapeName(name: string): string {
  return name.replaceAll("%3D", "=").replaceAll("%25", "%");
}

function decodeURIComponentSafe(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Labels are stored with the NUL at their end. */
function withNul(label: Uint8Array): Uint8Array {
  if (label.at(-1) === 0) return label;
  const value = new Uint8Array(label.length + 1);
  value.set(label);
  return value;
}
