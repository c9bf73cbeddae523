import assert from "node:assert/strict";
import { rewriteWorkers, workersIn } from "./worker_modules.ts";

const SOURCE = `
const one = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const two = new URL(
  "../io/thread.ts",
  import.meta.url,
);
const other = new URL("./data.json", import.meta.url);
`;

Deno.test("workers are found where they are named, relative to the module", () => {
  assert.deepEqual(workersIn("cmd/kfs/serve.ts", SOURCE), [
    "cmd/kfs/worker.ts",
    "cmd/io/thread.ts",
  ]);
});

Deno.test("a bundle names its workers beside it, and nothing else is touched", () => {
  const text = rewriteWorkers("cmd/kfs/serve.ts", SOURCE, (path) => path.replaceAll("/", "-"));
  assert.ok(text.includes('new URL("./cmd-kfs-worker.ts", import.meta.url)'));
  assert.ok(text.includes('new URL("./cmd-io-thread.ts", import.meta.url)'));
  assert.ok(text.includes('new URL("./data.json", import.meta.url)'));
});
