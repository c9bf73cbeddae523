import assert from "node:assert/strict";
import { toByteString } from "../harness/libc.ts";
import { writeSourceTree } from "../harness/source_tree.ts";
import { printedSeed, Random } from "../harness/seed.ts";
import { mustBeSameTree, takeTree } from "../harness/tree.ts";
import type { Scratch } from "../harness/scratch.ts";
import { script, testProgram } from "./program_case.ts";

function sourceTree(scratch: Scratch, name: string): string {
  const folder = scratch.makeFolder("source");
  writeSourceTree(folder, new Random(printedSeed(name)));
  return folder;
}

function mustBeCopied(source: string, copy: string): void {
  mustBeSameTree(
    takeTree(toByteString(source)),
    takeTree(toByteString(copy)),
    "source (left) and copy (right)",
  );
}

testProgram({
  name: "cp -a copies a tree exactly, and moves and removes it",
  programs: ["cp"],
  work(mounted, scratch) {
    const source = sourceTree(scratch, "cp");
    script(mounted, 'cp -a "$1" copy', source);
    mustBeCopied(source, mounted.path("copy"));
    script(mounted, "cp -a copy second; mv copy third; cp -a --reflink=auto third/many fourth");
    mustBeCopied(source, mounted.path("second"));
    mustBeCopied(source, mounted.path("third"));
    script(mounted, "rm -r second");
  },
});

testProgram({
  name: "tar packs and unpacks a tree with attributes, ACLs and holes",
  programs: ["tar"],
  work(mounted, scratch) {
    const source = sourceTree(scratch, "tar");
    const pack = "tar --xattrs --xattrs-include='*' --acls --sparse -H posix";
    script(mounted, `${pack} -cf a.tar -C "$1" .; mkdir copy; ${pack} -xpf a.tar -C copy`, source);
    mustBeCopied(source, mounted.path("copy"));
    script(mounted, `${pack} -cf - -C copy . | (mkdir second; ${pack} -xpf - -C second)`);
    mustBeCopied(source, mounted.path("second"));
  },
});

testProgram({
  name: "rsync mirrors a tree, then its changes",
  programs: ["rsync"],
  work(mounted, scratch) {
    const source = sourceTree(scratch, "rsync");
    const mirror = 'rsync -aHAXS --modify-window=-1 --numeric-ids --delete "$1/" copy/';
    script(mounted, mirror, source);
    mustBeCopied(source, mounted.path("copy"));
    const change =
      'cd "$1"; rm -r many; mv size-4096 sub/; date >> size-4097; mkdir new; touch new/x';
    script(mounted, change, source);
    script(mounted, `${mirror}; rsync -aHAX --modify-window=-1 --inplace copy/ second/`, source);
    mustBeCopied(source, mounted.path("copy"));
    mustBeCopied(source, mounted.path("second"));
  },
});

const GIT_HISTORY = `
export HOME=$1 GIT_CONFIG_NOSYSTEM=1
git init -q -b main "$1/origin"
cd "$1/origin"
git config user.email a@example.org; git config user.name a
for commit in 1 2 3 4 5; do
  for file in $(seq 200); do echo "$commit $file $RANDOM" >> "file-$file"; done
  mkdir -p "folder-$commit/x/y"; head -c 20000 /dev/urandom > "folder-$commit/x/y/noise"
  git add -A; git commit -q -m "commit $commit"; git tag "v$commit"
done`;

testProgram({
  name: "git clones, checks out, commits, collects garbage and finds no fault",
  programs: ["git"],
  work(mounted, scratch) {
    const home = scratch.makeFolder("home");
    script(mounted, GIT_HISTORY, home);
    script(
      mounted,
      `export HOME=$1 GIT_CONFIG_NOSYSTEM=1
      git clone -q --no-hardlinks "$1/origin" clone; cd clone
      git config user.email a@example.org; git config user.name a
      for version in v1 v3 v2 v5; do git checkout -q $version; test -z "$(git status --short)"; done
      git switch -q -c work; rm -r folder-1; echo more >> file-7; git add -A; git commit -qm work
      git gc -q --aggressive --prune=now; git fsck --full --strict
      git clone -q . ../second; test -z "$(git -C ../second status --short)"`,
      home,
    );
  },
});

