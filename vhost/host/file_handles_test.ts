import assert from "node:assert/strict";

import { OPCODE } from "../../ffi/fuse/abi.ts";
import { ROOT_NODE } from "../../ffi/fuse/port.ts";
import { O_DIRECTORY, O_PATH } from "../../ffi/libc/constants.ts";
import { close, open } from "../../ffi/libc/file.ts";
import { type Need, testWith } from "../../tests/harness/skip.ts";
import { openDescriptors } from "../testing/back_end.ts";
import { Share } from "../testing/share.ts";
import { FileHandles } from "./file_handles.ts";
import { StatusRecord } from "./status_record.ts";

const FILES = 60;
const OPEN_NODES = 8;
const ESTALE = -116;

const handles: Need = () => {
  const folder = Deno.makeTempDirSync({ prefix: "kfs-handles-" });
  const descriptor = open(folder, O_PATH | O_DIRECTORY);
  const before = Deno.cwd();
  Deno.chdir("/proc/self/fd");
  try {
    const status = new StatusRecord();
    status.load(descriptor);
    const found = new FileHandles();
    const works = found.workFor(descriptor, status);
    found.close();
    return works ? undefined : "temporary files cannot be opened by handles here";
  } finally {
    Deno.chdir(before);
    close(descriptor);
    Deno.removeSync(folder);
  }
};

testWith({
  name: "inodes held by handles take few descriptors, and are found again",
  needs: [handles],
  fn: () => {
    using share = new Share({ fileHandles: "mandatory", openNodes: OPEN_NODES });
    Deno.mkdirSync(`${share.path}/folder`);
    for (let index = 0; index < FILES; index++) {
      Deno.writeTextFileSync(`${share.path}/folder/${index}`, "x".repeat(index));
    }
    const before = openDescriptors();
    const folder = share.lookup(ROOT_NODE, "folder");
    const nodes = Array.from({ length: FILES }, (_, index) => share.lookup(folder, `${index}`));
    assert.ok(openDescriptors() - before <= OPEN_NODES + 1);
    nodes.forEach((node, index) => {
      assert.equal(share.ask(OPCODE.GETATTR, node, [new Uint8Array(16)]).error, 0);
      assert.equal(share.lookup(folder, `${index}`), node);
    });
    const read = share.open(nodes[3] ?? 0, 0);
    assert.equal(read.error, 0);
    assert.ok(openDescriptors() - before <= OPEN_NODES + 2);
  },
});

testWith({
  name: "a file that is gone is stale; another of its number is another node",
  needs: [handles],
  fn: () => {
    using share = new Share({ fileHandles: "mandatory", openNodes: OPEN_NODES });
    const names = Array.from({ length: 40 }, (_, index) => `file${index}`);
    for (const name of names) Deno.writeTextFileSync(`${share.path}/${name}`, "");
    const nodes = new Map(names.map((name) => [name, share.lookup(ROOT_NODE, name)]));
    const gone = nodes.get("file0") ?? 0;
    Deno.removeSync(`${share.path}/file0`);
    for (const name of ["new0", "new1", "new2"]) {
      Deno.writeTextFileSync(`${share.path}/${name}`, "");
      assert.equal([...nodes.values()].includes(share.lookup(ROOT_NODE, name)), false);
    }
    assert.equal(share.ask(OPCODE.GETATTR, gone, [new Uint8Array(16)]).error, ESTALE);
    Deno.renameSync(`${share.path}/file1`, `${share.path}/moved`);
    assert.equal(share.lookup(ROOT_NODE, "moved"), nodes.get("file1"));
  },
});

Deno.test("without handles there is no node where only handles are allowed", () => {
  using share = new Share({ fileHandles: "mandatory" });
  assert.equal(share.ask(OPCODE.LOOKUP, ROOT_NODE, ["nothing"]).error, -2);
});
