import assert from "node:assert/strict";
import { attachLoop, type LoopDevice } from "../device/loop_device.ts";
import { createFileDevice, openFileDevice } from "../device/open.ts";
import { O_RDWR } from "../libc/constants.ts";
import { close, open, pread, pwrite } from "../libc/file.ts";
import { checked, libc } from "../libc/library.ts";
import { mountAt } from "../libc/mount.ts";
import { setReadAhead, unmountFuse } from "../libfuse3/mount.ts";
import { TOUCH_BEHIND } from "./testing/memory_file_system.ts";
import { has } from "./testing/programs.ts";
import { MemoryMount, type TestMountOptions, whyNoMount } from "./testing/memory_mount.ts";

/** Mounts, tests, unmounts; the report is the server's. */
function mountTest(
  name: string,
  test: (mount: MemoryMount) => Promise<void>,
  options: TestMountOptions = {},
): void {
  Deno.test({
    name,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const why = whyNoMount();
      if (why !== undefined) {
        console.log(`skipped: ${why}`);
        return;
      }
      const mount = new MemoryMount(options);
      await mount.ready();
      try {
        await test(mount);
      } catch (error) {
        unmountFuse(mount.folder, true);
        await mount.ended();
        throw error;
      }
    },
  });
}

mountTest("names: make, link, rename, remove", async (mount) => {
  await mount.shell(`
    mkdir -p a/b/c; echo one > a/file; ln a/file a/b/link; ln -s ../file a/b/soft
    test "$(cat a/b/link)" = one; test "$(readlink a/b/soft)" = ../file; test "$(cat a/b/soft)" = one
    mv a/file a/renamed; test ! -e a/file; test "$(stat -c %h a/renamed)" = 2
    mkfifo pipe; mknod null c 1 3; test -p pipe; test "$(stat -c %t,%T null)" = 1,3
    if mkdir a 2>/dev/null; then exit 1; fi
    if rmdir a 2>/dev/null; then exit 1; fi
    name=$(printf '%0255d' 0); touch $name; test -e $name
    if touch x$name 2>/dev/null; then exit 1; fi
    rm -r a pipe null $name; test -z "$(ls -A)"
  `);
  const report = await mount.unmount();
  assert.equal(report.end, "unmounted");
  assert.equal(report.destroyed, 1);
  assert.equal(report.minor >= 31, true);
});

mountTest("data: copies, appends, truncation, mapped memory", async (mount) => {
  await mount.shell(`
    head -c 5000000 /dev/urandom > /tmp/$$.data; trap 'rm -f /tmp/$$.data' EXIT
    cp /tmp/$$.data big; cmp big /tmp/$$.data
    dd if=/tmp/$$.data of=direct bs=1M oflag=direct,sync iflag=fullblock status=none conv=notrunc count=4
    cmp -n 4194304 direct /tmp/$$.data
    dd if=direct of=/dev/null bs=1M iflag=direct status=none
    echo tail >> big; test "$(tail -c 5 big)" = tail; test "$(stat -c %s big)" = 5000005
    truncate -s 10 big; cmp -n 10 big /tmp/$$.data; truncate -s 100000 big
    test "$(tail -c +11 big | tr -d '\\0' | wc -c)" = 0
    dd if=/dev/zero of=synced bs=4k count=3 conv=fsync status=none; sync -f .
  `);
  const report = await mount.unmount();
  assert.ok((report.calls.get("fsync") ?? 0) >= 1);
});

mountTest("attributes, times, extended attributes, flags", async (mount) => {
  await mount.shell(`
    touch file; chmod 4750 file; chown 12:34 file; test "$(stat -c %a,%u,%g file)" = 4750,12,34
    touch -d '1960-02-03 04:05:06.789 UTC' file; test "$(stat -c %Y file)" = -312753294
    test "$(stat -c %.9Y file)" = -312753293.211000000 || stat -c %.9Y file
    test "$(stat -c %W file)" -gt 1600000000
    (umask 027; mkdir masked; test "$(stat -c %a masked)" = 750)
    df . > /dev/null
  `);
  if (has("setfattr")) {
    await mount.shell(`
      setfattr -n user.a -v one file; setfattr -n user.b -v "" file
      test "$(getfattr --only-values -n user.a file)" = one
      test "$(getfattr -d file | grep -c user)" = 2
      setfattr -x user.a file; if getfattr -n user.a file 2>/dev/null; then exit 1; fi
    `);
  }
  if (has("lsattr")) {
    await mount.shell("chattr +d file; lsattr file | cut -d' ' -f1 | grep -q d; chattr -d file");
    await mount.shell("if lsattr -v file 2>/dev/null | grep -q '^[1-9]'; then exit 1; fi");
  }
  await mount.unmount();
});