testProgram({
  name: "sqlite3 keeps a database in both journal modes",
  programs: ["sqlite3"],
  work(mounted) {
    for (const mode of ["delete", "truncate", "persist", "wal"]) {
      const out = script(
        mounted,
        `sqlite3 "$1.db" "pragma journal_mode=$1; create table t(a integer primary key, b blob);"
        for round in 1 2 3 4 5 6; do sqlite3 "$1.db" "begin;
          with recursive n(i) as (select 1 union all select i+1 from n where i<3000)
            insert into t(b) select randomblob(i % 900) from n; commit;
          delete from t where a % 7 = $round; "; done
        sqlite3 "$1.db" "create index i on t(b); vacuum; pragma integrity_check; select count(*) from t;"`,
        mode,
      );
      assert.match(out, /^ok$/m, mode);
    }
  },
});

testProgram({
  name: "dd writes in every manner what it writes elsewhere",
  programs: ["dd", "cmp"],
  work(mounted, scratch) {
    const elsewhere = scratch.makeFolder("elsewhere");
    script(
      mounted,
      `head -c 9000000 /dev/urandom > "$1/noise"
      for target in . "$1"; do
        for size in 1 511 512 4095 4096 65536 1000000; do
          dd status=none if="$1/noise" of="$target/bs-$size" bs=$size count=7
        done
        dd status=none if="$1/noise" of=$target/seek bs=4096 seek=1000 count=3
        dd status=none if="$1/noise" of=$target/seek bs=1000 seek=7 count=3 conv=notrunc
        dd status=none if="$1/noise" of=$target/append bs=3000 count=100
        dd status=none if="$1/noise" of=$target/append bs=777 count=10 oflag=append conv=notrunc
        dd status=none if="$1/noise" of=$target/sync bs=64k count=4 oflag=sync
        dd status=none if="$1/noise" of=$target/fsync bs=1M conv=fsync
        dd status=none if=/dev/zero of=$target/zeros bs=64k count=4 conv=sparse
        truncate -s 3000001 $target/zeros
      done
      dd status=none if="$1/noise" of=direct bs=64k count=100 oflag=direct
      cmp -n 6553600 direct "$1/noise"
      dd status=none if=direct of=direct2 bs=4k iflag=direct; cmp direct direct2
      for file in *; do case $file in direct*|lost+found) continue ;; esac; cmp $file "$1/$file"; done`,
      elsewhere,
    );
  },
});

testProgram({
  name: "fio verifies what it wrote: random, mixed, mapped, direct, trimmed",
  programs: ["fio"],
  work(mounted) {
    const common = "--verify=crc32c --verify_fatal=1 --size=24M --minimal --randrepeat=1 " +
      "--fallocate=none --output=/dev/null";
    const jobs: Readonly<Record<string, string>> = {
      random: "--rw=randwrite --bs=4k --ioengine=psync",
      odd: "--rw=randwrite --bsrange=512-70k --bs_unaligned --ioengine=psync",
      mixed: "--rw=randrw --bs=8k --ioengine=psync --fsync=64",
      mapped: "--rw=randwrite --bs=4k --ioengine=mmap",
      direct: "--rw=randwrite --bs=4k --direct=1 --ioengine=psync",
      native: "--rw=randwrite --bs=16k --direct=1 --ioengine=libaio --iodepth=16",
      allocated: "--rw=randwrite --bs=4k --fallocate=posix --ioengine=psync",
      sequential: "--rw=write --bs=128k --ioengine=psync --end_fsync=1",
      parallel: "--rw=randwrite --bs=4k --numjobs=4 --group_reporting --ioengine=psync",
    };
    for (const [name, job] of Object.entries(jobs)) {
      script(mounted, `fio --name=${name} --filename_format=${name}.\\$jobnum ${common} ${job}`);
    }
  },
});
