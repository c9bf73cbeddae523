/**
 * Random attributes on files of images of many kinds, held against a model, and judged by e2fsck, debugfs and the kernel.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { printedSeed, Random } from "../../tests/harness/seed.ts";
import { programs, recordSkip, root, testWith, unmet } from "../../tests/harness/skip.ts";
import { ENODATA, ENOSPC } from "../errno.ts";
import { namespaceOf, resolveName } from "./name.ts";
import {
  assertClean,
  debugfs,
  inodeNumber,
  kernelXattrs,
  latin1,
  loopDevices,
  makeImage,
  TestVolume,
  toLatin1,
  withImageDir,
  withKernelMount,
} from "./testing.ts";
import { remove, removeAll, set } from "./xattr.ts";

/** One kind of image. */
interface Kind {
  readonly name: string;
  readonly args: readonly string[];
  /** Values may be larger than a block. */
  readonly large?: boolean;
}

const KINDS: readonly Kind[] = [
  { name: "inodes of 128 bytes", args: ["-I", "128"] },
  { name: "inodes of 256 bytes", args: [] },
  { name: "inodes of 512 bytes, 1 KiB blocks", args: ["-I", "512", "-b", "1024"] },
  { name: "inodes of 1024 bytes", args: ["-I", "1024"] },
  { name: "ea_inode", args: ["-O", "ea_inode"], large: true },
  { name: "ea_inode, 1 KiB blocks", args: ["-O", "ea_inode", "-b", "1024"], large: true },
  { name: "ea_inode, inodes of 128 bytes", args: ["-O", "ea_inode", "-I", "128"], large: true },
  { name: "inline_data", args: ["-O", "inline_data"] },
  { name: "without metadata_csum", args: ["-O", "^metadata_csum,ea_inode"], large: true },
  { name: "without extents", args: ["-O", "^extent,^64bit,ea_inode"], large: true },
  { name: "bigalloc", args: ["-O", "bigalloc,ea_inode", "-C", "16384"], large: true },
];

const FILES = ["/a", "/b", "/c", "/d"];
const NAMES = [
  "user.x",
  "user.mime_type",
  "trusted.t",
  "security.label",
  "user." + "long".repeat(40),
];

class Model {
  readonly files: Map<string, string>[] = FILES.map(() => new Map<string, string>());
  readonly inodes: number[];

  constructor(readonly kind: Kind, readonly random: Random, public volume: TestVolume) {
    this.inodes = FILES.map((name) => inodeNumber(volume.path, name));
  }

  step(): void {
    const { random } = this;
    const file = random.below(FILES.length);
    const name = random.chance(20) ? `user.n${random.below(30)}` : random.pick(NAMES);
    if (random.chance(3)) this.wipe(file);
    else if (random.chance(25)) this.remove(file, name);
    else if (random.chance(15)) this.copyAll(file, random.below(FILES.length));
    else this.set(file, name, this.randomValue());
  }

  randomValue(): string {
    const { random } = this;
    let bytes = random.below(60);
    if (random.chance(20)) bytes = random.below(900);
    if (random.chance(5)) bytes = random.below(5000);
    if (this.kind.large === true && random.chance(15)) bytes = random.below(65537);
    // Few different values, so that equal ones meet.
    const text = String.fromCharCode(random.below(4) * 60 + 33);
    return text.repeat(bytes);
  }

  set(file: number, name: string, value: string): number {
    const resolved = resolveName(latin1(name));
    assert.ok(typeof resolved !== "number");
    const { index, suffix } = resolved;
    const inode = this.volume.inode(this.inodes[file] ?? 0);
    const result = this.volume.change((handle) =>
      set(this.volume.alloc, handle, inode, index, suffix, latin1(value), 0, true)
    );
    assert.ok(result === 0 || result === -ENOSPC, `set: ${result}`);
    if (result === 0) this.files[file]?.set(name, value);
    return result;
  }

