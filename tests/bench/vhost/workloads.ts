/**
 * What is measured: requests as a guest's kernel sends them.
 *
 * @module
 */

import { OPCODE, SIZE } from "../../../ffi/fuse/abi.ts";
import { Driver, type FillRequest } from "./driver.ts";

/** One row of the table. */
export interface Row {
  readonly name: string;
  readonly unit: "µs each" | "MiB/s";
  readonly value: number;
}

const ARGUMENTS = SIZE.IN_HEADER;
export const FILE_BYTES = 64 << 20;
export const FILE_NAME = "data";
export const MANY_FOLDER = "many";
export const MANY_NAMES = 10_000;
const encoder = new TextEncoder();

function name(text: string): FillRequest {
  const bytes = encoder.encode(`${text}\0`);
  return (_view, target) => {
    target.set(bytes, ARGUMENTS);
    return bytes.length;
  };
}

const getattr: FillRequest = (_view, bytes) => {
  bytes.fill(0, ARGUMENTS, ARGUMENTS + SIZE.GETATTR_IN);
  return SIZE.GETATTR_IN;
};

/** READ, READDIRPLUS: handle, offset, size. */
function readFill(handle: number, size: number, offset: (index: number) => number): FillRequest {
  return (view, bytes, index) => {
    bytes.fill(0, ARGUMENTS, ARGUMENTS + SIZE.READ_IN);
    view.setUint32(ARGUMENTS, handle, true);
    view.setBigUint64(ARGUMENTS + 8, BigInt(offset(index)), true);
    view.setUint32(ARGUMENTS + 16, size, true);
    return SIZE.READ_IN;
  };
}

/** WRITE: as READ; the data lie in memory as they are. */
function writeFill(handle: number, size: number, offset: (index: number) => number): FillRequest {
  const fill = readFill(handle, size, offset);
  return (view, bytes, index) => fill(view, bytes, index) + size;
}

/** Runs everything over one connection. */
export class Workloads {
  readonly rows: Row[] = [];

  constructor(readonly driver: Driver, readonly rounds: number) {}

