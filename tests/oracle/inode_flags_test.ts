import assert from "node:assert/strict";
import { must } from "../harness/commands.ts";
import * as libc from "../harness/libc.ts";
import type { Mounted } from "../harness/mount.ts";
import { script, testProgram } from "./program_case.ts";

const EPERM = -1;

function pathIn(mounted: Mounted, name: string): string {
  return libc.toByteString(mounted.path(name));
}

/** What opening, then closing, gives: 0 or a negated errno. */
function opens(path: string, flags: number): number {
  const descriptor = libc.open(path, flags);
  return descriptor < 0 ? descriptor : libc.close(descriptor);
}

testProgram({
  name: "an immutable file refuses every change until it is mutable again",
  programs: ["chattr", "lsattr"],
  image: { size: "32M" },
  work(mounted) {
    script(mounted, "echo text > file; chattr +i file; lsattr file | grep -q -- i");
    const file = pathIn(mounted, "file");
    const refused: Readonly<Record<string, () => number>> = {
      write: () => opens(file, libc.O_WRONLY),
      append: () => opens(file, libc.O_WRONLY | libc.O_APPEND),
      truncate: () => libc.truncate(file, 0),
      unlink: () => libc.unlink(file),
      rename: () => libc.rename(file, `${file}2`),
      link: () => libc.link(file, `${file}3`),
      chmod: () => libc.chmod(file, 0o600),
      chown: () => libc.lchown(file, 1, 1),
      utimens: () => libc.utimens(file, [1, 1], [1, 1]),
      setxattr: () => libc.setxattr(file, "user.a", new Uint8Array(1)),
    };
    for (const [what, action] of Object.entries(refused)) assert.equal(action(), EPERM, what);
    assert.equal(must("cat", [mounted.path("file")]), "text\n");
    script(mounted, "chattr -i file; echo more >> file; rm file");
  },
});

testProgram({
  name: "an append-only file grows, and does nothing else",
  programs: ["chattr", "lsattr"],
  image: { size: "32M" },
  work(mounted) {
    script(mounted, "echo text > log; chattr +a log; echo more >> log");
    const log = pathIn(mounted, "log");
    assert.equal(opens(log, libc.O_WRONLY), EPERM, "open for plain writing");
    assert.equal(
      opens(log, libc.O_WRONLY | libc.O_APPEND | libc.O_TRUNC),
      EPERM,
      "truncating open",
    );
    assert.equal(libc.truncate(log, 0), EPERM, "truncate");
    assert.equal(libc.unlink(log), EPERM, "unlink");
    assert.equal(libc.rename(log, `${log}2`), EPERM, "rename");
    assert.equal(must("cat", [mounted.path("log")]), "text\nmore\n");
    script(mounted, "chattr -a log; rm log");
  },
});

testProgram({
  name: "an append-only folder takes new names and loses none; an immutable one does neither",
  programs: ["chattr"],
  image: { size: "32M" },
  work(mounted) {
    script(mounted, "mkdir d; touch d/old; chattr +a d; touch d/new");
    assert.equal(libc.unlink(pathIn(mounted, "d/old")), EPERM);
    script(mounted, "chattr -a +i d");
    assert.equal(opens(pathIn(mounted, "d/third"), libc.O_CREAT | libc.O_WRONLY), EPERM);
    assert.equal(libc.mkdir(pathIn(mounted, "d/sub")), EPERM);
    assert.equal(libc.unlink(pathIn(mounted, "d/new")), EPERM);
    script(mounted, "echo changed > d/old; chattr -i d; rm -r d");
  },
});

testProgram({
  name: "what stat shows after chattr is up to date",
  programs: ["chattr", "stat"],
  image: { size: "32M" },
  work(mounted) {
    script(
      mounted,
      "touch file; stat -c %z file > before; sleep 0.02; chattr +d file; stat -c %z file > after; " +
        "! cmp -s before after",
    );
  },
});
