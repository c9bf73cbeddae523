/**
 * The control channel of one mount, put together.
 *
 * @module
 */

import { effectiveUid } from "../../../ffi/libc/mount.ts";
import type { FuseSession } from "../../../ffi/fuse/session.ts";
import type { OperationGroup } from "../../../ffi/fuse/operations/operation.ts";
import type { Ext4FileSystem } from "../../../fs/fuse/ext4_file_system.ts";
import type { KfsOptions } from "../mount_options.ts";
import { nodeOf } from "../../../fs/fuse/node.ts";
import { answerMessage, failureLine } from "./answer.ts";
import { channelOperations, ControlChannel } from "./channel.ts";
import type { MountContext } from "./command.ts";
import { Jobs } from "./jobs.ts";

/** How many messages of the mount are kept for `status`. */
const MAX_MESSAGES = 20;

/** Made before the session, because the session is made with its operations. */
export class MountControl {
  /** For the session's options. */
  readonly operations: OperationGroup;
  readonly #messages: string[] = [];
  #context: MountContext | undefined;

  constructor() {
    const channel = new ControlChannel(effectiveUid(), (message) => this.#answer(message));
    this.operations = channelOperations(channel);
  }

  /** Remembers a message of the mount. */
  note(text: string): void {
    this.#messages.push(text);
    if (this.#messages.length > MAX_MESSAGES) this.#messages.shift();
  }

  /**
   * From now on questions are answered.
   * @param startNotices starts the session's thread for notices, unless that was done.
   */
  serve(
    session: FuseSession,
    fileSystem: Ext4FileSystem,
    options: KfsOptions,
    startNotices: () => void,
  ): void {
    const { engine } = fileSystem;
    const { server } = session;
    const jobs = new Jobs({
      requests: () => server.ticket,
      monotonicMs: () => performance.now(),
      hurry: () => session.hurry(),
      failed: (error, name) => failureLine(engine, error, name),
    });
    this.#context = {
      engine,
      fileSystem,
      options,
      server,
      jobs,
      mountedAt: new Date(),
      messages: this.#messages,
      invalidateInode(ino, offset, length) {
        if (length < 0) return server.invalidateAttributes(nodeOf(ino));
        startNotices();
        server.invalidateInode(nodeOf(ino), offset, length);
      },
      invalidateName(parent, name) {
        startNotices();
        server.invalidateEntry(nodeOf(parent), name);
      },
    };
    session.inBackground(() => jobs.turn());
  }

  /** Ends what is under way: the file system is about to be closed. */
  end(): void {
    this.#context?.jobs.cancelAll();
    this.#context = undefined;
  }

  #answer(message: Uint8Array): Uint8Array {
    if (this.#context === undefined) {
      return new TextEncoder().encode('{"error":{"kind":"busy","message":"not ready"}}');
    }
    return answerMessage(this.#context, message);
  }
}
