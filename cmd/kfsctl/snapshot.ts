/** `kfsctl snapshot ACTION TARGET …`: snapshots of a whole file system. @module */

import type { Image, SnapshotInfo } from "../../mod.ts";
import { formatBytes } from "../shared/amount.ts";
import { CommandError } from "../shared/command_error.ts";
import type { CommandLine } from "../shared/command_line.ts";
import { ProgressBar } from "../shared/progress.ts";
import type { SnapshotRow } from "../shared/snapshot_info.ts";
import type { Subcommand } from "./commands.ts";
import { MountClient, RefusedByMount } from "./mount_client.ts";
import { COMMON_OPTIONS, JSON_OPTION, offsetOf, openImage, STATUSES } from "./open_image.ts";
import { columns, printable, timeText } from "./printable.ts";
import { snapshotDiff } from "./snapshot_diff.ts";
import { findTarget } from "./target.ts";

export const SNAPSHOT: Subcommand = {
  spec: {
    name: "kfsctl snapshot",
    summary: "Makes, lists, shows, renames and deletes snapshots of a whole file system.",
    operands: "ACTION TARGET [NAME…]",
    actions: ["create", "list", "show", "delete", "rename"],
    options: [JSON_OPTION, ...COMMON_OPTIONS],
    notes: `Actions:
  create TARGET NAME      keep what is there now, under this name; takes no time
  list TARGET             names, times, what was in use, and whether they can be read
  show TARGET [NAME]      with the space that each holds, and holds alone
  diff IMAGE NAME [OTHER] what is another way now, or in the snapshot OTHER
  delete TARGET NAME…     and free what no other one needs
  rename TARGET OLD NEW

TARGET is a mount of kfs (any path in it), or an image. Names are letters, digits and _.:+@-
and do not begin with one of the marks but _. See docs/snapshots.md.`,
  },
  statuses: STATUSES,
  run,
};

/** An action: how many names it takes, and what it does on either kind of target. */
interface Action {
  readonly least: number;
  readonly most: number;
  readonly words: string;
  onImage(image: Image, names: readonly string[]): readonly SnapshotRow[] | undefined;
  onMount(client: MountClient, names: readonly string[]): Promise<Rows>;
  /** The target's state changes. */
  readonly changes: boolean;
}

type Rows = readonly SnapshotRow[] | undefined;

const ACTIONS: Readonly<Record<string, Action>> = {
  create: {
    least: 1,
    most: 1,
    words: "kfsctl snapshot create TARGET NAME",
    changes: true,
    onImage: (image, [name = ""]) => [row(image.snapshots.create(name))],
    async onMount(client, [name = ""]) {
      await writeOut(client.mountPoint);
      return [client.ask<SnapshotRow>("snapshot.create", { name })];
    },
  },
  list: {
    least: 0,
    most: 0,
    words: "kfsctl snapshot list TARGET",
    changes: false,
    onImage: (image) => image.snapshots.list().map(row),
    onMount: (client) => Promise.resolve(client.ask<readonly SnapshotRow[]>("snapshot.list")),
  },
  show: {
    least: 0,
    most: 1,
    words: "kfsctl snapshot show TARGET [NAME]",
    changes: false,
    onImage(image, [name]) {
      const all = image.snapshots.list();
      const wanted = name === undefined ? all : all.filter((info) => info.name === name);
      // Says that there is none of that name.
      if (name !== undefined && wanted.length === 0) image.snapshots.space(name);
      return wanted.map((info) => ({ ...row(info), ...image.snapshots.space(info.name) }));
    },
    onMount: (client, [name = ""]) => client.runJob<Rows>("snapshot.show", { name }),
  },
  delete: {
    least: 1,
    most: Number.POSITIVE_INFINITY,
    words: "kfsctl snapshot delete TARGET NAME…",
    changes: true,
    onImage(image, names) {
      mustExist(names, image.snapshots.list());
      for (const name of names) image.snapshots.delete(name);
      return undefined;
    },
    async onMount(client, names) {
      mustExist(names, client.ask<readonly SnapshotRow[]>("snapshot.list"));
      const bar = new ProgressBar(true);
      try {
        for (const name of names) {
          await client.runJob("snapshot.delete", { name }, ({ done, total }) => {
            bar.update(`deleting ${name}`, done, total);
          });
        }
      } finally {
        bar.clear();
      }
      return undefined;
    },
  },
  rename: {
    least: 2,
    most: 2,
    words: "kfsctl snapshot rename TARGET OLD NEW",
    changes: true,
    onImage(image, [name = "", newName = ""]) {
      image.snapshots.rename(name, newName);
      return undefined;
    },
    onMount(client, [name, newName]) {
      client.ask("snapshot.rename", { name, newName });
      return Promise.resolve(undefined);
    },
  },
};

/** What the kernel holds back of writes (`-o writeback`, mappings) belongs into a snapshot. */
async function writeOut(mountPoint: string): Promise<void> {
  const command = new Deno.Command("sync", { args: ["-f", mountPoint], stderr: "null" });
  // Without the program the snapshot holds what reached kfs.
  await command.output().catch(() => undefined);
}

/** Before the first is deleted. */
function mustExist(names: readonly string[], all: readonly { readonly name: string }[]): void {
  for (const name of names) {
    if (all.some((one) => one.name === name)) continue;
    throw new RefusedByMount("missing", `there is no snapshot ${name}`);
  }
}

function row(info: SnapshotInfo): SnapshotRow {
  return { ...info, created: info.created.toISOString() };
}

async function run(line: CommandLine): Promise<number> {
  if (line.operands[0] === "diff") return snapshotDiff(line, line.operands.slice(1));
  const [name = "", target, ...names] = line.operands;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    throw new CommandError(
      `wanted: kfsctl snapshot ${Object.keys(ACTIONS).join("|")}|diff TARGET …`,
    );
  }
  if (target === undefined || names.length < action.least || names.length > action.most) {
    throw new CommandError(`wanted: ${action.words}`);
  }
  const rows = await work(line, action, target, names);
  if (line.has("json")) console.log(JSON.stringify(rows ?? [], undefined, 2));
  else if (rows !== undefined && name !== "create") console.log(text(rows));
  return 0;
}

async function work(
  line: CommandLine,
  action: Action,
  text: string,
  names: readonly string[],
): Promise<Rows> {
  const target = findTarget(text, offsetOf(line));
  if (target.kind === "mount") {
    using client = new MountClient(target.mountPoint);
    return await action.onMount(client, names);
  }
  using image = openImage(line, target.path, !action.changes);
  return action.onImage(image, names);
}

function text(rows: readonly SnapshotRow[]): string {
  if (rows.length === 0) return "no snapshots";
  const spaces = rows.some(({ held }) => held !== undefined);
  const head = [
    "NAME",
    "MADE (UTC)",
    "IN USE THEN",
    ...(spaces ? ["HOLDS", "ALONE"] : []),
    "STATE",
  ];
  const lines = rows.map((row) => [
    printable(row.name),
    timeText(new Date(row.created)),
    formatBytes(row.used),
    ...(spaces ? [formatBytes(row.held ?? 0), formatBytes(row.alone ?? 0)] : []),
    row.damaged ? "damaged" : "good",
  ]);
  return columns([head, ...lines], new Set(spaces ? [2, 3, 4] : [2]));
}
