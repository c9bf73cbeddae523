/**
 * Names of extended attributes as guests use them, and as the host keeps them (`--xattrmap`): rules that
 * are tried in turn, in the language of virtiofsd (its docs/xattr-mapping.md).
 *
 * @module
 */

import { ERRNO } from "../../ffi/libc/errno.ts";

type Kind = "prefix" | "ok" | "bad" | "unsupported";

/** One rule. `client`: for names that guests use, by `key`; `server`: for the host's, by `prepend`. */
interface Rule {
  readonly kind: Kind;
  readonly client: boolean;
  readonly server: boolean;
  readonly key: string;
  readonly prepend: string;
}

const KINDS: readonly string[] = ["prefix", "ok", "bad", "unsupported"];
const SCOPES: readonly string[] = ["client", "server", "all"];
/** XATTR_NAME_MAX. */
const LONGEST = 255;
const EPERM = -ERRNO.EPERM;
const EOPNOTSUPP = -ERRNO.EOPNOTSUPP;

/** See the module. Names are strings of bytes (each character below 256). */
export class XattrMap {
  readonly #rules: Rule[] = [];

  /**
   * @param text `:prefix:SCOPE:KEY:PREPEND:`, `:ok:…`, `:bad:…`, `:unsupported:…` with SCOPE `client`,
   *   `server` or `all`, and at the end perhaps `:map:KEY:PREPEND:`. The first character of a rule
   *   separates its fields; white space may stand between rules.
   * @throws RangeError for what is not such a list.
   */
  constructor(text: string) {
    let rest = text.trimStart();
    while (rest !== "") {
      const separator = rest.charAt(0);
      const [kind = "", ...fields] = rest.slice(1).split(separator);
      const isMap = kind === "map";
      const wanted = isMap ? 2 : 3;
      // Behind the last separator the next rule begins.
      if (fields.length <= wanted) throw new RangeError(`${rest}: not a rule, or it has no end`);
      const taken = fields.slice(0, wanted);
      if (taken.some((field) => field.length > LONGEST)) throw new RangeError(`${rest}: too long`);
      if (isMap) this.#addMap(taken);
      else this.#add(kind, taken);
      const used = separator.length + kind.length + taken.join("").length + wanted + 1;
      rest = rest.slice(used).trimStart();
      if (isMap && rest !== "") {
        throw new RangeError(`${rest}: nothing may stand behind a map rule`);
      }
    }
    if (this.#rules.length === 0) throw new RangeError("no rule");
  }

  #add(kind: string, [scope = "", key = "", prepend = ""]: readonly string[]): void {
    if (!KINDS.includes(kind)) {
      throw new RangeError(`${kind}: not a kind of rule (${KINDS.join(", ")}, map)`);
    }
    if (!SCOPES.includes(scope)) throw new RangeError(`${scope}: not client, server or all`);
    const [client, server] = [scope !== "server", scope !== "client"];
    this.#rules.push({ kind: kind as Kind, client, server, key, prepend });
  }

  /** A prefix, and what keeps guests and host from meeting under the same name. */
  #addMap([key = "", prepend = ""]: readonly string[]): void {
    this.#add("prefix", ["all", key, prepend]);
    if (key === "") {
      this.#add("bad", ["all", "", ""]);
      return;
    }
    this.#add("bad", ["server", "", key]);
    this.#add("bad", ["client", prepend, ""]);
    this.#add("ok", ["all", "", ""]);
  }

  /** The host's name for a guest's, or a negated errno: no rule, or one that forbids it. */
  toHost(name: string): string | number {
    const rule = this.#rules.find((one) => one.client && name.startsWith(one.key));
    if (rule === undefined || rule.kind === "bad") return EPERM;
    if (rule.kind === "unsupported") return EOPNOTSUPP;
    return rule.kind === "prefix" ? rule.prepend + name : name;
  }

  /** The guest's name for the host's; undefined: guests do not see it. */
  toGuest(name: string): string | undefined {
    const rule = this.#rules.find((one) => one.server && name.startsWith(one.prepend));
    if (rule === undefined || rule.kind === "bad" || rule.kind === "unsupported") return undefined;
    return rule.kind === "prefix" ? name.slice(rule.prepend.length) : name;
  }
}

/** Bytes as characters. */
export function textOfBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Characters as bytes. */
export function bytesOfText(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
