/**
 * ACLs as tar archives hold them (star's `SCHILY.acl.access`: `user::rwx,user:lisa:r-x:502,…`) and as
 * the system calls do (`system.posix_acl_access`, version 2: tag, permissions, id).
 *
 * @module
 */

const VERSION = 2;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;
const NO_ID = 0xffffffff;
const MAX_ENTRIES = 8192;

/** Tags by kind: without and with an id. */
const TAGS: Readonly<Record<string, readonly [owner: number, named: number]>> = {
  user: [0x01, 0x02],
  u: [0x01, 0x02],
  group: [0x04, 0x08],
  g: [0x04, 0x08],
  mask: [0x10, 0],
  m: [0x10, 0],
  other: [0x20, 0],
  o: [0x20, 0],
};
const KINDS: ReadonlyMap<number, string> = new Map([
  [0x01, "user"],
  [0x02, "user"],
  [0x04, "group"],
  [0x08, "group"],
  [0x10, "mask"],
  [0x20, "other"],
]);

interface Entry {
  readonly tag: number;
  readonly permissions: number;
  readonly id: number;
}

/** The value for the system calls, or what is wrong. */
export function aclFromText(text: string): Uint8Array | { readonly fault: string } {
  const entries: Entry[] = [];
  for (const line of text.split(/[,\n]/)) {
    const words = line.replace(/#.*/, "").trim();
    if (words === "") continue;
    const entry = parseEntry(words);
    if ("fault" in entry) return entry;
    entries.push(entry);
  }
  if (entries.length > MAX_ENTRIES) return { fault: "it has too many entries" };
  entries.sort((a, b) => a.tag - b.tag || a.id - b.id);
  const value = new Uint8Array(HEADER_BYTES + ENTRY_BYTES * entries.length);
  const view = new DataView(value.buffer);
  view.setUint32(0, VERSION, true);
  entries.forEach(({ tag, permissions, id }, index) => {
    const at = HEADER_BYTES + ENTRY_BYTES * index;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, permissions, true);
    view.setUint32(at + 4, id, true);
  });
  return value;
}

function parseEntry(text: string): Entry | { readonly fault: string } {
  const [kind = "", name = "", rights = "", number] = text.split(":").map((word) => word.trim());
  const tags = TAGS[kind];
  if (tags === undefined || !/^[r-][w-][xX-]/.test(rights)) return { fault: `entry ${text}` };
  let permissions = 0;
  if (rights.startsWith("r")) permissions |= 4;
  if (rights[1] === "w") permissions |= 2;
  if (rights[2] !== "-") permissions |= 1;
  if (name === "") return { tag: tags[0], permissions, id: NO_ID };
  const id = idOf(name, number);
  if (id === undefined) {
    return { fault: `${kind} ${name} has no number: pack with tar --numeric-owner` };
  }
  return { tag: tags[1], permissions, id };
}

/** star writes the number behind the permissions; GNU tar --numeric-owner in place of the name. */
function idOf(name: string, number: string | undefined): number | undefined {
  for (const text of [number ?? "", name]) {
    const id = /^\d+$/.test(text) ? Number(text) : NO_ID;
    if (id < NO_ID) return id;
  }
  return name === "root" ? 0 : undefined;
}

/** The text of a value of the system calls, with numbers for names; undefined for what is no ACL. */
export function aclToText(value: Uint8Array): string | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (value.length < HEADER_BYTES || view.getUint32(0, true) !== VERSION) return undefined;
  const entries: string[] = [];
  for (let at = HEADER_BYTES; at + ENTRY_BYTES <= value.length; at += ENTRY_BYTES) {
    const tag = view.getUint16(at, true);
    const permissions = view.getUint16(at + 2, true);
    const id = view.getUint32(at + 4, true);
    const kind = KINDS.get(tag);
    if (kind === undefined) return undefined;
    const named = tag === 0x02 || tag === 0x08;
    const rights = `${permissions & 4 ? "r" : "-"}${permissions & 2 ? "w" : "-"}${
      permissions & 1 ? "x" : "-"
    }`;
    entries.push(`${kind}:${named ? id : ""}:${rights}`);
  }
  return entries.join(",");
}
