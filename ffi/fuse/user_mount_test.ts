import assert from "node:assert/strict";
import { whyNoMount } from "./testing/memory_mount.ts";
import { has, whereIs } from "./testing/programs.ts";

const USER = "65534";
const SCRIPT = new URL("./testing/user_mount.ts", import.meta.url).pathname;

Deno.test("an unprivileged user mounts through fusermount3", async () => {
  const why = whyNoMount() ?? await whyNoUserMount();
  if (why !== undefined) {
    console.log(`skipped: ${why}`);
    return;
  }
  const folder = Deno.makeTempDirSync({ prefix: "ffi-user-" });
  try {
    Deno.chownSync(folder, Number(USER), Number(USER));
    const command = new Deno.Command("unshare", {
      args: ["--mount", "sh", "-ec", openDevice(folder), "sh", ...asUser(), ...program(folder)],
      env: { DENO_DIR: `${folder}/cache`, HOME: folder, NO_COLOR: "1" },
    });
    const { success, stdout, stderr } = await command.output();
    const output = new TextDecoder().decode(stdout);
    assert.ok(success, new TextDecoder().decode(stderr) + output);
    assert.match(output, /EBUSY[^]*unmounted 65534 content/);
    assert.match(output, /allow_other: only root may/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

/** In a mount namespace of its own: a /dev/fuse that everybody may open, as on ordinary systems. */
function openDevice(folder: string): string {
  const device = `${folder}/device`;
  return `mkdir ${device}; mount -t tmpfs -o dev none ${device}; mknod ${device}/fuse c 10 229;
    chmod 666 ${device}/fuse; mount --bind ${device}/fuse /dev/fuse; exec "$@"`;
}

function asUser(): string[] {
  return ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"];
}

function program(folder: string): string[] {
  return [Deno.execPath(), "run", "-A", "--no-config", "--no-lock", SCRIPT, folder];
}

/** Why a user cannot mount here; undefined when one can. */
async function whyNoUserMount(): Promise<string | undefined> {
  if (!has("setpriv") || !has("unshare")) return "no setpriv or unshare here";
  const helper = whereIs("fusermount3");
  if (helper === undefined) return "no fusermount3 here";
  if (((Deno.statSync(helper).mode ?? 0) & 0o4000) === 0) return "fusermount3 is not set-user-id";
  const namespace = await new Deno.Command("unshare", { args: ["--mount", "true"] }).output();
  if (!namespace.success) return "no mount namespace can be made here";
  const [setpriv = "", ...args] = asUser();
  const { success } = await new Deno.Command(setpriv, { args: [...args, "test", "-r", SCRIPT] })
    .output();
  return success ? undefined : "users cannot read this checkout";
}
