/**
 * Mutates an image: draws structures and fields, changes them, makes most of the checksums right again.
 *
 * @module
 */

import type { Random } from "../harness/seed.ts";
import type { Anatomy } from "./anatomy.ts";
import type { OverlayDevice } from "./overlay_device.ts";
import { Seals } from "./seals.ts";
import type { Field, Kind, Structure } from "./structure.ts";

/** What was done to an image. */
export interface Mutation {
  readonly kind: Kind;
  /** For people, e.g. "inode 12 i_size: 0x400 to 0xffffffff (sealed)". */
  readonly description: string;
}

/** Kinds with nothing in them that says who owns a block. */
export const CONTAINED_KINDS: readonly Kind[] = [
  "directory block",
  "htree root",
  "htree node",
  "link target",
  "backup",
];
/** Kinds drawn from when others are to be left alone. */
const CAREFUL_KINDS: readonly Kind[] = [...CONTAINED_KINDS, "inode", "xattr block"];

/** How often a kind is drawn, in place of 10. */
const WEIGHTS: Readonly<Partial<Record<Kind, number>>> = {
  inode: 30,
  "extent node": 15,
  "directory block": 15,
  backup: 2,
  "free inode": 4,
  "link target": 2,
  superblock: 12,
  "htree root": 15,
  "htree node": 15,
  "xattr block": 15,
};

const EDGES = [0, 1, 2, 3, 4, 7, 8, 11, 12, 0x7f, 0x80, 0xff, 0x100, 0x3ff, 0x400, 0x7fff, 0x8000];
const WIDE_EDGES = [0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x10000000];

/** Applies mutations to one image. */
export class Mutator {
  readonly #seals: Seals;
  readonly #kinds: readonly Kind[];

  constructor(
    readonly anatomy: Anatomy,
    readonly device: OverlayDevice,
    readonly random: Random,
  ) {
    this.#seals = new Seals(device, anatomy.geometry);
    // Of such images more can be asked: see bystanders.ts.
    this.#kinds = random.chance(35)
      ? anatomy.kinds.filter((kind) => CAREFUL_KINDS.includes(kind))
      : anatomy.kinds;
  }

  /** Mutates once to some times; returns what was done. */
  run(): Mutation[] {
    const { random } = this;
    const count = random.pick([1, 1, 1, 2, 2, 3, 5]);
    const done = Array.from({ length: count }, () => this.#one());
    // A change of what the seeds come from: now and then everything is made right again.
    if (done.some(({ kind }) => kind === "superblock") && random.chance(40)) this.#sealAll();
    return done;
  }

  #sealAll(): void {
    for (const { seal } of this.anatomy.structures) seal?.(this.#seals);
    this.#seals.superblock(1024);
  }

  #one(): Mutation {
    const structure = this.#draw();
    const sealed = structure.seal !== undefined && this.random.chance(92);
    const change = this.#change(structure);
    if (sealed) structure.seal?.(this.#seals);
    const how = sealed ? "sealed" : "not sealed";
    const description = `${structure.kind} ${structure.name}: ${change} (${how})`;
    return { kind: structure.kind, description };
  }

  #draw(): Structure {
    const { anatomy, random } = this;
    const weight = (kind: Kind): number => WEIGHTS[kind] ?? 10;
    let left = random.below(this.#kinds.reduce((sum, kind) => sum + weight(kind), 0));
    for (const kind of this.#kinds) {
      left -= weight(kind);
      if (left < 0) return random.pick(anatomy.ofKind(kind));
    }
    return random.pick(anatomy.structures);
  }

  #change(structure: Structure): string {
    const { random } = this;
    if (structure.fields.length === 0) return this.#bytes(structure);
    const draw = random.below(100);
    if (draw < 66) return this.#field(structure);
    if (draw < 76) return this.#fromAnother(structure);
    if (draw < 84) return this.#swap(structure);
    if (draw < 92) return this.#bytes(structure);
    return this.#whole(structure);
  }

