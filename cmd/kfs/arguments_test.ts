import assert from "node:assert/strict";
import { helpText, parseArguments } from "./arguments.ts";
import { type KfsOptions, OptionError } from "./mount_options.ts";

function options(...words: readonly string[]): KfsOptions {
  const request = parseArguments(words);
  assert(request.kind === "mount");
  return request.options;
}

function refusal(...words: readonly string[]): string {
  try {
    parseArguments(words);
  } catch (error) {
    assert(error instanceof OptionError, String(error));
    return error.message;
  }
  throw new Error(`accepted: ${words.join(" ")}`);
}

Deno.test("image and mount point come in any place among the options", () => {
  for (
    const words of ["a b -f -o ro", "-f a -o ro b", "-o ro -f a b", "-fo ro a b", "-f -oro a b"]
  ) {
    const parsed = options(...words.split(" "));
    assert.equal(parsed.image, "a");
    assert.equal(parsed.mountPoint, "b");
    assert.equal(parsed.foreground, true, words);
    assert.equal(parsed.readOnly, true, words);
  }
  assert.equal(options("--", "-a", "b").image, "-a");
});

Deno.test("what mount(8) and fstab hand over is understood", () => {
  const parsed = options(
    "disk.img",
    "/mnt",
    "-o",
    "rw,noatime,nosuid,nodev,noauto,user,_netdev,nofail,x-systemd.automount,comment=home",
  );
  assert.deepEqual(parsed.kernel, ["nosuid", "nodev"]);
  assert.equal(parsed.accessTime, "noatime");
});

Deno.test("values", () => {
  const parsed = options(
    "i",
    "m",
    "-o",
    "offset=1M,commit=30,errors=panic,cache=32M,fsname=a\\,b,subtype=x,logfile=/l",
  );
  assert.equal(parsed.offsetBytes, 1 << 20);
  assert.equal(parsed.commitSeconds, 30);
  assert.equal(parsed.errors, "panic");
  assert.equal(parsed.cacheBytes, 32 << 20);
  assert.equal(parsed.fsname, "a,b");
  assert.equal(parsed.logFile, "/l");
  assert.equal(options("i", "m", "-o", "commit=0").commitSeconds, 5);
});

Deno.test("each refusal names the word", () => {
  assert.match(refusal("i", "m", "-o", "bogus"), /unknown mount option: bogus/);
  assert.match(refusal("i", "m", "-o", "constructor"), /unknown mount option: constructor/);
  assert.match(refusal("i", "m", "-o", "ro=1"), /ro takes no value/);
  assert.match(refusal("i", "m", "-o", "errors"), /errors needs a value/);
  assert.match(refusal("i", "m", "-o", "errors=maybe"), /errors=maybe/);
  assert.match(refusal("i", "m", "-o", "commit=-1"), /commit=-1/);
  assert.match(refusal("i", "m", "-o", "offset=1Q"), /offset=1Q/);
  assert.match(refusal("i", "m", "-x"), /unknown option: -x/);
  assert.match(refusal("i", "m", "-o"), /-o needs a value/);
  assert.match(refusal("i", "m", "-o", "vhost-user=s,writeback"), /does not go with writeback/);
  assert.match(refusal("i", "m", "-s", "-o", "vhost-user=s"), /does not go with -s/);
  assert.match(refusal("i"), /IMAGE MOUNTPOINT/);
  assert.match(refusal("i", "m", "n"), /unexpected argument: n/);
});

Deno.test("the help names every option that the page promises", () => {
  const help = helpText();
  for (const word of ["allow_other", "lazytime", "errors=", "commit=", "offset=", "norecovery"]) {
    assert(help.includes(word), word);
  }
  assert.equal(parseArguments(["--help"]).kind, "help");
  assert.equal(parseArguments(["-V"]).kind, "version");
});

Deno.test("quota options add up, and noquota takes them back", () => {
  const words = (list: string) => options("a", "b", "-o", list).quotaLimits;
  assert.deepEqual(words("ro"), []);
  assert.deepEqual(words("prjquota,quota,usrquota"), ["project", "user"]);
  assert.deepEqual(words("usrquota,noquota,grpquota"), ["group"]);
  assert.match(refusal("a", "b", "-o", "usrquota=aquota.user"), /takes no value/);
});
