/**
 * Encrypted directories without their keys: shown, refused and removed as the kernel does.
 *
 * @module
 */

import assert from "node:assert/strict";
import { open } from "../../mod.ts";
import { must } from "../harness/commands.ts";
import { mustBeClean } from "../harness/e2fsck.ts";
import { makeImageByMke2fs } from "../harness/image.ts";
import { kernelExt4, mount, type Mounted } from "../harness/mount.ts";
import { Scratch } from "../harness/scratch.ts";
import { type Need, testWith } from "../harness/skip.ts";
import { run } from "../../tools/process.ts";
import { mountNeeds } from "./program_case.ts";

const FORMS: Readonly<Record<string, readonly string[]>> = {
  "blocks of 4 KiB": ["-O", "encrypt"],
  "blocks of 1 KiB": ["-O", "encrypt", "-b", "1024"],
  "no index": ["-O", "encrypt,^dir_index", "-b", "1024"],
  "inline data": ["-O", "encrypt,inline_data"],
};

/** Short names and ones that are longer than is shown of them, indexed and other directories, links of both kinds. */
const CONTENT = `
mkdir secret secret/empty secret/few secret/many
echo text > secret/few/file
for i in $(seq 12); do echo $i > secret/few/$(printf "%0$((i * 20))d" $i); done
for i in $(seq 400); do echo $i > "secret/many/a name that is number $i"; done
ln -s short secret/few/link
ln -s $(printf '%0200d' 7) secret/few/longer
ln -s $(printf '%0900d' 7) secret/few/longest
mkfifo secret/few/pipe
`;

/** Needs a kernel that encrypts with its test key. */
const dummyEncryption: Need = () => {
  try {
    Deno.statSync("/sys/fs/ext4/features/test_dummy_encryption_v2");
    return undefined;
  } catch {
    return "the kernel has no ext4 encryption";
  }
};

/** Everything but content, as find shows it. */
function listing(mounted: Mounted): string[] {
  const format = "%P|%y|%s|%m|%n|%l\\n";
  const found = must("find", [mounted.mountpoint, "-printf", format]);
  return found.split("\n").sort();
}

function message(command: string, cwd: string): string {
  const done = run("bash", ["-c", command], { cwd, env: { LC_ALL: "C" } });
  assert.notEqual(done.code, 0, `${command} is not refused`);
  return done.stderr;
}

function refusals(mounted: Mounted): void {
  const below = [mounted.mountpoint, "-mindepth", "3"];
  const [file] = must("find", [...below, "-type", "f"]).split("\n");
  const folder = file?.replace(/\/[^/]*$/, "");
  assert(folder !== undefined && file !== undefined);
  const refused = /Required key not available/;
  const commands = [
    `cat ${file}`,
    `echo x >> ${file}`,
    `truncate -s 3 ${file}`,
    `touch ${folder}/new`,
    `mkdir ${folder}/new`,
    `ln -s x ${folder}/new`,
    `mv ${file} ${mounted.mountpoint}/moved`,
    `mv ${mounted.mountpoint}/plain ${folder}/moved`,
    `ln ${mounted.mountpoint}/plain ${folder}/linked`,
  ];
  for (const command of commands) assert.match(message(command, mounted.mountpoint), refused);
  assert.match(message(`cat ${folder}/nothing`, "/"), /No such file/);
  must("chmod", ["600", file]);
  must("setfattr", ["-n", "user.a", "-v", "b", file]);
  assert.equal(Deno.readTextFileSync(mounted.path("plain")), "plain\n");
}

for (const [form, options] of Object.entries(FORMS)) {
  testWith({
    name: `encrypted directories without a key: ${form}`,
    needs: [...mountNeeds, kernelExt4, dummyEncryption],
    fn() {
      using scratch = new Scratch("encrypted");
      const [image, mountpoint] = [scratch.path("image"), scratch.path("mnt")];
      makeImageByMke2fs(image, { size: "64M", options: ["-t", "ext4", ...options] });
      {
        using mounted = mount("kernel", image, mountpoint);
        must("bash", ["-euc", "echo plain > plain"], { cwd: mounted.mountpoint });
      }
      {
        using mounted = mount("kernel", image, mountpoint, { options: ["test_dummy_encryption"] });
        must("bash", ["-euc", CONTENT], { cwd: mounted.mountpoint });
      }
      const view = (by: "kernel" | "kfs"): string[] => {
        using mounted = mount(by, image, mountpoint, { options: ["ro"] });
        return listing(mounted);
      };
      const kernelView = view("kernel");
      assert.deepEqual(view("kfs"), kernelView);
      {
        using opened = open(image, { readOnly: true });
        const targets = [...opened.walk("/")].filter(({ isSymlink }) => isSymlink)
          .map(({ path }) => [opened.readLink(path), opened.lstat(path).size] as const);
        assert.equal(targets.length, 3);
        for (const [text, size] of targets) {
          assert.equal(text.length, size);
          assert.ok(kernelView.some((line) => line.endsWith(`|${text}`)), text);
        }
      }
      {
        using mounted = mount("kfs", image, mountpoint);
        refusals(mounted);
        const [many] = must("bash", ["-c", "ls -d */*/ -S | head -1"], { cwd: mounted.mountpoint })
          .split("\n");
        assert(many !== undefined);
        must("bash", ["-euc", `ls "${many}" | sed -n 'p;n' | (cd "${many}"; xargs rm -r --)`], {
          cwd: mounted.mountpoint,
        });
      }
      mustBeClean(image, "after half of the names were removed");
      assert.deepEqual(view("kfs"), view("kernel"));
      {
        using mounted = mount("kfs", image, mountpoint);
        must("bash", ["-euc", "rm -r */"], { cwd: mounted.mountpoint });
      }
      mustBeClean(image, "after all was removed");
    },
  });
}
