/**
 * A tree of files of many owners, and random changes of it through the engine's operations.
 *
 * @module
 */

import type { Random } from "../../tests/harness/seed.ts";
import { S_IFDIR, S_IFIFO, S_IFREG } from "../layout/inode.ts";
import { removeAttribute, setAttribute } from "../ops/attributes.ts";
import { makeNode } from "../ops/create.ts";
import type { Engine } from "../ops/engine.ts";
import { fallocate, KEEP_SIZE, PUNCH_HOLE } from "../ops/fallocate.ts";
import { setFlags, setProject, visibleFlags } from "../ops/inode_flags.ts";
import { link } from "../ops/link.ts";
import { makeDirectory } from "../ops/make_directory.ts";
import { EXCHANGE, rename, WHITEOUT } from "../ops/rename.ts";
import { setAttributes } from "../ops/set_attributes.ts";
import { makeSymlink } from "../ops/symlink.ts";
import { removeDirectory, unlink } from "../ops/unlink.ts";
import { write } from "../ops/write.ts";

const PROJINHERIT = 0x20000000;
const ROOT = 2;
const text = new TextEncoder();

/** A name in the tree. */
interface Name {
  readonly parent: number;
  readonly name: Uint8Array;
  readonly ino: number;
}

/** The tree and what may happen to it. */
export class RandomTree {
  readonly #names: Name[] = [];
  readonly #folders: number[] = [ROOT];
  #number = 0;

  /** @param user changes are made as somebody for whom limits hold. */
  constructor(public engine: Engine, readonly random: Random, readonly user: boolean) {}

  /** One random change. @returns what the operation answered. */
  step(): number {
    return this.random.pick(ACTIONS)(this);
  }

