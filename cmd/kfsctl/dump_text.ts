/**
 * A dump of a file system as text, in the form of dumpe2fs.
 *
 * @module
 */

import type { DumpField, FileSystemDump, GroupDump } from "../../mod.ts";
import { printable } from "./printable.ts";

const NAME_COLUMNS = 26;

/** All of it. */
export function dumpText(dump: FileSystemDump): string {
  const lines = [...dump.header, ...dump.journal].map(line);
  if (dump.mmp.length > 0) {
    lines.push("MMP_block:", ...dump.mmp.map((field) => `    ${field.name}: ${valueText(field)}`));
  }
  if (dump.groups.length > 0) {
    const clusters = dump.header.some(({ name }) => name === "Cluster size");
    lines.push("", "", ...dump.groups.map((group) => groupText(group, dump.groups, clusters)));
  }
  return lines.join("\n");
}

function line(field: DumpField): string {
  return `${`${field.name}:`.padEnd(NAME_COLUMNS)}${valueText(field)}`;
}

function valueText({ value, text }: DumpField): string {
  return printable(text ?? (Array.isArray(value) ? value.join(" ") : String(value ?? "")));
}

function groupText(group: GroupDump, groups: readonly GroupDump[], clusters: boolean): string {
  const { checksum, flags, blocks } = group;
  const sealed = checksum === null ? "" : ` csum ${hex(checksum, 4)}`;
  const flagText = flags.length === 0 ? "" : ` [${flags.join(", ")}]`;
  const unused = group.unusedInodes === 0 ? "" : `, ${group.unusedInodes} unused inodes`;
  const unit = clusters ? "clusters" : "blocks";
  return [
    `Group ${group.group}: (Blocks ${range(blocks)})${sealed}${flagText}`,
    ...superblockLines(group),
    `  Block bitmap at ${group.blockBitmap.block}${place(group.blockBitmap.block, group, groups)}${
      checksumText(group.blockBitmap.checksum)
    }`,
    `  Inode bitmap at ${group.inodeBitmap.block}${place(group.inodeBitmap.block, group, groups)}${
      checksumText(group.inodeBitmap.checksum)
    }`,
    `  Inode table at ${range(group.inodeTable)}${place(group.inodeTable[0], group, groups)}`,
    `  ${group.freeClusters} free ${unit}, ${group.freeInodes} free inodes, ${group.directories} directories${unused}`,
    `  Free blocks: ${ranges(group.freeBlocks)}`,
    `  Free inodes: ${ranges(group.freeInodeNumbers)}`,
  ].join("\n");
}

function superblockLines(group: GroupDump): string[] {
  const { superblock, descriptors, metaDescriptor, reservedDescriptors } = group;
  const parts: string[] = [];
  if (superblock !== null) {
    const kind = superblock.kind === "primary" ? "Primary" : "Backup";
    parts.push(`${kind} superblock at ${superblock.block}`);
  }
  if (descriptors !== null) parts.push(`Group descriptors at ${range(descriptors)}`);
  if (metaDescriptor !== null) parts.push(`Group descriptor at ${metaDescriptor}`);
  const lines = parts.length === 0 ? [] : [`  ${parts.join(", ")}`];
  if (reservedDescriptors !== null) {
    lines.push(`  Reserved GDT blocks at ${range(reservedDescriptors)}`);
  }
  return lines;
}

/** Where a block is in its group: ` (+5)`, or ` (bg #2 + 5)` in another one. */
function place(block: number, group: GroupDump, groups: readonly GroupDump[]): string {
  const [first] = groups[0]?.blocks ?? [0, 0];
  const [own, next] = [groups[0], groups[1]];
  const perGroup = own === undefined || next === undefined
    ? Number.POSITIVE_INFINITY
    : next.blocks[0] - own.blocks[0];
  const at = Number.isFinite(perGroup) ? Math.floor((block - first) / perGroup) : 0;
  const begin = first + (at === 0 ? 0 : at * perGroup);
  if (block < first || at >= groups.length) return "";
  return at === group.group ? ` (+${block - begin})` : ` (bg #${at} + ${block - begin})`;
}

function checksumText(checksum: number | null): string {
  return checksum === null ? "" : `, csum ${hex(checksum, 8)}`;
}

function range([first, last]: readonly [number, number]): string {
  return `${first}-${last}`;
}

function ranges(all: readonly (readonly [number, number])[] | null): string {
  if (all === null) return "unknown";
  return all.map(([first, last]) => first === last ? String(first) : `${first}-${last}`).join(", ");
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}
