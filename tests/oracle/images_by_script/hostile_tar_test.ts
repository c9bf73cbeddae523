import assert from "node:assert/strict";
import { testWith } from "../../harness/skip.ts";
import { TarWriter } from "../../../tar/writer.ts";
import type { TarType } from "../../../tar/member.ts";
import { made, program, refused, withFolder } from "./kit.ts";

const encoder = new TextEncoder();
const TIME = { seconds: 1_000_000_000, nanoseconds: 0 };

/** One member of an archive made by hand. */
interface Part {
  readonly path: string;
  readonly type?: TarType;
  readonly content?: string;
  readonly target?: string;
}

function archiveOf(parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [];
  const writer = new TarWriter((bytes) => pieces.push(bytes.slice()));
  for (const { path, type = "file", content = "", target = "" } of parts) {
    const entry = {
      type,
      path: encoder.encode(path),
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: content.length,
      mtime: TIME,
      atime: TIME,
      ctime: TIME,
      target: encoder.encode(target),
      major: 0,
      minor: 0,
      xattrs: [],
    };
    writer.member(entry, undefined);
    writer.content(encoder.encode(content));
    writer.endContent();
  }
  writer.finish();
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The header of the only member: behind its pax header and that one's records. */
const HEADER = 1024;

/** Changes a field of a header and mends the checksum. */
function withField(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  value: Uint8Array | string,
): Uint8Array<ArrayBuffer> {
  const changed = bytes.slice();
  changed.set(typeof value === "string" ? encoder.encode(value) : value, HEADER + at);
  const header = changed.subarray(HEADER, HEADER + 512);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(encoder.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return changed;
}

const file = archiveOf([{ path: "file", content: "content" }]);
const flipped = file.slice();
flipped[HEADER + 3] = 0x78;
const LONG = "x".repeat(256);

const CASES: readonly (readonly [line: RegExp, archive: Uint8Array<ArrayBuffer>])[] = [
  [/\/etc\/passwd has an absolute name/, archiveOf([{ path: "/etc/passwd" }])],
  [/leads out of the tree/, archiveOf([{ path: "a/../../b" }])],
  [/leads out of the tree/, archiveOf([{ path: ".." }])],
  [/truncated/, file.subarray(0, HEADER + 512 + 3)],
  [/truncated/, file.subarray(0, HEADER + 300)],
  [/truncated/, file.subarray(0, HEADER + 1024)],
  [/truncated|no bytes/, file.subarray(0, 0)],
  [/checksum is wrong/, flipped],
  [/no tar/, encoder.encode("this is a letter and no archive\n".repeat(100))],
  [/size is no number/, withField(file, 124, "12345abcdef")],
  [/claims to have \d+ bytes/, withField(file, 124, Uint8Array.of(0x80, 0, 0, 0, 0, 4))],
  [/absurdly large/, withField(file, 124, Uint8Array.of(0x80, 0, 0, 0, 0xff))],
  [/claims to have -\d+ bytes/, withField(file, 124, new Uint8Array(12).fill(0xff))],
  [/is missing|are missing/, withField(file, 124, "77777777777\0")],
  [/is a link to nowhere: nowhere/, archiveOf([{ path: "l", type: "link", target: "nowhere" }])],
  [/leads nowhere/, archiveOf([{ path: "l", type: "symlink" }])],
  [/is in the archive twice/, archiveOf([{ path: "a" }, { path: "./a", content: "2" }])],
  [/not a directory/, archiveOf([{ path: "a" }, { path: "a/b" }])],
  [
    /hard link to a directory/,
    archiveOf([
      { path: "a/", type: "directory" },
      { path: "l", type: "link", target: "a" },
    ]),
  ],
  [
    /in circles/,
    archiveOf([
      { path: "a", type: "symlink", target: "b" },
      { path: "b", type: "symlink", target: "a" },
      { path: "a/file" },
    ]),
  ],
  [/255 is the most/, archiveOf([{ path: LONG }])],
  [/nested too deeply/, archiveOf([{ path: "a/".repeat(2500) + "b" }])],
  [/packed with xz.*xz -dc/, Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0, 0, 0)],
  [/gzip stream is damaged/, Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4)],
  [/zstd stream is damaged/, Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 9, 9, 9, 9, 9, 9, 9)],
];

testWith({
  name: "hostile archives get one line, and no image",
  needs: [],
  fn: () =>
    withFolder(async (folder) => {
      const archive = `${folder}/archive`;
      const image = `${folder}/image`;
      for (const [pattern, bytes] of CASES) {
        Deno.writeFileSync(archive, bytes);
        const line = await refused(image, "--from", archive, image, "16M");
        assert.match(line, pattern);
        assert.ok(line.length < 500, line);
      }
      // One without any mistake, to be sure of the others.
      Deno.writeFileSync(archive, file);
      assert.match(await refused(image, "--from", archive, image, "20K"), /too small|too few/);
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["archive"]);
    }),
});

testWith({
  name: "every bit flipped in a header is noticed or harmless",
  needs: [program("e2fsck")],
  fn: () =>
    withFolder(async (folder) => {
      const archive = `${folder}/archive`;
      const image = `${folder}/image`;
      for (let at = 0; at < 3 * 512; at += 37) {
        const bytes = file.slice();
        bytes[at] = (bytes[at] ?? 0) ^ 0x41;
        Deno.writeFileSync(archive, bytes);
        const line = await refused(image, "--from", archive, image, "2M").catch(() => undefined);
        if (line === undefined) Deno.removeSync(image);
      }
    }),
});

testWith({
  name: "links within the tree are followed, and --lenient takes what tar would",
  needs: [program("e2fsck"), program("debugfs")],
  fn: () =>
    withFolder(async (folder) => {
      const archive = `${folder}/archive`;
      const image = `${folder}/image`;
      const parts: Part[] = [
        { path: "/usr/lib/", type: "directory" },
        { path: "lib", type: "symlink", target: "../../usr/lib" },
        { path: "lib/a", content: "first" },
        { path: "usr/lib/a", content: "second" },
        { path: "usr/lib/a", type: "link", target: "lib/a" },
      ];
      Deno.writeFileSync(archive, archiveOf(parts).slice(0, -512 * 6));
      assert.match(await refused(image, "--from", archive, image), /absolute/);
      await made(image, "--lenient", "--verify", "--from", archive, image);
      const { stdout } = new Deno.Command("debugfs", { args: ["-R", "cat /usr/lib/a", image] })
        .outputSync();
      assert.equal(new TextDecoder().decode(stdout), "second");
    }),
});