  remove(file: number, name: string): void {
    const resolved = resolveName(latin1(name));
    assert.ok(typeof resolved !== "number");
    const { index, suffix } = resolved;
    const inode = this.volume.inode(this.inodes[file] ?? 0);
    const result = this.volume.change((handle) =>
      remove(this.volume.alloc, handle, inode, index, suffix, true)
    );
    const known = this.files[file]?.delete(name);
    assert.equal(result, known ? 0 : -ENODATA);
  }

  wipe(file: number): void {
    const inode = this.volume.inode(this.inodes[file] ?? 0);
    this.volume.change((handle) => {
      removeAll(this.volume.alloc, handle, inode);
      return 0;
    });
    this.files[file]?.clear();
  }

  copyAll(from: number, to: number): void {
    if (from === to) return;
    this.wipe(to);
    for (const [name, value] of this.files[from] ?? []) this.set(to, name, value);
  }

  check(): void {
    this.files.forEach((attributes, file) => {
      const ino = this.inodes[file] ?? 0;
      assert.deepEqual(this.volume.names(ino).toSorted(), [...attributes.keys()].toSorted());
      for (const [name, value] of attributes) {
        assert.ok(this.volume.value(ino, name) === value, `${FILES[file]} ${name}`);
      }
    });
  }

  save(hint: string): void {
    this.volume.save();
    assert.deepEqual(this.volume.reports, []);
    assertClean(this.volume.path, hint);
  }

  reopen(): void {
    this.volume = new TestVolume(this.volume.path);
  }

  checkDebugfs(dir: string): void {
    const commands: string[] = [];
    const wanted: string[] = [];
    this.files.forEach((attributes, file) => {
      for (const [name, value] of attributes) {
        commands.push(`ea_get -f ${dir}/v${wanted.length} ${FILES[file]} ${name}`);
        wanted.push(value);
      }
    });
    debugfs(this.volume.path, commands);
    wanted.forEach((value, i) => {
      assert.ok(toLatin1(Deno.readFileSync(`${dir}/v${i}`)) === value, commands[i]);
    });
  }

  checkKernel(): void {
    withKernelMount(this.volume.path, (mountPoint) => {
      this.files.forEach((attributes, file) => {
        const found = kernelXattrs(`${mountPoint}${FILES[file]}`);
        for (const [name, value] of attributes) {
          assert.ok(found.get(name) === value, `kernel: ${FILES[file]} ${name}`);
        }
        assert.equal(found.size, attributes.size);
      });
    });
  }
}

function run(kind: Kind, dir: string): void {
  const path = `${dir}/image`;
  const source = `${dir}/source`;
  Deno.writeTextFileSync(source, "content\n");
  makeImage(path, kind.args, FILES.map((name) => `write ${source} ${name}`));
  const random = new Random(printedSeed(`xattr model, ${kind.name}`));
  const model = new Model(kind, random, new TestVolume(path));
  const noKernel = unmet([root, loopDevices]);
  if (noKernel !== undefined) recordSkip(`xattr model, ${kind.name}: the kernel reads`, noKernel);
  for (let round = 0; round < 3; round++) {
    for (let step = 0; step < 60; step++) {
      model.step();
      if (random.chance(10)) model.check();
      if (random.chance(10)) model.volume.volume.commit(false);
    }
    model.check();
    model.save(`${kind.name}, round ${round}`);
    model.reopen();
    model.check();
  }
  model.checkDebugfs(dir);
  if (noKernel === undefined) model.checkKernel();
  for (let file = 0; file < FILES.length; file++) model.wipe(file);
  model.save(`${kind.name}, wiped`);
}

for (const kind of KINDS) {
  testWith({
    name: `random attributes: ${kind.name}`,
    needs: [programs("mke2fs", "debugfs", "e2fsck")],
    fn: () => withImageDir((dir) => run(kind, dir)),
  });
}

Deno.test("names of test attributes resolve", () => {
  for (const name of NAMES) assert.ok(namespaceOf(latin1(name)) > 0);
});
