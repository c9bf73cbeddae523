import assert from "node:assert/strict";
import { fault, type Import, mutualFolders } from "./check_imports.ts";

function edge(from: string, to: string, typeOnly = false): Import {
  return { from, to, line: 1, typeOnly };
}

Deno.test("imports in the allowed directions are allowed", () => {
  const allowed = [
    edge("cmd/kfs.ts", "mod.ts"),
    edge("mod.ts", "fs/ops/create.ts"),
    edge("vhost/daemon.ts", "ffi/libc/poll.ts"),
    edge("fs/ops/create.ts", "fs/map/insert.ts"),
    edge("fs/dir/linear.ts", "fs/map/lookup.ts"),
    edge("fs/ops/read.ts", "ffi/fuse/port.ts", true),
    edge("fs/fuse/attributes.ts", "ffi/fuse/port.ts"),
    edge("fs/ops/create_test.ts", "ffi/mod.ts"),
    edge("tests/bench/main.ts", "cmd/kfs.ts"),
  ];
  for (const one of allowed) assert.equal(fault(one), undefined, `${one.from} → ${one.to}`);
});

Deno.test("imports against the directions are faults", () => {
  const faults = [
    edge("fs/ops/create.ts", "ffi/libc/file.ts", true),
    edge("fs/ops/create.ts", "ffi/fuse/port.ts"),
    edge("fs/alloc/bitmap.ts", "fs/ops/create.ts"),
    edge("fs/bytes/view.ts", "fs/layout/inode.ts"),
    edge("ffi/mod.ts", "fs/ops/create.ts"),
    edge("vhost/daemon.ts", "fs/ops/create.ts"),
    edge("mod.ts", "cmd/kfs.ts"),
    edge("fs/ops/create.ts", "tests/harness/libc.ts"),
    edge("fs/nowhere/x.ts", "fs/errors.ts"),
    edge("new_folder/x.ts", "fs/errors.ts"),
  ];
  for (const one of faults) assert.notEqual(fault(one), undefined, `${one.from} → ${one.to}`);
});

Deno.test("two folders of one floor must not import each other", () => {
  const one = edge("fs/dir/a.ts", "fs/map/b.ts");
  assert.deepEqual(mutualFolders([one]), []);
  assert.equal(mutualFolders([one, edge("fs/map/c.ts", "fs/dir/d.ts")]).length, 1);
  assert.deepEqual(mutualFolders([one, edge("fs/map/c.ts", "fs/dir/d.ts", true)]), []);
});
