/**
 * `deno task bench:vhost [VIRTIOFSD]`: kfsd beside virtiofsd, both driven by one front-end without a
 * machine, on one directory in memory. Reports; judges nothing.
 *
 * @module
 */

import { connectTo } from "../../../ffi/libc/socket.ts";
import { TestFrontEnd } from "../../../vhost/testing/front_end.ts";
import { projectRoot } from "../../../tools/process.ts";
import { Scratch } from "../../harness/scratch.ts";
import { Driver } from "./driver.ts";
import {
  FILE_BYTES,
  FILE_NAME,
  MANY_FOLDER,
  MANY_NAMES,
  type Row,
  Workloads,
} from "./workloads.ts";

const PLACES = ["/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd"];
const ROUNDS = 5;
const SLOTS = 16;
const SLOT_BYTES = (1 << 20) + 4096;
const MEMORY_BYTES = 64 << 20;

interface Measured {
  readonly rows: readonly Row[];
  readonly residentMib: number;
}

function findVirtiofsd(): string | undefined {
  return [...Deno.args, ...PLACES].find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

function fill(share: string): void {
  Deno.writeFileSync(`${share}/${FILE_NAME}`, crypto.getRandomValues(new Uint8Array(65536)));
  Deno.truncateSync(`${share}/${FILE_NAME}`, FILE_BYTES);
  Deno.mkdirSync(`${share}/${MANY_FOLDER}`);
  for (let index = 0; index < MANY_NAMES; index++) {
    Deno.writeTextFileSync(`${share}/${MANY_FOLDER}/name-${index}`, "");
  }
}

async function connected(socket: string): Promise<number> {
  for (let time = 0;; time++) {
    try {
      return connectTo(socket);
    } catch (error) {
      if (time > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function residentMib(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

async function measure(
  program: string,
  words: readonly string[],
  socket: string,
): Promise<Measured> {
  const child = new Deno.Command(program, {
    args: [...words],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const frontEnd = new TestFrontEnd(await connected(socket), () => {}, MEMORY_BYTES);
    frontEnd.start(2, 128);
    const rows = new Workloads(new Driver(frontEnd, SLOTS, SLOT_BYTES), ROUNDS).all();
    const resident = residentMib(child.pid);
    frontEnd.close();
    return { rows, residentMib: resident };
  } finally {
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await child.status;
    clearTimeout(timer);
  }
}

function line(row: Row, other: Row | undefined): string {
  const ours = row.value.toPrecision(3);
  if (other === undefined) return `| ${row.name} | ${row.unit} | ${ours} | | |`;
  const ratio = row.unit === "MiB/s" ? row.value / other.value : other.value / row.value;
  return `| ${row.name} | ${row.unit} | ${ours} | ${other.value.toPrecision(3)} | ${
    ratio.toFixed(2)
  } × |`;
}

async function main(): Promise<void> {
  using scratch = new Scratch("bench-vhost");
  const share = scratch.makeFolder("share");
  fill(share);
  const peer = findVirtiofsd();
  const kfsd = ["run", "-A", `${projectRoot}/cmd/kfsd.ts`];
  const ours = await measure(Deno.execPath(), [
    ...kfsd,
    ...["--shared-dir", share, "--socket-path", scratch.path("kfsd"), "--log-level", "off"],
  ], scratch.path("kfsd"));
  const theirs = peer === undefined ? undefined : await measure(peer, [
    ...[`--socket-path=${scratch.path("virtiofsd")}`, "-o", `source=${share}`],
  ], scratch.path("virtiofsd"));
  console.log(`| | unit | kfsd | ${peer ?? "no virtiofsd"} | kfsd : virtiofsd |`);
  console.log("| --- | --- | ---: | ---: | ---: |");
  ours.rows.forEach((row, index) => console.log(line(row, theirs?.rows[index])));
  const peerResident = theirs?.residentMib.toFixed(0) ?? "";
  console.log(`| resident memory | MiB | ${ours.residentMib.toFixed(0)} | ${peerResident} | |`);
}

await main();