  get #owner(): { readonly uid: number; readonly gid: number } {
    const { random } = this;
    return { uid: random.pick(IDS), gid: random.pick(IDS) };
  }

  get #options(): { readonly privileged: boolean; readonly killPrivileges: boolean } {
    return { privileged: !this.user, killPrivileges: this.user };
  }

  #newName(): Uint8Array {
    return text.encode(`${this.#number++}-${"n".repeat(this.random.below(60))}`);
  }

  #folder(): number {
    return this.random.pick(this.#folders);
  }

  #note(parent: number, name: Uint8Array, ino: number): number {
    if (ino > 0) this.#names.push({ parent, name, ino });
    return ino;
  }

  /** Any name; undefined while there is none. */
  #any(): Name | undefined {
    return this.#names.length === 0 ? undefined : this.random.pick(this.#names);
  }

  make(): number {
    const parent = this.#folder();
    const name = this.#newName();
    const mode = this.random.pick([S_IFREG, S_IFREG, S_IFREG, S_IFIFO]) | 0o640;
    return this.#note(
      parent,
      name,
      makeNode(this.engine, this.#owner, parent, name, mode, 0, 0),
    );
  }

  makeFolder(): number {
    const parent = this.#folder();
    const name = this.#newName();
    const mode = S_IFDIR | this.random.pick([0o755, 0o2755]);
    const ino = makeDirectory(this.engine, this.#owner, parent, name, mode, 0);
    if (ino > 0) this.#folders.push(ino);
    return this.#note(parent, name, ino);
  }

  makeLink(): number {
    const parent = this.#folder();
    const name = this.#newName();
    const target = text.encode("t".repeat(this.random.pick([5, 70, 500])));
    return this.#note(
      parent,
      name,
      makeSymlink(this.engine, this.#owner, parent, name, target),
    );
  }

  write(): number {
    const file = this.#any();
    if (file === undefined || !this.engine.inode(file.ino).isRegular) return 0;
    const offset = this.random.pick([
      0,
      this.random.below(200_000),
      this.engine.inode(file.ino).size,
    ]);
    const bytes = new Uint8Array(this.random.pick([50, 3000, 40_000])).fill(7);
    return write(this.engine, file.ino, offset, bytes, this.#options);
  }

  truncate(): number {
    const file = this.#any();
    if (file === undefined || !this.engine.inode(file.ino).isRegular) return 0;
    return setAttributes(this.engine, file.ino, { size: this.random.below(150_000) }, !this.user);
  }

  allocate(): number {
    const file = this.#any();
    if (file === undefined) return 0;
    const { random } = this;
    const mode = random.pick([0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE]);
    return fallocate(
      this.engine,
      file.ino,
      random.below(200_000),
      1 + random.below(100_000),
      mode,
      !this.user,
    );
  }

  remove(): number {
    if (this.#names.length === 0) return 0;
    const index = this.random.below(this.#names.length);
    const { parent, name, ino } = this.#names[index] as Name;
    const folder = this.#folders.includes(ino);
    const result = folder
      ? removeDirectory(this.engine, parent, name)
      : unlink(this.engine, parent, name);
    if (result < 0) return result;
    this.#names.splice(index, 1);
    if (folder) this.#folders.splice(this.#folders.indexOf(ino), 1);
    return result;
  }

  move(): number {
    if (this.#names.length === 0) return 0;
    const index = this.random.below(this.#names.length);
    const old = this.#names[index] as Name;
    const parent = this.#folder();
    const name = this.#newName();
    const flags = this.random.pick([0, 0, WHITEOUT]);
    const result = rename(this.engine, this.#owner, old.parent, old.name, parent, name, flags);
    if (result === 0) this.#names[index] = { parent, name, ino: old.ino };
    return result;
  }

  replace(): number {
    const [from, to] = [this.#any(), this.#any()];
    if (from === undefined || to === undefined || from === to || from.ino === to.ino) return 0;
    if (this.#folders.includes(from.ino) || this.#folders.includes(to.ino)) return 0;
    const exchange = this.random.chance(30);
    const flags = exchange ? EXCHANGE : 0;
    const { engine } = this;
    const result = rename(
      engine,
      this.#owner,
      from.parent,
      from.name,
      to.parent,
      to.name,
      flags,
    );
    if (result !== 0) return result;
    this.#names[this.#names.indexOf(to)] = { ...to, ino: from.ino };
    if (exchange) this.#names[this.#names.indexOf(from)] = { ...from, ino: to.ino };
    else this.#names.splice(this.#names.indexOf(from), 1);
    return result;
  }

  secondName(): number {
    const file = this.#any();
    if (file === undefined) return 0;
    const parent = this.#folder();
    const name = this.#newName();
    const result = link(this.engine, file.ino, parent, name);
    if (result === 0) this.#names.push({ parent, name, ino: file.ino });
    return result;
  }

  changeOwner(): number {
    const file = this.#any();
    if (file === undefined) return 0;
    const { uid, gid } = this.#owner;
    const change = this.random.pick([{ uid }, { gid }, { uid, gid }]);
    return setAttributes(this.engine, file.ino, { ...change, killPrivileges: true }, !this.user);
  }

  changeProject(): number {
    const file = this.#any();
    return file === undefined ? 0 : setProject(this.engine, file.ino, this.random.pick(IDS));
  }

  changeInheritance(): number {
    const folder = this.#folder();
    const flags = visibleFlags(this.engine.inode(folder)) ^ PROJINHERIT;
    return setFlags(this.engine, folder, flags >>> 0, true);
  }

  setAttribute(): number {
    const file = this.#any();
    if (file === undefined) return 0;
    const { random } = this;
    const name = text.encode(`user.a${random.below(6)}`);
    // Values that are alike are kept once.
    const value = new Uint8Array(random.pick([4, 150, 600, 3000, 9000])).fill(random.below(2));
    const how = { flags: 0, killSgid: false, privileged: !this.user };
    return setAttribute(this.engine, file.ino, name, value, how);
  }

  removeAttribute(): number {
    const file = this.#any();
    if (file === undefined) return 0;
    const name = text.encode(`user.a${this.random.below(6)}`);
    return removeAttribute(this.engine, file.ino, name, !this.user);
  }
}

/** Users, groups and projects. */
const IDS = [0, 1, 255, 256, 1000, 65_535, 65_536, 100_000, 0xfffffffe] as const;

/** What may happen, as often as it stands here. */
const ACTIONS: readonly ((tree: RandomTree) => number)[] = [
  (tree) => tree.make(),
  (tree) => tree.make(),
  (tree) => tree.makeFolder(),
  (tree) => tree.makeLink(),
  (tree) => tree.write(),
  (tree) => tree.write(),
  (tree) => tree.write(),
  (tree) => tree.truncate(),
  (tree) => tree.allocate(),
  (tree) => tree.remove(),
  (tree) => tree.move(),
  (tree) => tree.replace(),
  (tree) => tree.secondName(),
  (tree) => tree.changeOwner(),
  (tree) => tree.changeOwner(),
  (tree) => tree.changeProject(),
  (tree) => tree.changeInheritance(),
  (tree) => tree.setAttribute(),
  (tree) => tree.setAttribute(),
  (tree) => tree.removeAttribute(),
];
