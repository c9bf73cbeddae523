/**
 * From a message to the answer: finds the command, runs it, puts what comes of it into JSON.
 *
 * @module
 */

import { FsError } from "../../../fs/errors.ts";
import type { Engine } from "../../../fs/ops/engine.ts";
import { errnoText } from "../../../ffi/libc/errno.ts";
import type { ControlAnswer } from "../../shared/control_protocol.ts";
import { Arguments, type ControlCommand, ControlError, type MountContext } from "./command.ts";
import { COMMANDS, JOBS } from "./commands.ts";

const MAX_JOB_ID = 0xffff_ffff;

const jobId = (args: Arguments): number => args.number("id", 1, MAX_JOB_ID);

/** Commands on jobs, whatever they do. */
const JOB_COMMANDS: Readonly<Record<string, ControlCommand>> = {
  "job.start": {
    run(context, args) {
      const name = args.text("name");
      const job = Object.hasOwn(JOBS, name) ? JOBS[name] : undefined;
      if (job === undefined) throw new ControlError("missing", `there is no job ${name}`);
      const given = new Arguments(args.get("args") ?? {});
      return context.jobs.start(name, job, () => job.start(context, given));
    },
  },
  "job.poll": { run: ({ jobs }, args) => jobs.poll(jobId(args)) },
  "job.cancel": { run: ({ jobs }, args) => jobs.cancel(jobId(args)) },
  "job.list": { run: ({ jobs }) => jobs.list() },
};

const ALL: Readonly<Record<string, ControlCommand>> = { ...JOB_COMMANDS, ...COMMANDS };

/** Answers a message. Never throws, whatever the bytes. */
export function answerMessage(context: MountContext, message: Uint8Array): Uint8Array {
  let answer: ControlAnswer;
  try {
    answer = { result: run(context, message) ?? null };
  } catch (error) {
    answer = { error: failureOf(context, error) };
  }
  return new TextEncoder().encode(JSON.stringify(answer));
}

function run(context: MountContext, message: Uint8Array): unknown {
  const request = parse(message);
  const name = request.text("command");
  const command = Object.hasOwn(ALL, name) ? ALL[name] : undefined;
  if (command === undefined) {
    throw new ControlError("missing", `this kfs has no command ${JSON.stringify(name)}`);
  }
  return command.run(context, new Arguments(request.get("args") ?? {}));
}

function parse(message: Uint8Array): Arguments {
  try {
    return new Arguments(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(message)));
  } catch {
    throw new ControlError("usage", "the message is no JSON object");
  }
}

function failureOf(context: MountContext, error: unknown) {
  if (error instanceof ControlError) return { kind: error.kind, message: error.message };
  return { kind: "failed" as const, message: failureLine(context.engine, error, "control") };
}

/** The line for what the engine threw, which records damage of the image. */
export function failureLine(engine: Engine, error: unknown, operation: string): string {
  if (error instanceof ControlError) return error.message;
  const errno = -engine.errnoOf(error, operation);
  return error instanceof FsError ? error.message : errnoText(errno);
}
