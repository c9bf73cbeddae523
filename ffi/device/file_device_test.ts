import assert from "node:assert/strict";
import { effectiveUid, status, statusOf, SystemError } from "../libc/mod.ts";
import { createFileDevice, openFileDevice } from "./open.ts";

const MIB = 1024 * 1024;

function inFolder(test: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "ffi-device-" });
  try {
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function failure(call: () => unknown): SystemError {
  try {
    call();
  } catch (error) {
    if (error instanceof SystemError) return error;
    throw error;
  }
  throw new Error("the call did not fail");
}

Deno.test("an image file is made sparse and reads back what was written", () => {
  inFolder((folder) => {
    const path = `${folder}/image`;
    const device = createFileDevice(path, 64 * MIB);
    assert.equal(device.sizeBytes, 64 * MIB);
    assert.ok(statusOf(path).blocks < 100);
    device.write(new Uint8Array([1, 2, 3]), 64 * MIB - 3);
    device.writeVector([new Uint8Array([4]), new Uint8Array(0), new Uint8Array([5, 6])], 100);
    const target = new Uint8Array(3);
    device.read(target, 100);
    assert.deepEqual([...target], [4, 5, 6]);
    const parts = [new Uint8Array(1), new Uint8Array(2)];
    device.readVector(parts, 100);
    assert.deepEqual(parts.map((part) => [...part]), [[4], [5, 6]]);
    device.flush();
    device.close();
    device.close();
    assert.equal(failure(() => device.read(target, 0)).code, "EBADF");
  });
});

Deno.test("a vector longer than one call takes", () => {
  inFolder((folder) => {
    const device = createFileDevice(`${folder}/image`, MIB);
    const pieces = Array.from({ length: 3000 }, (_, index) => new Uint8Array(7).fill(index % 251));
    device.writeVector(pieces, 5);
    const back = pieces.map((piece) => new Uint8Array(piece.length));
    device.readVector(back, 5);
    assert.deepEqual(back, pieces);
    device.close();
  });
});

Deno.test("a device in use is refused; readers share", () => {
  inFolder((folder) => {
    const path = `${folder}/image`;
    const device = createFileDevice(path, MIB);
    const refused = failure(() => openFileDevice(path));
    assert.equal(refused.code, "EBUSY");
    assert.match(refused.message, /image: the file is in use by another process/);
    assert.equal(failure(() => createFileDevice(path, 5)).code, "EBUSY");
    assert.equal(status(device.descriptor).size, MIB, "refused before anything was changed");
    openFileDevice(path, { readOnly: true, lock: false }).close();
    device.close();
    const one = openFileDevice(path, { readOnly: true });
    const two = openFileDevice(path, { readOnly: true });
    assert.equal(failure(() => openFileDevice(path)).code, "EBUSY");
    assert.equal(failure(() => one.write(new Uint8Array(1), 0)).code, "EROFS");
    one.flush();
    one.close();
    two.close();
  });
});

Deno.test("the end of the device, and a file that became shorter", () => {
  inFolder((folder) => {
    const path = `${folder}/image`;
    const device = createFileDevice(path, MIB);
    const bytes = new Uint8Array(10);
    for (
      const call of [
        () => device.write(bytes, MIB - 9),
        () => device.read(bytes, MIB),
        () => device.read(bytes, -1),
        () => device.zero(MIB - 5, 10),
        () => device.discard(MIB - 5, 10),
        () => device.writeVector([bytes], MIB - 9),
      ]
    ) assert.equal(failure(call).code, "EINVAL");
    Deno.truncateSync(path, 5000);
    const short = failure(() => device.read(new Uint8Array(4096), 4096));
    assert.equal(short.code, "EIO");
    assert.match(short.message, /ends at byte 5000, 3192 bytes are missing/);
    device.close();
  });
});

Deno.test("zeroing and discarding free the file's space", () => {
  inFolder((folder) => {
    const path = `${folder}/image`;
    const device = createFileDevice(path, 4 * MIB);
    device.write(new Uint8Array(4 * MIB).fill(7), 0);
    device.zero(100, 2 * MIB);
    const target = new Uint8Array(2 * MIB + 200);
    device.read(target, 0);
    assert.ok(target.subarray(0, 100).every((byte) => byte === 7));
    assert.ok(target.subarray(100, 100 + 2 * MIB).every((byte) => byte === 0));
    assert.ok(target.subarray(100 + 2 * MIB).every((byte) => byte === 7));
    device.zero(3 * MIB, 5);
    device.read(target.subarray(0, 6), 3 * MIB);
    assert.deepEqual([...target.subarray(0, 6)], [0, 0, 0, 0, 0, 7]);
    const before = statusOf(path).blocks;
    if (device.discard(3 * MIB, MIB)) assert.ok(statusOf(path).blocks < before);
    device.zero(0, 0);
    device.close();
  });
});

Deno.test("an image within a file", () => {
  inFolder((folder) => {
    const path = `${folder}/disk`;
    Deno.writeFileSync(path, new Uint8Array(3 * MIB).fill(9));
    const device = openFileDevice(path, { offsetBytes: MIB, sizeBytes: MIB });
    device.write(new Uint8Array(MIB), 0);
    assert.equal(failure(() => device.write(new Uint8Array(1), MIB)).code, "EINVAL");
    device.close();
    const disk = Deno.readFileSync(path);
    assert.equal(disk.indexOf(0), MIB);
    assert.equal(disk.lastIndexOf(0), 2 * MIB - 1);
    assert.equal(failure(() => openFileDevice(path, { offsetBytes: 4 * MIB })).code, "EINVAL");
    const made = createFileDevice(path, MIB, { offsetBytes: 2 * MIB, keepContents: true });
    made.close();
    assert.equal(statusOf(path).size, 3 * MIB);
  });
});

Deno.test("growing, keeping, and what is no device", () => {
  inFolder((folder) => {
    const path = `${folder}/image`;
    Deno.writeTextFileSync(path, "abc");
    const device = createFileDevice(path, 10, { keepContents: true });
    const target = new Uint8Array(4);
    device.read(target, 0);
    assert.equal(new TextDecoder().decode(target), "abc\0");
    device.resize(20);
    assert.equal(device.sizeBytes, 20);
    device.write(target, 16);
    device.close();
    assert.equal(failure(() => createFileDevice(path, 1, { mustBeNew: true })).code, "EEXIST");
    assert.equal(failure(() => openFileDevice(`${folder}/none`)).code, "ENOENT");
    assert.equal(failure(() => openFileDevice(folder, { readOnly: true })).code, "EINVAL");
    assert.match(
      failure(() => openFileDevice("/dev/null")).message,
      /neither a file nor a block device/,
    );
  });
});

Deno.test("a block device of the host", () => {
  if (effectiveUid() !== 0) {
    console.log("skipped: only root can attach a loop device");
    return;
  }
  inFolder((folder) => {
    const image = `${folder}/disk`;
    Deno.createSync(image).close();
    Deno.truncateSync(image, 8 * MIB);
    const attached = new Deno.Command("losetup", { args: ["--show", "-f", image] });
    const output = attached.outputSync();
    if (!output.success) {
      console.log("skipped: no loop device can be attached here");
      return;
    }
    const path = new TextDecoder().decode(output.stdout).trim();
    try {
      const device = openFileDevice(path);
      assert.equal(device.sizeBytes, 8 * MIB);
      assert.ok(device.onBlockDevice);
      assert.equal(failure(() => openFileDevice(path)).code, "EBUSY");
      device.write(new Uint8Array(2 * MIB).fill(5), 0);
      device.zero(1000, MIB);
      const target = new Uint8Array(2 * MIB);
      device.read(target, 0);
      assert.equal(target.indexOf(0), 1000);
      assert.equal(target.lastIndexOf(0), 1000 + MIB - 1);
      device.discard(MIB, MIB);
      device.flush();
      assert.equal(failure(() => device.resize(MIB)).code, "EINVAL");
      device.yieldClaim();
      assert.match(failure(() => openFileDevice(path)).message, /in use by another process/);
      device.zero(1000, MIB);
      device.close();
      const again = createFileDevice(path, 4 * MIB);
      assert.equal(again.sizeBytes, 4 * MIB);
      again.close();
    } finally {
      new Deno.Command("losetup", { args: ["-d", path] }).outputSync();
    }
  });
});