  #each(title: string, count: number, ms: number): void {
    this.rows.push({ name: title, unit: "µs each", value: ms * 1000 / count });
  }

  #throughput(title: string, bytes: number, ms: number): void {
    this.rows.push({ name: title, unit: "MiB/s", value: bytes / (1 << 20) / (ms / 1000) });
  }

  #one(
    opcode: number,
    node: number,
    fill: FillRequest,
    take?: (reply: DataView, length: number) => void,
    room = 4096,
  ): void {
    this.driver.run({ opcode, node, count: 1, depth: 1, room, fill, ...(take ? { take } : {}) });
  }

  connect(): void {
    this.#one(OPCODE.INIT, 0, (view) => {
      view.setUint32(ARGUMENTS, 7, true);
      view.setUint32(ARGUMENTS + 4, 31, true);
      view.setUint32(ARGUMENTS + 8, 131072, true);
      view.setUint32(ARGUMENTS + 12, 0x3fff_fffb, true);
      return 16;
    });
  }

  #lookup(parent: number, text: string): number {
    let node = 0;
    this.#one(OPCODE.LOOKUP, parent, name(text), (reply) => {
      node = Number(reply.getBigUint64(SIZE.OUT_HEADER, true));
    });
    return node;
  }

  #open(opcode: number, node: number, flags: number): number {
    let handle = 0;
    this.#one(opcode, node, (view) => {
      view.setUint32(ARGUMENTS, flags, true);
      view.setUint32(ARGUMENTS + 4, 0, true);
      return SIZE.OPEN_IN;
    }, (reply) => {
      handle = Number(reply.getBigUint64(SIZE.OUT_HEADER, true));
    });
    return handle;
  }

  /** Everything, in order. */
  all(): readonly Row[] {
    this.connect();
    const file = this.#lookup(1, FILE_NAME);
    for (const depth of [1, 16]) this.#metadata(file, depth);
    this.#files();
    const handle = this.#open(OPCODE.OPEN, file, 2);
    for (const depth of [1, 16]) this.#randomReads(file, handle, depth);
    for (const kib of [128, 1024]) this.#sequential(file, handle, kib << 10);
    this.#listing();
    return this.rows;
  }

  #metadata(file: number, depth: number): void {
    const count = this.rounds * 1000;
    const common = { count, depth, room: 256 };
    const attributes = { ...common, opcode: OPCODE.GETATTR, node: file, fill: getattr };
    this.driver.run(attributes);
    this.#each(`getattr, depth ${depth}`, count, this.driver.run(attributes));
    const look = { ...common, opcode: OPCODE.LOOKUP, node: 1, fill: name(FILE_NAME) };
    this.driver.run(look);
    this.#each(`lookup, depth ${depth}`, count, this.driver.run(look));
  }

  /** Makes, writes, closes and removes small files, one request after the other. */
  #files(): void {
    const count = this.rounds * 100;
    const begin = performance.now();
    for (let index = 0; index < count; index++) {
      const text = encoder.encode(`new-${index}\0`);
      let node = 0;
      let handle = 0;
      this.#one(OPCODE.CREATE, 1, (view, bytes) => {
        view.setUint32(ARGUMENTS, 2, true);
        view.setUint32(ARGUMENTS + 4, 0o100644, true);
        view.setUint32(ARGUMENTS + 8, 0o22, true);
        view.setUint32(ARGUMENTS + 12, 0, true);
        bytes.set(text, ARGUMENTS + 16);
        return 16 + text.length;
      }, (reply) => {
        node = Number(reply.getBigUint64(SIZE.OUT_HEADER, true));
        handle = Number(reply.getBigUint64(SIZE.OUT_HEADER + SIZE.ENTRY_OUT, true));
      });
      this.#one(OPCODE.WRITE, node, writeFill(handle, 1024, () => 0));
      this.#one(OPCODE.RELEASE, node, (view, bytes) => {
        bytes.fill(0, ARGUMENTS, ARGUMENTS + SIZE.RELEASE_IN);
        view.setUint32(ARGUMENTS, handle, true);
        return SIZE.RELEASE_IN;
      });
      this.#one(OPCODE.UNLINK, 1, name(`new-${index}`));
    }
    this.#each("create, write 1 KiB, close, unlink", count, performance.now() - begin);
  }

  #randomReads(file: number, handle: number, depth: number): void {
    const count = this.rounds * 1000;
    const blocks = FILE_BYTES / 4096;
    const fill = readFill(handle, 4096, (index) => (index * 7919 % blocks) * 4096);
    const ms = this.driver.run({ opcode: OPCODE.READ, node: file, count, depth, room: 4096, fill });
    this.#each(`random 4 KiB reads, depth ${depth}`, count, ms);
  }

  #sequential(file: number, handle: number, size: number): void {
    const count = FILE_BYTES / size;
    const kib = size >> 10;
    const common = { node: file, count, depth: 2 };
    const offset = (index: number) => index * size;
    const write = writeFill(handle, size, offset);
    const read = readFill(handle, size, offset);
    for (let round = 0; round < 2; round++) {
      const wrote = this.driver.run({ ...common, opcode: OPCODE.WRITE, room: 8, fill: write });
      const got = this.driver.run({ ...common, opcode: OPCODE.READ, room: size, fill: read });
      if (round === 0) continue;
      this.#throughput(`sequential ${kib} KiB writes`, FILE_BYTES, wrote);
      this.#throughput(`sequential ${kib} KiB reads`, FILE_BYTES, got);
    }
  }

  #listing(): void {
    const folder = this.#lookup(1, MANY_FOLDER);
    const begin = performance.now();
    const handle = this.#open(OPCODE.OPENDIR, folder, 0);
    let offset = 0;
    let entries = 0;
    for (let more = true; more;) {
      const fill = readFill(handle, 32768, () => offset);
      this.#one(OPCODE.READDIRPLUS, folder, fill, (reply, length) => {
        more = length > SIZE.OUT_HEADER;
        for (let at: number = SIZE.OUT_HEADER; at < length;) {
          const record = at + SIZE.ENTRY_OUT;
          offset = Number(reply.getBigUint64(record + 8, true));
          const bytes = reply.getUint32(record + 16, true);
          at = record + SIZE.DIRENT + Math.ceil(bytes / 8) * 8;
          entries++;
        }
      }, 32768);
    }
    if (entries < MANY_NAMES) throw new Error(`${entries} names were listed`);
    this.#each("readdirplus of 10,000 names", entries, performance.now() - begin);
  }
}
