/**
 * Asking the kfs that serves a mount: the other end of the control channel.
 *
 * @module
 */

import { O_DIRECTORY, O_NONBLOCK, O_RDONLY } from "../../ffi/libc/constants.ts";
import { ERRNO, errnoText } from "../../ffi/libc/errno.ts";
import { close, open } from "../../ffi/libc/file.ts";
import { asUser } from "../../ffi/libc/identity.ts";
import { ioctl } from "../../ffi/libc/ioctl.ts";
import { effectiveUid, mountAt } from "../../ffi/libc/mount.ts";
import { SystemError } from "../../ffi/libc/error.ts";
import { CommandError } from "../shared/command_error.ts";
import {
  CONTROL_IOCTL,
  type ControlAnswer,
  type ControlErrorKind,
  decodeFrame,
  encodeFrame,
  FRAME,
  type Frame,
  FRAME_BYTES,
  type JobState,
  MAX_REQUEST_BYTES,
  PIECE_BYTES,
  type Progress,
} from "../shared/control_protocol.ts";

/** How often a job is asked how far it is. */
const POLL_MS = 50;

/** The mount refused; the message is a line for people. */
export class RefusedByMount extends Error {
  override readonly name = "RefusedByMount";
  /** Marks it as expected in use; see `errorLine`. */
  readonly errno = 0;
  constructor(readonly kind: ControlErrorKind, message: string) {
    super(message);
  }
}

/** A conversation with one mount. To be closed: it keeps the mount busy. */
export class MountClient implements Disposable {
  readonly #descriptor: number;
  readonly #frame = new Uint8Array(FRAME_BYTES);
  readonly #as: <T>(work: () => T) => T = (work) => work();

  /** @param mountPoint names the mount in errors. @throws SystemError */
  constructor(readonly mountPoint: string) {
    const begin = (): number => open(mountPoint, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    try {
      this.#descriptor = begin();
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== ERRNO.EACCES) throw error;
      const owner = ownerOf(mountPoint);
      // The directory itself may be closed to whoever mounted.
      if (owner === undefined || owner.uid === effectiveUid()) throw error;
      if (effectiveUid() !== 0) throw this.#refusal(ERRNO.EPERM);
      // Not even root comes into another user's mount, but he may become that user.
      this.#as = (work) => asUser(owner.uid, owner.gid, work);
      this.#descriptor = this.#as(begin);
    }
  }

  /**
   * Has the mount do a command.
   * @throws RefusedByMount, CommandError (not permitted, no kfs, another version), SystemError
   */
  ask<Result>(command: string, args: Readonly<Record<string, unknown>> = {}): Result {
    const text = JSON.stringify({ command, args });
    const answer: ControlAnswer = JSON.parse(new TextDecoder().decode(
      this.#converse(new TextEncoder().encode(text)),
    ));
    if ("error" in answer) {
      throw new RefusedByMount(answer.error.kind, `${this.mountPoint}: ${answer.error.message}`);
    }
    return answer.result as Result;
  }

  /**
   * Starts a job and waits for its end. SIGINT and SIGTERM cancel it.
   * @throws RefusedByMount when it failed; CommandError when it was cancelled (status 130).
   */
  async runJob<Result>(
    name: string,
    args: Readonly<Record<string, unknown>> = {},
    report: (progress: Progress) => void = () => {},
  ): Promise<Result> {
    let job = this.ask<JobState>("job.start", { name, args });
    let cancelled = false;
    const cancel = (): void => void (cancelled = true);
    const signals = ["SIGINT", "SIGTERM"] as const;
    for (const signal of signals) Deno.addSignalListener(signal, cancel);
    try {
      while (job.state === "running") {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        job = this.ask<JobState>(cancelled ? "job.cancel" : "job.poll", { id: job.id });
        report(job.progress);
      }
    } finally {
      for (const signal of signals) Deno.removeSignalListener(signal, cancel);
    }
    if (job.state === "cancelled") throw new CommandError(`${name}: cancelled`, 130);
    if (job.state === "failed") {
      throw new RefusedByMount("failed", `${this.mountPoint}: ${name}: ${job.message ?? ""}`);
    }
    return job.result as Result;
  }

  close(): void {
    close(this.#descriptor);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #converse(message: Uint8Array): Uint8Array {
    if (message.length > MAX_REQUEST_BYTES) throw new CommandError("the request is too long");
    const total = message.length;
    let reply: Frame | undefined;
    for (let offset = 0; reply === undefined || offset < total; offset += PIECE_BYTES) {
      const bytes = message.subarray(offset, offset + PIECE_BYTES);
      const exchange: number = reply?.exchange ?? 0;
      reply = this.#exchange({ kind: FRAME.SEND, exchange, total, offset, bytes });
    }
    const answer = new Uint8Array(reply.total);
    for (;;) {
      if (reply.kind !== FRAME.ANSWER || reply.bytes.length === 0) throw this.#strange();
      answer.set(reply.bytes, reply.offset);
      const offset: number = reply.offset + reply.bytes.length;
      if (offset >= answer.length) return answer;
      const { exchange } = reply;
      const bytes = new Uint8Array(0);
      reply = this.#exchange({ kind: FRAME.FETCH, exchange, total: 0, offset, bytes });
    }
  }

  #exchange(frame: Omit<Frame, "version">): Frame {
    encodeFrame(this.#frame, frame);
    const number = this.#as(() => ioctl(this.#descriptor, CONTROL_IOCTL, this.#frame));
    if (number !== 0) throw this.#refusal(number);
    const reply = decodeFrame(this.#frame);
    if (reply === undefined) throw this.#strange();
    return reply;
  }

  #strange(): Error {
    return new CommandError(`${this.mountPoint}: the answer cannot be understood`);
  }

  #refusal(number: number): Error {
    const { mountPoint } = this;
    const text = REFUSALS[number];
    if (text !== undefined) return new RefusedByMount("failed", `${mountPoint}: ${text}`);
    return new SystemError(number, "ioctl", mountPoint, errnoText(number));
  }
}

/** Who mounted what is there; undefined when that is not told. */
function ownerOf(mountPoint: string): { uid: number; gid: number } | undefined {
  const words = mountAt(mountPoint)?.superOptions ?? [];
  const value = (name: string): number =>
    Number(words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1));
  const [uid, gid] = [value("user_id"), value("group_id")];
  return Number.isInteger(uid) && Number.isInteger(gid) ? { uid, gid } : undefined;
}

const REFUSALS: Readonly<Record<number, string>> = {
  [ERRNO.EPERM]: "only root and the user who mounted it may ask this mount",
  [ERRNO.ENOTTY]: "it is no mount of kfs, or of a version without a control channel",
  [ERRNO.EPROTO]: "the kfs that serves it is of another version than this kfsctl",
  [ERRNO.ENOTCONN]: "the kfs that served it is gone (umount it)",
};
