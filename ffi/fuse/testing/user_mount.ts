/**
 * A program that mounts the file system in memory as whoever runs it, uses it, unmounts it, and prints
 * what it saw.
 *
 * @module
 */

import { unmountFuse } from "../../libfuse3/mount.ts";
import { MemoryMount } from "./memory_mount.ts";

const folder = `${Deno.args[0] ?? "/tmp"}`;
Deno.env.set("TMPDIR", folder);
try {
  new MemoryMount({ allowOther: true });
} catch (error) {
  console.log(String(error));
}
const mount = new MemoryMount({ allowOther: false });
await mount.ready();
const path = `${mount.folder}/file`;
await Deno.writeTextFile(path, "content");
const { uid } = await Deno.stat(path);
const content = await Deno.readTextFile(path);
const file = await Deno.open(path);
try {
  unmountFuse(mount.folder);
} catch (error) {
  console.log(String(error));
}
file.close();
const report = await mount.unmount();
console.log(report.end, uid, content);