mountTest("space: allocate, punch, seek, copy ranges, exchange, unnamed files", async (mount) => {
  await mount.shell(`
    fallocate -l 1M file; test "$(stat -c %s file)" = 1048576
    printf x | dd of=file bs=1 seek=500000 conv=notrunc status=none
    fallocate -p -o 499712 -l 4096 file; test "$(tr -d '\\0' < file | wc -c)" = 0
  `);
  if (!has("python3")) {
    console.log("in part skipped: no python3 here");
  } else {
    await mount.run("python3", "-c", SYSTEM_CALLS);
    const report = await mount.unmount();
    for (const operation of ["lseek", "copyFileRange", "fallocate"]) {
      assert.ok((report.calls.get(operation) ?? 0) > 0, operation);
    }
    return;
  }
  await mount.unmount();
});

const SYSTEM_CALLS = `
import os, ctypes, mmap, fcntl, errno
fd = os.open('sparse', os.O_RDWR | os.O_CREAT)
os.pwrite(fd, b'data' * 1024, 65536)
assert os.lseek(fd, 0, os.SEEK_DATA) == 65536
assert os.lseek(fd, 65536, os.SEEK_HOLE) == 65536 + 4096
try: os.lseek(fd, 1 << 30, os.SEEK_DATA); assert False
except OSError as e: assert e.errno == errno.ENXIO
out = os.open('copy', os.O_RDWR | os.O_CREAT)
assert os.copy_file_range(fd, out, 4096, 65536, 100) == 4096
assert os.pread(out, 8, 100) == b'datadata'
libc = ctypes.CDLL(None, use_errno=True)
open('x', 'w').write('x'); open('y', 'w').write('y')
assert libc.renameat2(-100, b'x', -100, b'y', 2) == 0
assert open('x').read() == 'y'
assert libc.renameat2(-100, b'x', -100, b'y', 1) == -1 and ctypes.get_errno() == errno.EEXIST
t = os.open('.', os.O_TMPFILE | os.O_RDWR)
os.write(t, b'unnamed')
assert libc.linkat(-100, b'/proc/self/fd/%d' % t, -100, b'named', 0x400) == 0
assert open('named').read() == 'unnamed'
os.close(t)
m = mmap.mmap(fd, 69632)
m[0:5] = b'map-1'
m.flush(); m.close()
assert os.pread(fd, 5, 0) == b'map-1'
os.unlink('sparse')
assert os.pread(fd, 5, 0) == b'map-1'
fcntl.flock(fd, fcntl.LOCK_EX)
fcntl.lockf(out, fcntl.LOCK_EX, 10)
d = os.open('.', os.O_RDONLY)
os.fsync(d)
try: os.pwrite(fd, b'x', 1 << 40); assert False
except OSError as e: assert e.errno == errno.ENOSPC, e
os.close(fd); os.close(out); os.close(d)
`;

mountTest("a directory with many names", async (mount) => {
  await mount.shell(`
    i=0; mkdir many; cd many; seq 3000 | xargs touch
    test "$(ls -U | wc -l)" = 3000; test "$(ls -l | grep -c root)" = 3000
    seq 2 3000 | xargs rm; test "$(ls)" = 1
  `);
  const report = await mount.unmount();
  assert.ok((report.calls.get("readdirplus") ?? 0) > 0);
  assert.ok(report.nodesLeft < 2000, "forgotten nodes are dropped");
});

mountTest("syncs that are answered later", async (mount) => {
  await mount.shell(`
    for i in 1 2 3; do dd if=/dev/zero of=f$i bs=4k count=1 conv=fsync status=none & done; wait
    test "$(stat -c %s f1 f2 f3 | sort -u)" = 4096
  `);
  const report = await mount.unmount();
  assert.equal(report.calls.get("fsync"), 3);
}, { deferSyncs: true });

