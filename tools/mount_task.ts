/**
 * `deno task mount`: makes disk.img (1000 MiB) if there is none, formats it, mounts it on ./tmp.
 *
 * @module
 */

import { projectRoot, run } from "./process.ts";
import { setUp } from "./setup.ts";

const IMAGE = "disk.img";
const MOUNTPOINT = "tmp";
const LOG = "kfs.log";
const SIZE = "1000M";

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The type of the file system mounted right at `path`, or undefined. */
function mountedType(path: string): string | undefined {
  const escaped = path.replaceAll(/[ \t\n\\]/g, (character) => {
    return `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
  });
  for (const line of Deno.readTextFileSync("/proc/self/mountinfo").split("\n").reverse()) {
    const fields = line.split(" ");
    if (fields[4] === escaped) return fields[fields.indexOf("-") + 1];
  }
  return undefined;
}

function command(name: string, args: readonly string[]): number {
  const script = `${projectRoot}/cmd/${name}.ts`;
  return run(Deno.execPath(), ["run", "-A", script, ...args], { cwd: projectRoot, show: true })
    .code;
}

/** Formats a new image beside its final name, so that a failure leaves none behind. */
function makeImage(): number {
  const fresh = `${projectRoot}/${IMAGE}.new`;
  if (exists(fresh)) Deno.removeSync(fresh);
  const owner = Deno.uid() === 0 ? [] : ["-E", `root_owner=${Deno.uid()}:${Deno.gid()}`];
  const status = command("mkfs", ["-q", ...owner, fresh, SIZE]);
  if (status === 0) Deno.renameSync(fresh, `${projectRoot}/${IMAGE}`);
  else if (exists(fresh)) Deno.removeSync(fresh);
  return status;
}

function sayMounted(): void {
  const unmount = Deno.uid() === 0 ? `umount ${MOUNTPOINT}` : `fusermount3 -u ${MOUNTPOINT}`;
  console.log(`${IMAGE} is mounted on ./${MOUNTPOINT} (log: ${LOG}). To unmount: ${unmount}`);
}

/** A mount whose server died answers nothing but "not connected". */
function releaseDeadMount(mountpoint: string): void {
  try {
    Deno.statSync(mountpoint);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    console.log(`./${MOUNTPOINT} is a mount that no longer answers; unmounting it`);
    if (run("fusermount3", ["-uz", mountpoint]).code !== 0) run("umount", ["-l", mountpoint]);
  }
}

function main(): number {
  const mountpoint = `${projectRoot}/${MOUNTPOINT}`;
  releaseDeadMount(mountpoint);
  const type = mountedType(mountpoint);
  if (type !== undefined) {
    console.log(`./${MOUNTPOINT} is mounted already (${type}); nothing to do.`);
    sayMounted();
    return 0;
  }
  if (setUp("run").missing.length > 0) return 1;
  if (!exists(`${projectRoot}/${IMAGE}`)) {
    console.log(`making ${IMAGE} (1000 MiB)`);
    if (makeImage() !== 0) return 1;
  }
  Deno.mkdirSync(mountpoint, { recursive: true });
  const status = command("kfs", [IMAGE, MOUNTPOINT, "-o", `logfile=${LOG}`]);
  if (status === 0) sayMounted();
  return status;
}

Deno.exit(main());
