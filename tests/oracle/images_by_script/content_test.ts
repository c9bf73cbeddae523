import assert from "node:assert/strict";
import { must } from "../../harness/commands.ts";
import { testWith } from "../../harness/skip.ts";
import { made, makeTree, program, refused, root, sha256, TREE_NEEDS, withFolder } from "./kit.ts";

const needs = [root, program("tar"), program("e2fsck"), program("debugfs")];

function names(image: string, path: string): string[] {
  const listing = must("debugfs", ["-R", `ls -p ${path}`, image]);
  return listing.split("\n").map((line) => line.split("/")[5] ?? "")
    .filter((name) => !["", ".", ".."].includes(name)).sort();
}
const stat = (image: string, path: string): string =>
  must("debugfs", ["-R", `stat ${path}`, image]);
const cat = (image: string, path: string): string => must("debugfs", ["-R", `cat ${path}`, image]);

testWith({
  name: "layers with whiteouts are laid over each other",
  needs,
  fn: () =>
    withFolder(async (folder) => {
      must("sh", [
        "-c",
        `cd '${folder}' && set -e
        mkdir -p base/etc/sub base/opt/old base/keep && cd base
        echo 1 > etc/a; echo 1 > etc/b; echo 1 > etc/sub/c; echo 1 > opt/old/f; echo 1 > opt/x; cd ..
        mkdir -p l1/etc l1/opt/old && cd l1
        : > etc/.wh.a; echo 2 > etc/b; : > etc/.wh.sub; echo new > opt/new; echo n > opt/old/n
        : > opt/.wh..wh..opq; : > .wh.nothing; cd ..
        mkdir -p l2/etc && cd l2; echo 3 > etc/a; ln etc/a etc/a2; cd ..
        tar cf base.tar -C base .; tar czf l1.tar.gz -C l1 opt/new opt/.wh..wh..opq opt/old/n etc .wh.nothing
        tar cf l2.tar -C l2 etc`,
      ]);
      const image = `${folder}/image`;
      const layers = ["base.tar", "l1.tar.gz", "l2.tar"].flatMap((
        name,
      ) => ["--from", `${folder}/${name}`]);
      await made(image, "--verify", ...layers, image);
      assert.deepEqual(names(image, "/"), ["etc", "keep", "lost+found", "opt"]);
      assert.deepEqual(names(image, "/etc"), ["a", "a2", "b"]);
      assert.deepEqual(names(image, "/opt"), ["new", "old"]);
      assert.deepEqual(names(image, "/opt/old"), ["n"]);
      assert.equal(cat(image, "/etc/b"), "2\n");
      assert.match(stat(image, "/etc/a"), /Links: 2/);
    }),
});

testWith({
  name: "filters, owners, maps and extra tables",
  needs: TREE_NEEDS,
  fn: () =>
    withFolder(async (folder) => {
      makeTree(`${folder}/tree`);
      Deno.writeTextFileSync(
        `${folder}/table`,
        `# devices and more
dir   /dev 755 0 0
nod   /dev/console 600 0 5 c 5 1
nod   /dev/tty 620 0 5 c 4 0 4     # four of them
slink /sbin/init ../bin/busybox 0 0
text  "/etc/with blank" "line\\n" 640 7 8
file  /etc/copy ${folder}/tree/etc/motd 600 0 0
link  /etc/second /etc/copy
attr  /usr/bin/tool 755 - 99
xattr /usr/bin/tool user.made "by table"
pipe  /run/pipe 600 0 0
sock  /run/sock 600 0 0
remove /hole
attr / 711 5 6
`,
      );
      const image = `${folder}/image`;
      const from = ["--from", `${folder}/tree`];
      await made(
        image,
        "--verify",
        ...from,
        "--exclude=d*/",
        "--exclude=/etc/*",
        "--include=mot*",
        "--map-users=1000:5000:2",
        "--map-users",
        "1234:4242",
        "--map-groups=1001:6001",
        "--extra",
        `${folder}/table`,
        image,
      );
      assert.deepEqual(names(image, "/etc"), ["copy", "motd", "second", "with blank"]);
      assert.deepEqual(names(image, "/dev"), ["console", "tty0", "tty1", "tty2", "tty3"]);
      assert.ok(!names(image, "/").includes("hole"));
      assert.match(stat(image, "/dev/tty3"), /major\/minor number: 04:03/);
      assert.match(stat(image, "/etc/copy"), /Mode: {2}0600[\s\S]*Links: 2/);
      assert.match(
        stat(image, "/usr/bin/tool"),
        /Mode: {2}0755[\s\S]*Group: {4}99[\s\S]*user.made/,
      );
      assert.match(stat(image, "/"), /Mode: {2}0711[\s\S]*User: {5}5 {3}Group: {5}6/);
      assert.match(
        must("debugfs", ["-R", "ea_get -x /etc/motd system.posix_acl_access", image]),
        /92 10 00 00/,
      );
      Deno.removeSync(image);
      await made(image, "--verify", ...from, "--owner=12:34", "--include", "etc/conf.d", image);
      assert.deepEqual(names(image, "/"), ["etc", "lost+found"]);
      assert.match(stat(image, "/etc/conf.d/short"), /User: {4}12 {3}Group: {4}34/);
      Deno.removeSync(image);
      Deno.writeTextFileSync(`${folder}/table`, "text /f x 644 0 0\nxattr /f user.a b\n");
      for (const type of [["-r", "0", "-t", "ext2"], ["-O", "^ext_attr"]]) {
        await made(image, ...type, "--extra", `${folder}/table`, image, "4M");
        Deno.removeSync(image);
      }
      const bad: readonly (readonly [RegExp, ...string[]])[] = [
        [/line 1: there is no frobnicate/, "frobnicate /x"],
        [/line 2: 999 is not a mode/, "\ndir /x 999 0 0"],
        [/line 1: dir with 2 words/, "dir /x 755"],
        [/line 1: a quotation mark is missing/, 'text /x "abc 644 0 0'],
        [/line 1: there is no \/none/, "remove /none"],
        [/leads out of the tree/, "dir ../x 755 0 0"],
      ];
      for (const [pattern, text = ""] of bad) {
        Deno.writeTextFileSync(`${folder}/table`, text);
        assert.match(await refused(image, "--extra", `${folder}/table`, image), pattern);
      }
    }),
});

