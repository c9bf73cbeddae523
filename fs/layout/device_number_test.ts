import assert from "node:assert/strict";
import { deviceMajor, deviceMinor, makeDevice, readDevice, writeDevice } from "./device_number.ts";
import { I_BLOCK_OFFSET } from "./inode.ts";
import { manifestEntries, TestVolume } from "./testing_volume.ts";

Deno.test("numbers below 256 take the old form, others the new one", () => {
  const view = new DataView(new ArrayBuffer(16));
  const cases: [major: number, minor: number, word0: number, word1: number][] = [
    [1, 3, 0x103, 0],
    [255, 255, 0xffff, 0],
    [256, 0, 0, 0x10000],
    [8, 256, 0, 0x100800],
    [4095, 1048575, 0, 0xffffffff],
    [0, 0, 0, 0],
  ];
  for (const [major, minor, word0, word1] of cases) {
    const rdev = makeDevice(major, minor);
    assert.deepEqual([deviceMajor(rdev), deviceMinor(rdev)], [major, minor]);
    writeDevice(view, 4, rdev);
    assert.deepEqual([view.getUint32(4, true), view.getUint32(8, true)], [word0, word1]);
    assert.equal(readDevice(view, 4), rdev);
  }
});

Deno.test("device numbers of the golden images", () => {
  for (const name of ["ext4_4k", "ext2_1k"]) {
    const volume = TestVolume.fixture(name);
    for (const { inode, device } of manifestEntries(name).values()) {
      if (device === undefined) continue;
      const rdev = readDevice(volume.inode(inode).view, I_BLOCK_OFFSET);
      assert.deepEqual([deviceMajor(rdev), deviceMinor(rdev)], device);
    }
  }
});