mountTest("what changes behind the kernel's back is told to it", async (mount) => {
  await mount.shell("seq 100 | xargs touch; echo text > file");
  const path = `${mount.folder}/file`;
  const file = open(path, O_RDWR);
  const bytes = new Uint8Array(5);
  for (let round = 0; round < 5; round++) {
    pwrite(file, new TextEncoder().encode("text"), 0);
    const busy = mount.shell("ls -l > /dev/null; for i in 1 2 3; do touch new$i; rm new$i; done");
    checked(libc().ioctl(file, BigInt(TOUCH_BEHIND), null), "ioctl");
    const begin = performance.now();
    do {
      pread(file, bytes, 0);
      assert.ok(performance.now() - begin < 10_000, "the kernel kept old data");
    } while (bytes[0] !== 0x21);
    await busy;
  }
  close(file);
  await mount.unmount();
}, { notices: true });

mountTest("gathered writes", async (mount) => {
  await mount.shell(`
    for i in $(seq 200); do echo line $i; done > file; test "$(wc -l < file)" = 200; sync file
    dd if=/dev/urandom of=big bs=1M count=8 status=none; md5sum big > sum
    sync big; dd if=big iflag=nocache count=0 status=none
    md5sum -c sum > /dev/null
  `);
  await mount.unmount();
}, { writeback: true });

mountTest("an unmount while in use is refused, a stop is not", async (mount) => {
  const file = await Deno.open(`${mount.folder}/file`, { write: true, create: true });
  assert.throws(() => unmountFuse(mount.folder), /EBUSY/);
  const report = await mount.stop();
  assert.equal(report.end, "stopped");
  assert.equal(report.destroyed, 1);
  assert.equal(mountAt(mount.folder), undefined);
  file.close();
});

mountTest("the kernel's abort ends the loop", async (mount) => {
  const device = mountAt(mount.folder)?.device.split(":")[1] ?? "";
  const control = "/sys/fs/fuse/connections";
  const abort = `mount -t fusectl none ${control}; echo 1 > ${control}/${device}/abort`;
  const { success } = await new Deno.Command("unshare", {
    args: ["--mount", "sh", "-ec", abort],
    stderr: "null",
  }).output();
  if (!success) {
    console.log("skipped: no fusectl can be mounted here");
    await mount.unmount();
    return;
  }
  const report = await mount.ended();
  assert.equal(report.end, "aborted");
});

Deno.test({
  name: "on a block device: sync reaches the server, and umount waits for its end",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const loop = whyNoMount() === undefined ? attachTestLoop() : undefined;
    if (loop === undefined) {
      console.log("skipped: no mount or no loop device here");
      return;
    }
    const mount = new MemoryMount({ blockDevice: loop.path });
    loop.close();
    await mount.ready();
    assert.equal(mountAt(mount.folder)?.type, "fuseblk.toy");
    assert.throws(() => openFileDevice(loop.path), /in use by another process/);
    await mount.shell("echo text > file; sync -f file");
    const report = await mount.unmount();
    assert.equal(report.destroyed, 1);
    assert.ok((report.calls.get("syncfs") ?? 0) >= 1);
  },
});

function attachTestLoop(): LoopDevice | undefined {
  const path = Deno.makeTempFileSync({ prefix: "ffi-loop-" });
  const image = createFileDevice(path, 1024 * 1024);
  try {
    return attachLoop(image.descriptor, path, false);
  } catch {
    return undefined;
  } finally {
    image.close();
    Deno.removeSync(path);
  }
}

mountTest("read-only, options, read-ahead", async (mount) => {
  const info = mountAt(mount.folder);
  assert.equal(info?.type, "fuse.toy");
  assert.equal(info?.source, "a,b\\c");
  assert.ok(info?.options.includes("ro") && info.options.includes("noexec"));
  assert.ok(setReadAhead(mount.folder, 1024));
  await assert.rejects(mount.shell("touch file"), /Read-only/);
  await mount.unmount();
}, { readOnly: true, source: "a,b\\c", others: ["noexec"] });
