import assert from "node:assert/strict";
import { findProgram } from "../../tools/process.ts";
import { testWith } from "../../tests/harness/skip.ts";
import { main } from "../mkfs.ts";

const decoder = new TextDecoder();

function run(program: string, args: readonly string[]): string {
  const { code, stdout, stderr } = new Deno.Command(program, { args: [...args], stdin: "null" })
    .outputSync();
  const output = decoder.decode(stdout);
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${output}${decoder.decode(stderr)}`);
  return output;
}

const program = (name: string) => () =>
  findProgram(name) === undefined ? `${name} is not installed` : undefined;
const root = () => Deno.uid() === 0 ? undefined : "needs root";

/** A tree with one of everything; made by a shell. */
const TREE = `
set -e
mkdir -p dir/sub lost+found
echo hello > file
: > empty
head -c 3000000 /dev/urandom > large
truncate -s 100M sparse
printf data | dd of=sparse bs=1M seek=50 conv=notrunc status=none
ln file hardlink
ln -s target short
ln -s "$(printf 'x%.0s' $(seq 200))" long
mkfifo fifo
mknod null c 1 3
mknod wide b 259 70000
i=0; while [ $i -lt 300 ]; do echo $i > dir/sub/name$i; i=$((i+1)); done
chown 1000:1001 dir/sub
chmod 3775 dir/sub
chmod 4711 empty
touch -d '2040-01-02 03:04:05.123456789' file
touch -h -d '1960-01-02 03:04:05' short
touch -d '2001-01-01 00:00:00' dir dir/sub
`;

async function withImage(
  options: readonly string[],
  extra: string,
  body: (tree: string, image: string) => void | Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "kfs_copy_" });
  try {
    const tree = `${folder}/tree`;
    Deno.mkdirSync(tree);
    run("sh", ["-c", `cd '${tree}' && ${TREE}${extra}`]);
    const image = `${folder}/image`;
    assert.equal(await main(["-q", ...options, "-d", tree, image, "128M"]), 0);
    run("e2fsck", ["-fn", image]);
    await body(tree, image);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const needs = [root, program("e2fsck"), program("debugfs"), program("mknod")];

testWith({
  name: "a copied tree has everything that the source has",
  needs,
  fn: () =>
    withImage([], "", (tree, image) => {
      const stat = (path: string): string => run("debugfs", ["-R", `stat ${path}`, image]);
      assert.match(stat("/file"), /Links: 2/);
      assert.match(stat("/file"), /mtime: 0x[0-9a-f]+:[0-9a-f]+ -- Mon Jan {2}2 03:04:05 2040/);
      assert.match(stat("/short"), /Fast link dest: "target"/);
      assert.match(stat("/short"), /mtime: .*1960/);
      assert.match(stat("/long"), /Size: 200/);
      assert.match(stat("/null"), /Device major\/minor number: 01:03/);
      assert.match(stat("/wide"), /Device major\/minor number: 259:70000/);
      assert.match(stat("/empty"), /Mode: {2}04711/);
      assert.match(stat("/dir/sub"), /Mode: {2}03775[\s\S]*User: {2}1000 {3}Group: {2}1001/);
      assert.match(stat("/dir/sub"), /mtime: .*2001/);
      const sparse = /Size: 104857600[\s\S]*Blockcount: (\d+)/.exec(stat("/sparse"));
      assert.ok(Number(sparse?.[1]) <= 16);
      const copy = `${image}.copy`;
      run("debugfs", ["-R", `dump /large ${copy}`, image]);
      run("cmp", [copy, `${tree}/large`]);
      assert.equal(run("debugfs", ["-R", "cat /dir/sub/name299", image]), "299\n");
    }),
});

for (
  const options of [
    ["-O", "quota,project"],
    ["-t", "ext2"],
    ["-t", "ext3", "-b", "1024"],
    ["-O", "inline_data"],
    ["-O", "bigalloc"],
    ["-O", "mmp,casefold,encrypt,verity"],
    ["-b", "65536"],
    ["-I", "128"],
    ["-O", "^dir_index,^metadata_csum"],
  ]
) {
  testWith({
    name: `a tree can be copied with ${options.join(" ")}`,
    needs,
    fn: () =>
      withImage(options, "", (_tree, image) => {
        assert.equal(run("debugfs", ["-R", "cat /file", image]).replace(/\0+$/, ""), "hello\n");
      }),
  });
}

const NAMES = `
mkdir many
i=0; while [ $i -lt 3000 ]; do ln file many/a_rather_long_name_for_a_file_$i; i=$((i+1)); done
i=0; while [ $i -lt 300 ]; do echo $i > lost+found/found$i; i=$((i+1)); done
`;

/** Looks every name up through the kernel. */
function mounted(image: string, tree: string): void {
  const point = `${image}.mnt`;
  Deno.mkdirSync(point);
  run("mount", ["-o", "loop,ro", image, point]);
  try {
    run("diff", ["-r", "--no-dereference", `${tree}/many`, `${point}/many`]);
    run("diff", ["-r", `${tree}/lost+found`, `${point}/lost+found`]);
  } finally {
    run("umount", [point]);
  }
}

const loop = () => {
  try {
    Deno.statSync("/dev/loop-control");
    return undefined;
  } catch {
    return "no loop devices here";
  }
};

for (const options of [["-b", "1024"], ["-b", "4096"], ["-O", "^dir_index"], ["-t", "ext2"]]) {
  testWith({
    name: `large directories read by a second thread, ${options.join(" ")}`,
    needs: [...needs, loop, program("mount"), program("diff")],
    fn: () =>
      withImage(options, NAMES, (tree, image) => {
        mounted(image, tree);
        const { isDirectory } = Deno.statSync(`${tree}/many`);
        assert.ok(isDirectory);
        const index = run("debugfs", ["-R", "stat /many", image]);
        assert.equal(/Flags: 0x[0-9a-f]*1000\b/.test(index), !options.includes("^dir_index"));
      }),
  });
}

for (const options of [[], ["-O", "inline_data"]]) {
  testWith({
    name: `of the directory itself only attributes are copied ${options.join(" ")}`.trim(),
    needs: [...needs, program("setfattr")],
    fn: async () => {
      const script = "setfattr -n user.note -v value .; chown 1000:1001 .; chmod 1700 .";
      const stat = (image: string): string => run("debugfs", ["-R", "stat /", image]);
      await withImage(options, script, (_tree, image) => {
        assert.match(stat(image), /Mode: {2}0755[\s\S]*User: {5}0 {3}Group: {5}0/);
        assert.match(run("debugfs", ["-R", "ea_list /", image]), /user.note \(5\) = "value"/);
      });
      const root = [...options, "-E", "root_owner=7:8,root_perms=1777"];
      await withImage(root, script, (_tree, image) => {
        assert.match(stat(image), /Mode: {2}01777[\s\S]*User: {5}7 {3}Group: {5}8/);
      });
    },
  });
}

testWith({
  name: "the same tree gives the same image",
  needs,
  fn: async () => {
    const copies: string[] = [];
    const fixed = [
      "-U",
      "11111111-2222-4333-8444-555555555555",
      "-E",
      "hash_seed=11111111-2222-4333-8444-555555555555",
    ];
    Deno.env.set("SOURCE_DATE_EPOCH", "1700000000");
    try {
      await withImage(fixed, "", async (tree, image) => {
        // The first reading changed access times.
        for (const copy of [`${image}.1`, `${image}.2`]) {
          assert.equal(await main(["-q", ...fixed, "-d", tree, copy, "128M"]), 0);
          copies.push(copy);
        }
        run("cmp", copies);
      });
    } finally {
      Deno.env.delete("SOURCE_DATE_EPOCH");
    }
  },
});

testWith({
  name: "a tree that does not fit is refused by name, and the new file removed",
  needs: [program("e2fsck")],
  fn: async () => {
    const folder = Deno.makeTempDirSync({ prefix: "kfs_copy_" });
    try {
      Deno.mkdirSync(`${folder}/tree/deep`, { recursive: true });
      Deno.writeFileSync(`${folder}/tree/deep/huge`, new Uint8Array(8 << 20).fill(1));
      await assert.rejects(
        () => main(["-q", "-d", `${folder}/tree`, `${folder}/image`, "4M"]),
        /deep\/huge could not be written: the file system has no space/,
      );
      assert.throws(() => Deno.statSync(`${folder}/image`), Deno.errors.NotFound);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

testWith({
  name: "extended attributes and ACLs are copied, or left out on request",
  needs: [...needs, program("setfattr"), program("setfacl")],
  fn: async () => {
    const attributes = `
setfattr -n user.note -v value file
setfattr -n trusted.large -v "$(printf 'y%.0s' $(seq 2000))" dir
setfacl -m u:1234:rwx -m d:u:1234:rx dir
`;
    await withImage(["-b", "4096"], attributes, (_tree, image) => {
      assert.match(run("debugfs", ["-R", "ea_get /file user.note", image]), /value/);
      const list = run("debugfs", ["-R", "ea_list /dir", image]);
      assert.match(list, /trusted.large \(2000\)/);
      assert.match(list, /system.posix_acl_access/);
      assert.match(list, /system.posix_acl_default/);
      // The default ACL of the copied directory is not handed down to what was copied into it.
      assert.doesNotMatch(run("debugfs", ["-R", "ea_list /dir/sub", image]), /posix_acl/);
    });
    await withImage(["-b", "4096", "-E", "no_copy_xattrs"], attributes, (_tree, image) => {
      assert.doesNotMatch(run("debugfs", ["-R", "ea_list /file", image]), /user.note/);
    });
  },
});
