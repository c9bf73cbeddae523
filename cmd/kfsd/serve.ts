/**
 * One daemon, from its socket to its end.
 *
 * @module
 */

import { CAPABILITY } from "../../ffi/fuse/abi.ts";
import type { ServerOptions } from "../../ffi/fuse/options.ts";
import { effectiveUid } from "../../ffi/libc/mount.ts";
import { openSignals, takeSignal } from "../../ffi/libc/signals.ts";
import { portOf } from "../../ffi/libc/tcp.ts";
import { Credentials } from "../../vhost/host/credentials.ts";
import { FileHandles } from "../../vhost/host/file_handles.ts";
import { HostFileSystem } from "../../vhost/host/host_file_system.ts";
import { type HandlePolicy, validMs } from "../../vhost/host/host_options.ts";
import { StatusRecord } from "../../vhost/host/status_record.ts";
import { Loop } from "../../vhost/loop.ts";
import { raiseDescriptorLimit } from "../../vhost/sandbox/descriptor_limit.ts";
import { MetricsEndpoint } from "../../vhost/metrics/endpoint.ts";
import { Metrics } from "../../vhost/metrics/operations.ts";
import { VhostServer } from "../../vhost/server.ts";
import { configSpace } from "../../vhost/virtio_fs.ts";
import { CommandError } from "../shared/command_error.ts";
import { STOP_SIGNALS } from "./handover.ts";
import { openListening } from "./listening.ts";
import { type Served, shareImage } from "./image.ts";
import { type Log, openLog } from "./log.ts";
import type { KfsdOptions } from "./options.ts";
import { callFilter, checkSandbox, enterSandbox, renounce } from "./shut_in.ts";

/** Request queues that a front-end may have whatever the configuration space says, and the one for FORGET. */
const MOST_QUEUES = 64;
const PAGE_SHIFT = 12;
const MOST_FRONT_ENDS = 64;

/** Serves until a signal, or until the last front-end has left. @returns the exit status */
export function serve(options: KfsdOptions): number {
  const log = openLog(options);
  checkSandbox(options);
  const filter = callFilter(options);
  const listening = openListening(options);
  try {
    const signals = openSignals(STOP_SIGNALS);
    const limit = raiseDescriptorLimit(options.rlimitNofile);
    for (const remark of options.remarks) log("warn", remark);
    const loop = new Loop();
    const served = options.image === ""
      ? shareDirectory(options, listening.folders, log)
      : shareImage(options, fuseOptions(options, log), loop, signals, log);
    if (options.image !== "") {
      enterSandbox(undefined, options);
      renounce(options, -1, listening.folders, log);
    }
    log("debug", `at most ${limit} descriptors`);
    loop.watch(signals, () => {
      if (takeSignal(signals) !== 0) loop.stop();
    });
    const metrics = options.metricsSocket >= 0 ? new Metrics() : undefined;
    const endpoint = metrics && tellMetrics(metrics, options.metricsSocket, loop, log);
    const server = new VhostServer(listening.descriptor, loop, {
      device: {
        ...served.device,
        queues: MOST_QUEUES,
        ...(options.daxWindowBytes > 0 ? { dax: { windowBytes: options.daxWindowBytes } } : {}),
        config: options.tag === "" ? undefined : configSpace(options.tag, options.requestQueues),
        log: (text) => log("info", text),
        metrics,
      },
      reconnect: options.reconnect,
      mostSessions: MOST_FRONT_ENDS,
    });
    filter.set();
    log("info", `waiting for a front-end`);
    loop.run();
    server.close();
    endpoint?.close();
    return served.close();
  } finally {
    listening.remove();
  }
}

function tellMetrics(metrics: Metrics, socket: number, loop: Loop, log: Log): MetricsEndpoint {
  log("info", `metrics at port ${portOf(socket)}`);
  return new MetricsEndpoint(socket, loop, () => metrics.text());
}

/** What guests may do with any file system that is served. */
function fuseOptions(options: KfsdOptions, log: Log): ServerOptions {
  const debug = options.logLevel === "debug" || options.logLevel === "trace";
  return {
    attributesValidMs: validMs(options.cache),
    onlyWriter: false,
    writeback: options.writeback,
    posixAcl: options.posixAcl,
    readdirplus: options.readdirplus,
    allowMmap: options.allowMmap,
    killpriv: options.killpriv,
    capabilities: [
      ...(options.submounts ? [CAPABILITY.SUBMOUNTS] : []),
      ...(options.daxWindowBytes > 0 ? [CAPABILITY.MAP_ALIGNMENT, CAPABILITY.HAS_INODE_DAX] : []),
    ],
    mapAlignment: options.daxWindowBytes > 0 ? PAGE_SHIFT : 0,
    ...(debug ? { trace: (line: string) => log("debug", line) } : {}),
  };
}

function shareDirectory(options: KfsdOptions, folders: readonly number[], log: Log): Served {
  const root = enterSandbox(realDirectory(options.sharedDir), options);
  const mapped = options.uidMap !== "" || options.gidMap !== "";
  const credentials = new Credentials(
    effectiveUid() === 0 && (!options.userNamespace || mapped),
    mapped,
  );
  renounce(options, root, folders, log);
  const fileHandles = usableHandles(root, options, log);
  const report = (text: string) => log("error", text);
  return {
    device: {
      fileSystem: () => new HostFileSystem(root, { ...options, fileHandles }, credentials, report),
      fuse: fuseOptions(options, log),
    },
    close: () => 0,
  };
}

/** Whether inodes can be held by handles as they should. @throws CommandError */
function usableHandles(root: number, { fileHandles }: KfsdOptions, log: Log): HandlePolicy {
  if (fileHandles === "never") return fileHandles;
  const status = new StatusRecord();
  const handles = new FileHandles();
  const work = status.load(root) === 0 && handles.workFor(root, status);
  handles.close();
  if (work) return fileHandles;
  const reason = "this user or this file system cannot open files by handles";
  if (fileHandles === "mandatory") {
    throw new CommandError(`--inode-file-handles mandatory: ${reason}`);
  }
  log("warn", `inodes are held by descriptors: ${reason}`);
  return "never";
}

function realDirectory(path: string): string {
  const real = Deno.realPathSync(path);
  if (!Deno.statSync(real).isDirectory) throw new CommandError(`${path} is not a directory`);
  return real;
}
