/**
 * A back-end in the test's own process and thread: the front-end's waits run its loop.
 *
 * @module
 */

import { setNonBlocking } from "../../ffi/libc/file.ts";
import type { FileSystem } from "../../ffi/fuse/port.ts";
import type { ServerOptions } from "../../ffi/fuse/options.ts";
import { makeSocketPair } from "../../ffi/libc/socket.ts";
import { Loop } from "../loop.ts";
import { Session } from "../session.ts";
import { configSpace } from "../virtio_fs.ts";
import { TestFrontEnd } from "./front_end.ts";

/** A session, its loop, and what was logged. */
export class TestBackEnd implements Disposable {
  readonly loop = new Loop(false);
  readonly log: string[] = [];
  ended = 0;
  readonly #frontEnds: TestFrontEnd[] = [];

  constructor(
    readonly fileSystem: () => FileSystem,
    readonly fuse: ServerOptions = {},
    readonly queues = 4,
    readonly daxWindowBytes = 0,
  ) {}

  /** Connects a new front-end. */
  connect(memoryBytes?: number): { frontEnd: TestFrontEnd; session: Session } {
    const [ours, theirs] = makeSocketPair();
    setNonBlocking(ours);
    const session = new Session(
      ours,
      {
        fileSystem: this.fileSystem,
        fuse: this.fuse,
        queues: this.queues,
        ...(this.daxWindowBytes > 0 ? { dax: { windowBytes: this.daxWindowBytes } } : {}),
        config: configSpace("test", 1),
        log: (text) => void this.log.push(text),
      },
      this.loop,
      () => void this.ended++,
    );
    const frontEnd = new TestFrontEnd(theirs, () => this.loop.turn(5), memoryBytes);
    this.#frontEnds.push(frontEnd);
    return { frontEnd, session };
  }

  /** Closes all front-ends, and runs the loop until their sessions have ended. */
  [Symbol.dispose](): void {
    for (const frontEnd of this.#frontEnds) frontEnd.close();
    for (let turn = 0; turn < 50 && this.ended < this.#frontEnds.length; turn++) this.loop.turn(5);
  }
}

/** How many descriptors this process has open. */
export function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
