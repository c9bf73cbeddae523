/**
 * The table of kfsctl's commands.
 *
 * @module
 */

import type { CommandLine, CommandSpec } from "../shared/command_line.ts";

/** What a command ends with when it cannot do its work. */
export interface Statuses {
  /** The command line is wrong. */
  readonly usage: number;
  /** The target cannot be opened, or fails. */
  readonly failure: number;
  /** The program is at fault. */
  readonly fault: number;
}

/** A command, loaded when it is asked for. */
export interface Subcommand {
  readonly spec: CommandSpec;
  readonly statuses: Statuses;
  /** @returns the exit status. */
  run(line: CommandLine): Promise<number>;
}

/** A row of the table. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Subcommand>;
}

/** All commands, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "status",
    summary: "what kind of file system it is, how full, and its mount",
    load: async () => (await import("./status.ts")).STATUS,
  },
  {
    name: "top",
    summary: "shows live what a mount does",
    load: async () => (await import("./top.ts")).TOP,
  },
  {
    name: "trace",
    summary: "records the requests to a mount; summary, replay",
    load: async () => (await import("./trace.ts")).TRACE,
  },
  {
    name: "ls",
    summary: "lists a directory",
    load: async () => (await import("./ls.ts")).LS,
  },
  {
    name: "cat",
    summary: "writes files to standard output",
    load: async () => (await import("./cat.ts")).CAT,
  },
  {
    name: "stat",
    summary: "shows the attributes of files",
    load: async () => (await import("./stat.ts")).STAT,
  },
  {
    name: "get",
    summary: "copies files out of an image",
    load: async () => (await import("./get.ts")).GET,
  },
  {
    name: "put",
    summary: "copies files into an image",
    load: async () => (await import("./put.ts")).PUT,
  },
  {
    name: "snapshot",
    summary: "snapshots of the whole file system",
    load: async () => (await import("./snapshot.ts")).SNAPSHOT,
  },
  {
    name: "add",
    summary: "keeps the state of a file as a version",
    load: async () => (await import("./add.ts")).ADD,
  },
  {
    name: "log",
    summary: "lists the versions of a file",
    load: async () => (await import("./log.ts")).LOG,
  },
  {
    name: "restore",
    summary: "brings a version of a file back, or what a snapshot holds",
    load: async () => (await import("./restore.ts")).RESTORE,
  },
  {
    name: "trim",
    summary: "gives free space back to the host",
    load: async () => (await import("./trim.ts")).TRIM,
  },
  {
    name: "frag",
    summary: "how files and free space are fragmented, with a map",
    load: async () => (await import("./frag.ts")).FRAG,
  },
  {
    name: "resize",
    summary: "makes a file system larger or smaller",
    load: async () => (await import("./resize.ts")).RESIZE,
  },
  {
    name: "defrag",
    summary: "brings the pieces of files together",
    load: async () => (await import("./defrag.ts")).DEFRAG,
  },
  {
    name: "tune",
    summary: "changes label, UUID, features and other properties",
    load: async () => (await import("./tune.ts")).TUNE,
  },
  {
    name: "dump",
    summary: "tells what superblock, groups and journal say",
    load: async () => (await import("./dump.ts")).DUMP,
  },
  {
    name: "check",
    summary: "checks an image; only reads",
    load: async () => (await import("./check.ts")).CHECK,
  },
  {
    name: "completion",
    summary: "prints what a shell needs to complete command lines",
    load: async () => (await import("./completion.ts")).COMPLETION,
  },
];
