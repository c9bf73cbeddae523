/**
 * Run as a program with two folders: renounces files but below the first (`read` or `all`), and prints
 * what it can still do.
 *
 * @module
 */

import { O_DIRECTORY, O_PATH } from "../../ffi/libc/constants.ts";
import { open } from "../../ffi/libc/file.ts";
import { renouncePrivileges } from "../sandbox/capabilities.ts";
import { restrictFiles } from "../sandbox/landlock.ts";

const [inside = "", outside = "", rights = "all"] = Deno.args;
const directory = open(inside, O_PATH | O_DIRECTORY);
const removable = open(outside, O_PATH | O_DIRECTORY);
renouncePrivileges();
restrictFiles([
  { directory, rights: rights === "read" ? "read" : "all" },
  { directory: removable, rights: "remove" },
]);

function works(what: () => void): boolean {
  try {
    what();
    return true;
  } catch {
    return false;
  }
}

console.log(JSON.stringify({
  readInside: works(() => Deno.readTextFileSync(`${inside}/file`)),
  writeInside: works(() => Deno.writeTextFileSync(`${inside}/made`, "")),
  renameInside: works(() => Deno.renameSync(`${inside}/made`, `${inside}/moved`)),
  readOutside: works(() => Deno.readTextFileSync(`${outside}/file`)),
  writeOutside: works(() => Deno.writeTextFileSync(`${outside}/made`, "")),
  listOutside: works(() => [...Deno.readDirSync(outside)]),
  removeOutside: works(() => Deno.removeSync(`${outside}/file`)),
}));