testWith({
  name: "the same files give the same bytes, wherever and whenever",
  needs: TREE_NEEDS,
  fn: () =>
    withFolder(async (folder) => {
      makeTree(`${folder}/one/tree`);
      must("sh", [
        "-c",
        `cd '${folder}' && mkdir -p else/where && cp -a one/tree else/where/t &&
        cd else/where/t && mkdir x && mv * x/ 2>/dev/null; mv x/* . && rmdir x && rm etc/motd usr/motd-link &&
        cp -a ../../../one/tree/etc/motd etc/motd && ln etc/motd usr/motd-link && cp --sparse=never sparse full && touch -r sparse full && mv full sparse &&
        touch -d 2035-01-01 usr etc . usr/bin`,
      ]);
      must("touch", [
        "-d",
        "2031-05-05",
        `${folder}/one/tree/usr`,
        `${folder}/one/tree/etc`,
        `${folder}/one/tree/usr/bin`,
      ]);
      const make = async (tree: string, name: string, ...more: string[]): Promise<string> => {
        const image = `${folder}/${name}`;
        await made(image, ...more, "--from", `${folder}/${tree}`, image);
        const digest = sha256(image);
        Deno.removeSync(image);
        return digest;
      };
      const first = await make("one/tree", "a.img", "--reproducible");
      assert.equal(await make("else/where/t", "b.img", "--reproducible"), first);
      assert.equal(await make("else/where/t", "c.img", "--reproducible", "--sparse"), first);
      assert.notEqual(await make("one/tree", "a.img"), await make("one/tree", "a.img"));
      Deno.env.set("SOURCE_DATE_EPOCH", "1700000000");
      try {
        const second = await make("one/tree", "a.img", "-O", "inline_data");
        assert.equal(await make("else/where/t", "b.img", "-O", "inline_data"), second);
        assert.notEqual(second, first);
        assert.notEqual(
          await make("one/tree", "b.img", "-O", "inline_data", "-U", "random"),
          second,
        );
      } finally {
        Deno.env.delete("SOURCE_DATE_EPOCH");
      }
    }),
});

testWith({
  name: "sizes: automatic, with headroom, minimal; holes; the manifest",
  needs: [...TREE_NEEDS, program("resize2fs"), program("dumpe2fs")],
  fn: () =>
    withFolder(async (folder) => {
      makeTree(`${folder}/tree`);
      must("sh", [
        "-c",
        `cd '${folder}/tree' && mkdir many && for i in $(seq 300); do echo $i > many/$i; done
        head -c 4000000 /dev/zero > zeros`,
      ]);
      const image = `${folder}/image`;
      const free = (): number => {
        const text = must("dumpe2fs", ["-h", image]);
        return Number(/Free blocks: +(\d+)/.exec(text)?.[1]) *
          Number(/Block size: +(\d+)/.exec(text)?.[1]);
      };
      const from = ["--from", `${folder}/tree`];
      await made(image, ...from, "--size", "auto", "--headroom", "5M", image);
      assert.ok(free() >= 5 << 20 && free() < 9 << 20, String(free()));
      Deno.removeSync(image);
      for (
        const more of [[], ["-b", "4096"], ["-t", "ext2"], ["-O", "bigalloc"], [
          "-O",
          "inline_data",
        ]]
      ) {
        await made(image, "--verify", "-m", "0", "--minimize", ...more, ...from, image);
        if (more.includes("inline_data")) {
          Deno.removeSync(image);
          continue;
        }
        const bytes = Deno.statSync(image).size;
        if (!more.includes("bigalloc")) {
          const least = /: (\d+)/.exec(must("resize2fs", ["-P", image]))?.[1];
          const size = /Block size: +(\d+)/.exec(must("dumpe2fs", ["-h", image]))?.[1];
          assert.ok(
            bytes <= Number(least) * Number(size) + 4096,
            `${bytes} bytes, resize2fs ${least} blocks`,
          );
        }
        Deno.removeSync(image);
        const smaller = String(bytes / 1024 - 64) + "K";
        const line = await refused(image, "-m", "0", "-N", "360", ...more, ...from, image, smaller);
        assert.match(line, /no space|too small/);
      }
      const manifest = `${folder}/manifest.json`;
      await made(image, ...from, "--sparse", "--manifest", manifest, image);
      assert.ok((Deno.statSync(image).blocks ?? 0) * 512 < 3_500_000);
      const { entries } = JSON.parse(Deno.readTextFileSync(manifest));
      const entry = (path: string) => entries.find((each: { path: string }) => each.path === path);
      assert.equal(entry("/usr/bin/tool").sha256, sha256(`${folder}/tree/usr/bin/tool`));
      assert.equal(entry("/sparse").sha256, sha256(`${folder}/tree/sparse`));
      assert.equal(entry("/usr/motd-link").linkTo, "/etc/motd");
      assert.equal(entry("/wide").minor, 70000);
      assert.equal(entry("/etc/motd").xattrs["user.comment"], btoa("with=equals%percent"));
      assert.equal(entry("/usr/bin/tool").mode, "4755");
    }),
});
