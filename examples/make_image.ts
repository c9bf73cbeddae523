/**
 * Makes an ext4 image with a few files in it: `deno run -A examples/make_image.ts disk.img`.
 *
 * @module
 */

import { format, open } from "../mod.ts";

const path = Deno.args[0] ?? "disk.img";
format(path, { size: 64 << 20, label: "demo" });
using image = open(path);
image.mkdir("/etc/conf.d", { recursive: true });
image.writeTextFile("/etc/motd", "Welcome\n");
image.writeTextFile("/etc/conf.d/net", "dhcp = true\n", { mode: 0o600 });
image.symlink("etc/motd", "/motd");
for (const entry of image.readDir("/")) console.log(entry.ino, entry.name);
console.log(image.readTextFile("/motd"), image.stat("/etc/conf.d/net").size);
