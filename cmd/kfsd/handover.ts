/**
 * Starting to serve: the process becomes itself a second time, with the signals that end it blocked in all
 * threads, so that the serving thread reads them from a descriptor.
 *
 * @module
 */

import { effectiveUid } from "../../ffi/libc/mount.ts";
import { becomeProgram } from "../../ffi/libc/process.ts";
import { listenTcp, parseTcpAddress } from "../../ffi/libc/tcp.ts";
import { limitCapabilities } from "../../vhost/sandbox/capabilities.ts";
import { enterNamespaces } from "../../vhost/sandbox/confine.ts";
import { CommandError } from "../shared/command_error.ts";
import { blockSignals, SIGHUP, SIGINT, SIGTERM } from "../../ffi/libc/signals.ts";
import type { KfsdOptions } from "./options.ts";
import { capabilitiesFor } from "./shut_in.ts";

const HANDOVER_VARIABLE = "KFSD_SERVE";
/** Small young generations: serving makes little garbage. */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=2,--min-semi-space-size=1";

const UNSHARE = "/usr/bin/unshare";

/** The signals that end the daemon. */
export const STOP_SIGNALS = [SIGHUP, SIGINT, SIGTERM] as const;

/** Whether this process is to serve. */
export function isServingProcess(): boolean {
  return Deno.env.has(HANDOVER_VARIABLE);
}

/** The options that were handed over. */
export function takeHandover(): KfsdOptions {
  const text = Deno.env.get(HANDOVER_VARIABLE) ?? "";
  Deno.env.delete(HANDOVER_VARIABLE);
  return JSON.parse(text);
}

/**
 * Becomes the serving process; open descriptors and the process id stay. Namespaces and the limit of
 * capabilities come first: so they hold for all threads of the process that serves. A user who is not
 * root becomes root of a user namespace, where the sandbox needs one.
 */
export function becomeServingProcess(options: KfsdOptions): never {
  blockSignals(STOP_SIGNALS);
  const isRoot = effectiveUid() === 0;
  const ownNamespace = options.sandbox === "namespace" && !isRoot;
  // The network namespace of the process that serves has no addresses.
  const metricsSocket = metricsListening(options.metrics);
  const text = JSON.stringify({ ...options, metricsSocket, userNamespace: ownNamespace });
  const environment = { ...Deno.env.toObject(), [HANDOVER_VARIABLE]: text };
  const words = programWords();
  if (isRoot && (options.uidMap !== "" || options.gidMap !== "")) {
    throw new CommandError(
      "--uid-map and --gid-map: root has no user namespace; see --translate-uid",
    );
  }
  if (isRoot) shutIn(options);
  if (!ownNamespace) return becomeProgram(Deno.execPath(), words, environment);
  // A process of several threads cannot enter a user namespace; unshare(1) has one.
  const entering = [
    ...["unshare", "--user", ...mapWords(options), "--mount", "--propagation", "slave"],
    ...["--net", "--ipc", "--", Deno.execPath()],
  ];
  return becomeProgram(UNSHARE, [...entering, ...words.slice(1)], environment);
}

function metricsListening(address: string): number {
  const parsed = parseTcpAddress(address);
  if (parsed === undefined) return -1;
  try {
    return listenTcp(parsed);
  } catch (error) {
    throw new CommandError(
      `--metrics ${address}: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** unshare(1) has newuidmap(1) map ranges, by what /etc/subuid grants; its order is host, namespace, count. */
function mapWords({ uidMap, gidMap }: KfsdOptions): string[] {
  if (uidMap === "" && gidMap === "") return ["--map-root-user"];
  const range = (map: string) => {
    const [inside, outside, count] = map.split(":");
    return `${outside},${inside},${count}`;
  };
  const users = uidMap === "" ? ["--map-user=0"] : [`--map-users=${range(uidMap)}`];
  const groups = gidMap === "" ? ["--map-group=0"] : [`--map-groups=${range(gidMap)}`];
  return [...users, ...groups, "--setuid=0", "--setgid=0"];
}

function shutIn(options: KfsdOptions): void {
  try {
    if (options.sandbox === "namespace") enterNamespaces();
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new CommandError(`--sandbox namespace: ${reason}; use --sandbox chroot or none`);
  }
  limitCapabilities(capabilitiesFor(options));
}

function programWords(): string[] {
  const program = Deno.execPath();
  if (Deno.build.standalone) return [program];
  return [
    program,
    "run",
    "-A",
    V8_FLAGS,
    "--no-config",
    "--no-lock",
    "--no-prompt",
    new URL("./serving_process.ts", import.meta.url).href,
  ];
}
