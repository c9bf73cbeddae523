/**
 * Unpacking a real tree: folders, files, modes and times, as tar does it; and removing it.
 *
 * @module
 */

import * as libc from "../harness/libc.ts";
import { milliseconds } from "./measure.ts";
import { expectGood, type Scenario } from "./scenario.ts";

/** Trees that a Debian machine has; the first with enough files is taken. */
const CANDIDATES = [
  "/usr/include",
  "/usr/share/perl",
  "/usr/lib/python3",
  "/usr/share/doc",
  "/usr/share",
];
const WANTED_FILES = 4000;
const LARGEST_BYTES = 1 << 20;

interface Member {
  readonly path: string;
  /** Undefined for a folder. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
}

function* membersOf(folder: string, prefix: string): Generator<Member> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${prefix}/${entry.name}`;
    const full = `${folder}/${entry.name}`;
    if (entry.isDirectory) {
      yield { path, bytes: undefined };
      yield* membersOf(full, path);
    } else if (entry.isFile && Deno.statSync(full).size <= LARGEST_BYTES) {
      yield { path, bytes: Deno.readFileSync(full) };
    }
  }
}

function takeSome(folder: string): readonly Member[] {
  const members: Member[] = [];
  for (const member of membersOf(folder, "")) {
    members.push(member);
    if (members.length >= WANTED_FILES) break;
  }
  return members;
}

let loaded: { readonly from: string; readonly members: readonly Member[] } | undefined;

/** The tree in memory, so that reading it is not part of the time. */
export function realTree(): { readonly from: string; readonly members: readonly Member[] } {
  for (const folder of CANDIDATES) {
    if (loaded !== undefined) break;
    try {
      const members = takeSome(folder);
      if (members.length >= WANTED_FILES / 4) loaded = { from: folder, members };
    } catch {
      continue;
    }
  }
  if (loaded === undefined) throw new Error(`no tree with files in ${CANDIDATES.join(", ")}`);
  return loaded;
}

function unpackMember(top: string, member: Member): void {
  const path = libc.toByteString(`${top}${member.path}`);
  if (member.bytes === undefined) {
    expectGood("mkdir", libc.mkdir(path, 0o755));
    return;
  }
  const flags = libc.O_CREAT | libc.O_EXCL | libc.O_WRONLY;
  const descriptor = expectGood("create", libc.open(path, flags, 0o600));
  expectGood("write", libc.pwrite(descriptor, member.bytes, 0));
  libc.close(descriptor);
  expectGood("chmod", libc.chmod(path, 0o644));
  expectGood("utimens", libc.utimens(path, [1_700_000_000, 5], [1_700_000_000, 5]));
}

/** Writes the tree below `top`. */
export function unpackTree(top: string): void {
  expectGood("mkdir", libc.mkdir(top));
  for (const member of realTree().members) unpackMember(top, member);
}

function removeTree(top: string): void {
  for (const member of [...realTree().members].reverse()) {
    const path = libc.toByteString(`${top}${member.path}`);
    expectGood("remove", member.bytes === undefined ? libc.rmdir(path) : libc.unlink(path));
  }
  expectGood("rmdir", libc.rmdir(top));
}

/** All scenarios of this kind. */
export const TREE_SCENARIOS: readonly Scenario[] = [{
  rows: ["unpack a real tree", "remove it"],
  run(target, results) {
    const top = `${target.root}/tree`;
    realTree();
    results.record("unpack a real tree", "ms", target.name, milliseconds(() => unpackTree(top)));
    target.remount();
    results.record("remove it", "ms", target.name, milliseconds(() => removeTree(top)));
  },
}];
