/**
 * A mounted image served to virtual machines, too: the mount and each machine have a view of one file
 * system. The mount's kernel keeps what it has looked at and is told of what machines change before
 * they get their answer; machines keep nothing, as in `cmd/kfsd/image.ts`.
 *
 * @module
 */

import type { FuseSession } from "../../ffi/fuse/session.ts";
import type { FileSystem } from "../../ffi/fuse/port.ts";
import { HostedLoop } from "../../vhost/hosted_loop.ts";
import { VhostServer } from "../../vhost/server.ts";
import { SharedFileSystem } from "../../vhost/shared_file_system.ts";
import { type Listening, openListening } from "../kfsd/listening.ts";
import { later } from "./later.ts";

const MOST_QUEUES = 64;
const MOST_FRONT_ENDS = 64;
const NOTHING_KEPT = { validMs: 0, keepCache: false } as const;

/** See the module. */
export class Guests {
  /** What the mount is served from. */
  readonly mountView: FileSystem;
  readonly #shared: SharedFileSystem;
  readonly #listening: Listening;
  #loop: HostedLoop | undefined;
  #server: VhostServer | undefined;

  /** Listens at `socketPath`; front-ends wait until `serve`. @throws CommandError, SystemError */
  constructor(
    fileSystem: FileSystem,
    socketPath: string,
    readonly log: (text: string) => void,
  ) {
    this.#listening = openListening({ socketPath, socketGroup: "", fd: -1 });
    this.#shared = new SharedFileSystem(fileSystem, NOTHING_KEPT);
    this.mountView = this.#shared.keepingView();
  }

  /** Serves front-ends from within the mount's session, which has a thread for notices. */
  serve(session: FuseSession): void {
    this.#loop = new HostedLoop({
      watch: (descriptor, ready, events) => session.watch(descriptor, ready, events),
      unwatch: (descriptor) => session.unwatch(descriptor),
      later: (milliseconds, action) => later(session, milliseconds, action),
    });
    this.#server = new VhostServer(this.#listening.descriptor, this.#loop, {
      device: {
        fileSystem: () => this.#shared.view(),
        fuse: { attributesValidMs: 0, onlyWriter: false },
        queues: MOST_QUEUES,
        config: undefined,
        log: this.log,
        hold: (done) => session.afterNotices(done),
      },
      reconnect: true,
      mostSessions: MOST_FRONT_ENDS,
    });
  }

  /** Ends all machines' sessions, then the file system. */
  close(): void {
    this.#server?.close();
    this.#loop?.close();
    this.#listening.remove();
    this.#shared.close();
  }
}
