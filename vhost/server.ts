/**
 * Listening for front-ends: one at a time, or several side by side.
 *
 * @module
 */

import { close, setNonBlocking } from "../ffi/libc/file.ts";
import { acceptConnection } from "../ffi/libc/socket.ts";
import { textOf } from "./fault.ts";
import type { EventLoop } from "./loop.ts";
import { type DeviceSettings, Session } from "./session.ts";

const PAUSE_MS = 1000;

/** How connections are taken. */
export interface ServerSettings {
  readonly device: DeviceSettings;
  /** Go on listening after a front-end has left; else the loop stops when the last one leaves. */
  readonly reconnect: boolean;
  /** How many front-ends at once; those that come above are turned away with a line in the log. */
  readonly mostSessions: number;
}

/** Serves front-ends that connect to a listening socket. */
export class VhostServer {
  readonly #sessions = new Set<Session>();
  #listening: number;
  #count = 0;

  /** @param listening becomes the server's own. */
  constructor(listening: number, readonly loop: EventLoop, readonly settings: ServerSettings) {
    this.#listening = listening;
    setNonBlocking(listening);
    loop.watch(listening, () => this.#accept());
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  #accept(): void {
    const { device, mostSessions } = this.settings;
    try {
      for (;;) {
        const socket = acceptConnection(this.#listening);
        if (socket < 0) return;
        if (this.#sessions.size >= mostSessions) {
          device.log(`a front-end is turned away: ${mostSessions} connected already`);
          close(socket);
        } else {
          this.adopt(socket);
        }
      }
    } catch (error) {
      device.log(textOf(error));
      this.#pause();
    }
  }

  /** Nothing can be accepted (no descriptors, say): listens again after a while. */
  #pause(): void {
    const listening = this.#listening;
    this.loop.unwatch(listening);
    const againAtMs = performance.now() + PAUSE_MS;
    const again = (): number => {
      const left = againAtMs - performance.now();
      if (left > 0) return left;
      this.loop.removeIdle(again);
      if (this.#listening >= 0) this.loop.watch(listening, () => this.#accept());
      return Number.POSITIVE_INFINITY;
    };
    this.loop.addIdle(again);
  }

  /** Serves a front-end on a connected, non-blocking socket. */
  adopt(socket: number): Session {
    const { device } = this.settings;
    const number = ++this.#count;
    const log = (text: string) => device.log(`front-end ${number}: ${text}`);
    log("a front-end has connected");
    device.metrics?.connected();
    const session = new Session(socket, { ...device, log }, this.loop, () => {
      device.metrics?.disconnected();
      this.#sessions.delete(session);
      if (!this.settings.reconnect && this.#sessions.size === 0) this.loop.stop();
    });
    this.#sessions.add(session);
    return session;
  }

  /** Ends all sessions and listens no more. */
  close(): void {
    if (this.#listening >= 0) {
      this.loop.unwatch(this.#listening);
      close(this.#listening);
      this.#listening = -1;
    }
    for (const session of [...this.#sessions]) session.end("the daemon ends");
  }
}
