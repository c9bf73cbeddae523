/**
 * Changing what a file system is like, while it is not in use.
 *
 * @module
 */

import type { BlockDevice } from "../device/device.ts";
import { Editor } from "../edit/editor.ts";
import type { StoredHow } from "../edit/store_edit.ts";
import { EINVAL } from "../errno.ts";
import { Unsupported } from "../errors.ts";
import { Compat, Incompat, RoCompat } from "../layout/features.ts";
import { changeFeatures, mustNotHashValues } from "./features.ts";
import { onlyFields, setFields } from "./fields.ts";
import { addQuota, removeQuota, writeMmp } from "./hidden_files.ts";
import type { QuotaName, TuneOptions } from "./options.ts";
import { reseal, type TuneProgress } from "./reseal.ts";

export type { QuotaName, TuneOptions, TuneProgress };

/** What the work needs besides the changes. */
export interface TuneContext {
  /** Seconds since 1970. */
  readonly now: () => number;
  readonly progress?: TuneProgress;
}

const QUOTA_NAMES: Readonly<Record<string, QuotaName>> = {
  usrquota: "user",
  grpquota: "group",
  prjquota: "project",
};

/**
 * Makes the changes, all of them or none. The journal must be empty.
 * @returns how they were stored; "in place" was not atomic.
 * @throws Unsupported EINVAL for what cannot be; Corrupt; DeviceError.
 */
export function tune(device: BlockDevice, options: TuneOptions, context: TuneContext): StoredHow {
  const superblockOnly = onlyFields(options);
  const ignoreMmp = options.clearMmp === true;
  const editor = new Editor(device, { now: context.now, superblockOnly, ignoreMmp });
  const log = editor.log();
  const before = editor.superblock.bytes.slice();
  setFields(editor.superblock, options);
  if (!superblockOnly) {
    const work = { editor, options, progress: context.progress ?? (() => {}) };
    changeFeatures(work);
    changeQuotas(editor, options.quotas ?? []);
    changeMmp(editor, options);
    if (options.uuid !== undefined) setUuid(editor, options.uuid, work.progress);
  }
  const same = before.every((byte, index) => byte === editor.superblock.bytes[index]);
  if (same && editor.isUntouched) return "nothing";
  const keepsJournal = editor.superblock.hasCompat(Compat.HAS_JOURNAL);
  const how = editor.commit(keepsJournal ? log : null);
  if (!superblockOnly) editor.writeBackups();
  return how;
}

function changeQuotas(editor: Editor, quotas: readonly string[]): void {
  for (const text of quotas) {
    const clear = text.startsWith("^");
    const word = clear ? text.slice(1) : text;
    const name = Object.hasOwn(QUOTA_NAMES, word) ? QUOTA_NAMES[word] : undefined;
    if (name === undefined) throw new Unsupported(EINVAL, `there is no quota ${word}`);
    if (clear) removeQuota(editor, name);
    else {
      if (name === "project" && !editor.superblock.hasRoCompat(RoCompat.PROJECT)) {
        throw new Unsupported(EINVAL, "prjquota needs the feature project");
      }
      addQuota(editor, name);
    }
  }
}

function changeMmp(editor: Editor, { mmpInterval, clearMmp }: TuneOptions): void {
  if (mmpInterval === undefined && clearMmp !== true) return;
  if (!editor.superblock.hasIncompat(Incompat.MMP)) {
    throw new Unsupported(EINVAL, "it has no multiple mount protection (feature mmp)");
  }
  if (mmpInterval !== undefined) {
    if (!Number.isInteger(mmpInterval) || mmpInterval < 0 || mmpInterval > 300) {
      throw new Unsupported(EINVAL, `an mmp interval of ${mmpInterval} seconds is not 0 to 300`);
    }
    editor.superblock.mmpInterval = mmpInterval;
  }
  writeMmp(editor);
}

/** Checksums begin with the UUID unless the superblock keeps their seed. */
function setUuid(editor: Editor, uuid: Uint8Array, progress: TuneProgress): void {
  const { superblock } = editor;
  if (uuid.length !== 16) throw new Unsupported(EINVAL, "a UUID has 16 bytes");
  if (superblock.hasIncompat(Incompat.CSUM_SEED)) superblock.uuid.set(uuid);
  else {
    mustNotHashValues(editor);
    if (superblock.hasMetadataChecksums) reseal(editor, () => superblock.uuid.set(uuid), progress);
    else superblock.uuid.set(uuid);
  }
  if (superblock.hasGroupChecksums) editor.groups.touchAll();
}
