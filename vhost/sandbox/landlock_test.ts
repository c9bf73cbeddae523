import assert from "node:assert/strict";

import { type Need, testWith } from "../../tests/harness/skip.ts";
import { landlockVersion } from "./landlock.ts";

const PROGRAM = new URL("../testing/landlocked.ts", import.meta.url).href;

function restricted(rights: "all" | "read"): unknown {
  const folder = Deno.makeTempDirSync({ prefix: "kfs-landlock-" });
  try {
    const folders = ["inside", "outside"].map((name) => `${folder}/${name}`);
    for (const path of folders) {
      Deno.mkdirSync(path);
      Deno.writeTextFileSync(`${path}/file`, "text");
    }
    const { stdout } = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-config", "--no-lock", PROGRAM, ...folders, rights],
    }).outputSync();
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const landlock: Need = () => landlockVersion() === 0 ? "the kernel has no Landlock" : undefined;

testWith({
  name: "files are out of reach but below the shared directory",
  needs: [landlock],
  fn: () => {
    const reached = {
      readInside: true,
      writeInside: true,
      renameInside: true,
      readOutside: false,
      writeOutside: false,
      listOutside: false,
      removeOutside: true,
    };
    assert.deepEqual(restricted("all"), reached);
    assert.deepEqual(restricted("read"), { ...reached, writeInside: false, renameInside: false });
  },
});
