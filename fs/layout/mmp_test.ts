import assert from "node:assert/strict";
import { programs, testWith } from "../../tests/harness/skip.ts";
import { Corrupt } from "../errors.ts";
import { decodeMmp, encodeMmp, MMP_BYTES, MMP_SEQUENCE_CLEAN } from "./mmp.ts";
import { makeImage, runTool, withFlippedBytes, withTempDir } from "./testing.ts";
import { TestVolume } from "./testing_volume.ts";

const SAMPLE = {
  sequence: 0x12345,
  time: 0x1_2345_6789,
  nodeName: "a.host.example",
  deviceName: "loop0",
  checkInterval: 5,
};

Deno.test("fields are where the kernel's structure has them", () => {
  const bytes = new Uint8Array(4096).fill(0xff);
  encodeMmp(bytes, SAMPLE, 7);
  const view = new DataView(bytes.buffer);
  const fields = [[0, "mmp_magic", 0x4d4d50], [4, "mmp_seq", 0x12345], [8, "time", 0x23456789]];
  for (const [at, name, value] of [...fields, [12, "time, upper half", 1]]) {
    assert.equal(view.getUint32(Number(at), true), value, `${name}`);
  }
  assert.equal(bytes[0x10], 0x61, "mmp_nodename");
  assert.equal(bytes[0x50], 0x6c, "mmp_bdevname");
  assert.equal(view.getUint16(0x70, true), 5, "mmp_check_interval");
  assert.equal(bytes[MMP_BYTES], 0xff);
  assert.deepEqual(decodeMmp(bytes, 9, 7), SAMPLE);
  withFlippedBytes(bytes, 0, MMP_BYTES, () => {
    assert.throws(() => decodeMmp(bytes, 9, 7), Corrupt);
  });
  assert.throws(() => decodeMmp(bytes, 9, 8), /mmp \(block 0x9\): mmp_checksum/);
  bytes[0] = 0;
  assert.throws(
    () => decodeMmp(bytes, 9, undefined),
    new Corrupt("mmp", "block 0x9", "mmp_magic 0x4d4d00 is not 0x4d4d50"),
  );
});

testWith({
  name: "mke2fs's block decodes, and debugfs reads what is encoded here",
  needs: [programs("mke2fs", "debugfs")],
  fn: () =>
    withTempDir((dir) => {
      const path = `${dir}/image`;
      const image = makeImage(path, 4 << 20, [
        "-t",
        "ext4",
        "-O",
        "mmp,metadata_csum,^has_journal",
      ]);
      const volume = new TestVolume(image);
      const { mmpBlock } = volume.superblock;
      const bytes = volume.block(mmpBlock);
      const mmp = decodeMmp(bytes, mmpBlock, volume.seed);
      assert.equal(mmp.sequence, MMP_SEQUENCE_CLEAN);
      assert.equal(mmp.deviceName, path.slice(0, 32));
      const again = bytes.slice();
      encodeMmp(again, mmp, volume.seed);
      assert.deepEqual(again, bytes);
      encodeMmp(bytes, { ...mmp, nodeName: "elsewhere", time: 86400 }, volume.seed);
      Deno.writeFileSync(path, image);
      const dump = new TextDecoder().decode(runTool("debugfs", ["-R", "dump_mmp", path]));
      assert.match(dump, /node_name: elsewhere\n/);
      assert.match(dump, /time: 86400 /);
    }),
});
