/**
 * Makes a root file system that a virtual machine boots, from busybox alone, or from a tree or archive
 * (debootstrap's, a container's) that is named:
 *
 *     deno run -A examples/bootable_root.ts root.img [ROOTFS]
 *     qemu-system-x86_64 -kernel vmlinuz -drive file=root.img,format=raw,if=virtio -nographic \
 *       -append "root=/dev/vda rw console=ttyS0"
 *
 * The same input gives the same bytes.
 *
 * @module
 */

import { populate } from "../mod.ts";

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
echo BOOTED from $(busybox df -T / | tail -n 1)
exec sh "$@"
`;

/** A line of the table of extra files. */
function text(path: string, content: string, mode: string): string {
  return `text ${path} ${JSON.stringify(content)} ${mode} 0 0`;
}

const [image = "root.img", rootfs] = Deno.args;
const busybox = Deno.env.get("BUSYBOX") ?? "/bin/busybox";
const base = [
  ...["/bin", "/proc", "/sys", "/dev", "/tmp", "/etc"].map((path) => `dir ${path} 755 0 0`),
  "nod /dev/console 600 0 0 c 5 1",
  "nod /dev/null 666 0 0 c 1 3",
];
const small = [
  `file /bin/busybox ${busybox} 755 0 0`,
  text("/init", INIT, "755"),
  "dir /sbin 755 0 0",
  "slink /sbin/init ../init 0 0",
];
const report = await populate(image, {
  from: rootfs === undefined ? [] : [rootfs],
  extra: [...base, ...(rootfs === undefined ? small : []), text("/etc/hostname", "box\n", "644")]
    .join("\n"),
  headroom: { bytes: 8 << 20 },
  label: "root",
  reproducible: 1_700_000_000,
  verify: true,
  warn: (message) => console.error(message),
});
console.log(`${image}: ${report.size} bytes, UUID ${report.uuid}, ${report.copied.files} files`);