  #field(structure: Structure): string {
    const field = this.random.pick(structure.fields);
    const old = this.#get(structure, field);
    const value = this.#value(old, field.width);
    this.#set(structure, field, value);
    return `${field.name}: 0x${old.toString(16)} to 0x${value.toString(16)}`;
  }

  /** A value for a field: an edge, near the old one, a bit of it flipped, a block, an inode, noise. */
  #value(old: number, width: number): number {
    const { random, anatomy } = this;
    const { blocksCount, inodesCount, blockBytes } = anatomy.geometry;
    const draw = random.below(100);
    const value = draw < 22
      ? random.pick(EDGES)
      : draw < 34
      ? random.pick(WIDE_EDGES)
      : draw < 44
      ? old + random.pick([-1, 1, 2, -4, 4, 8, 12, blockBytes, -blockBytes])
      : draw < 62
      ? (old ^ (1 << random.below(width * 8))) >>> 0
      : draw < 76
      ? random.pick(anatomy.blocks)
      : draw < 84
      ? random.pick(anatomy.inodes)
      : draw < 92
      ? random.pick([blocksCount, blocksCount - 1, inodesCount, inodesCount + 1, blockBytes])
      : random.next();
    const room = 2 ** (8 * width);
    return ((value % room) + room) % room;
  }

  /** The same field of another structure of the kind: right in itself, wrong here. */
  #fromAnother(structure: Structure): string {
    const others = this.anatomy.ofKind(structure.kind);
    const other = this.random.pick(others);
    const field = this.random.pick(structure.fields);
    const old = this.#get(structure, field);
    const value = field.at + field.width <= other.lengthBytes ? this.#get(other, field) : 0;
    this.#set(structure, field, value);
    return `${field.name}: 0x${old.toString(16)} to 0x${value.toString(16)} of ${other.name}`;
  }

  #swap(structure: Structure): string {
    const first = this.random.pick(structure.fields);
    const second = this.random.pick(structure.fields);
    const [one, two] = [this.#get(structure, first), this.#get(structure, second)];
    this.#set(structure, first, two % 2 ** (8 * first.width));
    this.#set(structure, second, one % 2 ** (8 * second.width));
    return `${first.name} and ${second.name} swapped`;
  }

  /** Some bytes anywhere in the structure. */
  #bytes({ offsetBytes, lengthBytes }: Structure): string {
    const { random, device } = this;
    const at = random.below(lengthBytes);
    const length = Math.min(lengthBytes - at, random.pick([1, 1, 1, 2, 4, 16]));
    const bytes = device.bytes(offsetBytes + at, length);
    const flip = random.chance(60);
    const fill = random.pick([0, 0xff, random.below(256)]);
    for (let i = 0; i < length; i++) {
      bytes[i] = flip ? (bytes[i] ?? 0) ^ (1 << random.below(8)) : fill;
    }
    device.write(bytes, offsetBytes + at);
    return `${length} bytes at 0x${at.toString(16)} ${flip ? "flipped" : `set to ${fill}`}`;
  }

  /** All of it, or its second half: cleared, filled with noise, or copied from elsewhere. */
  #whole(structure: Structure): string {
    const { random, device, anatomy } = this;
    const start = random.chance(50) ? 0 : structure.lengthBytes / 2;
    const place = structure.offsetBytes + start;
    const length = structure.lengthBytes - start;
    const draw = random.below(10);
    if (draw < 2) {
      device.write(new Uint8Array(length), place);
      return `cleared from 0x${start.toString(16)} on`;
    }
    if (draw < 4) {
      device.write(random.fill(new Uint8Array(length)), place);
      return `noise from 0x${start.toString(16)} on`;
    }
    const same = random.chance(60) ? anatomy.ofKind(structure.kind) : anatomy.structures;
    const other = random.pick(same);
    const copied = Math.min(length, Math.max(0, other.lengthBytes - start));
    device.write(device.bytes(other.offsetBytes + start, copied), place);
    return `${copied} bytes from 0x${
      start.toString(16)
    } on copied from ${other.kind} ${other.name}`;
  }

  #get(structure: Structure, field: Field): number {
    const view = new DataView(
      this.device.bytes(structure.offsetBytes + field.at, field.width).buffer,
    );
    const little = structure.bigEndian !== true;
    if (field.width === 1) return view.getUint8(0);
    return field.width === 2 ? view.getUint16(0, little) : view.getUint32(0, little);
  }

  #set(structure: Structure, field: Field, value: number): void {
    const bytes = new Uint8Array(field.width);
    const view = new DataView(bytes.buffer);
    const little = structure.bigEndian !== true;
    if (field.width === 1) view.setUint8(0, value);
    else if (field.width === 2) view.setUint16(0, value, little);
    else view.setUint32(0, value, little);
    this.device.write(bytes, structure.offsetBytes + field.at);
  }
}
