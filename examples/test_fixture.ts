/**
 * Makes a small image as a fixture for tests, and tells what is in it:
 * `deno run -A examples/test_fixture.ts fixture.img`. The same bytes each time.
 *
 * @module
 */

import { open, populate } from "../mod.ts";

const path = Deno.args[0] ?? "fixture.img";
const { manifest } = await populate(path, {
  extra: `
    text  /etc/motd "Welcome\\n" 644 0 0
    link  /etc/motd.again /etc/motd
    slink /motd etc/motd 0 0
    nod   /dev/tty 620 0 5 c 4 0 3
    dir   /home/user 700 1000 1000
    xattr /home/user user.comment "somebody's"
  `,
  minimize: true,
  reproducible: true,
  manifest: true,
  verify: true,
});
for (const { path, type, mode } of manifest?.entries ?? []) console.log(mode, type, path);
using image = open(path, { readOnly: true });
console.log(image.readTextFile("/motd").trim());
