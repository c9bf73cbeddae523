/**
 * The workloads of the crash tests. Each draws from the actor's random numbers, so a seed gives the same
 * steps each time.
 *
 * @module
 */

import type { Actor } from "./actor.ts";
import type { Node } from "./model.ts";

/** Files that `crowd` has open at once: some more than an orphan file of one block of 1 KiB holds. */
const MOST_OPEN = 270;

/** Works for about `steps` steps. */
export type Workload = (actor: Actor, steps: number) => void;

/** Whether the workload goes on; now and then commits or syncs. */
function goOn(actor: Actor, steps: number, fsyncPercent: number): boolean {
  if (actor.random.chance(fsyncPercent)) actor.fsync();
  else if (actor.random.chance(3)) actor.commit();
  return actor.steps.length < steps;
}

function pickChild(actor: Actor, dir: Node, kind?: Node["kind"]): [string, Node] | undefined {
  const all = [...dir.children].filter(([, node]) => kind === undefined || node.kind === kind);
  return all.length === 0 ? undefined : actor.random.pick(all);
}

/** A directory of the root's, made unless it is there: a workload may be done several times over. */
function directoryNamed(actor: Actor, name: string): Node {
  const { root } = actor;
  return root.children.get(name) ?? actor.mkdir(root, name) ?? root;
}

function allDirectories(node: Node): Node[] {
  const found = [node];
  for (const child of node.children.values()) {
    if (child.kind === "directory") found.push(...allDirectories(child));
  }
  return found;
}

function anyDirectory(actor: Actor): Node {
  return actor.random.pick(allDirectories(actor.root));
}

/** How long a write is: bytes, some blocks, many blocks; seldom a whole number. */
function anyLength(actor: Actor): number {
  const { random } = actor;
  const most = random.pick([100, 1024, 4096, 20_000, 60_000]);
  return random.chance(30) ? Math.max(1024, most & ~1023) : 1 + random.below(most);
}

/** Files come, grow, are synced, and go. */
const files: Workload = (actor, steps) => {
  const { random, root } = actor;
  for (let n = actor.firstNumber(); goOn(actor, steps, 15); n++) {
    const chosen = pickChild(actor, root, "file");
    if (chosen === undefined || random.chance(35)) {
      const node = actor.create(root, `f${n}`);
      if (node !== undefined) actor.append(node, anyLength(actor));
      continue;
    }
    const [name, node] = chosen;
    if (random.chance(35)) actor.append(node, anyLength(actor));
    else if (random.chance(30)) {
      actor.write(node, random.below(node.content.size + 5000), anyLength(actor));
    } else if (random.chance(20)) actor.chmod(node, random.below(0o1000));
    else if (root.children.size > 6) actor.unlink(root, name);
  }
};

/** The way in which careful programs replace a file: a new one, synced, renamed over the old one. */
const replace: Workload = (actor, steps) => {
  const { random, root } = actor;
  const other = directoryNamed(actor, "other");
  for (let n = actor.firstNumber(); goOn(actor, steps, 8); n++) {
    const [dir, name] = [random.pick([root, other]), `target${random.below(5)}`];
    const temporary = `temporary${n}`;
    const made = actor.create(root, temporary);
    if (made === undefined) {
      actor.unlink(dir, name);
      actor.fsync();
      continue;
    }
    actor.append(made, anyLength(actor));
    if (random.chance(60)) actor.fsync();
    if (random.chance(20)) actor.exchange(root, temporary, dir, name);
    else actor.rename(root, temporary, dir, name);
    if (root.children.size > 12) {
      for (const old of [...root.children.keys()].filter((key) => key.startsWith("temp"))) {
        actor.unlink(root, old);
      }
    }
  }
};

/** Logs: small appends, each synced, to a few files. */
const appends: Workload = (actor, steps) => {
  const { random, root } = actor;
  const logs = [0, 1, 2].flatMap((n) => {
    return root.children.get(`log${n}`) ?? actor.create(root, `log${n}`) ?? [];
  });
  while (goOn(actor, steps, 0)) {
    const log = random.pick(logs);
    actor.append(log, 1 + random.below(random.pick([50, 700, 3000])));
    if (random.chance(70)) actor.fsync();
    if (log.content.size > 200_000) actor.truncate(log, 0);
  }
};

/** Files become shorter and longer, with holes and blocks beyond the end. */
const truncates: Workload = (actor, steps) => {
  const { random, root } = actor;
  for (let n = actor.firstNumber(); goOn(actor, steps, 15); n++) {
    const node = pickChild(actor, root, "file")?.[1];
    if (node === undefined || (n % 20 === 0 && root.children.size < 8)) {
      const made = actor.create(root, `t${n}`);
      if (made !== undefined) actor.append(made, 50_000 + anyLength(actor));
      continue;
    }
    const { size } = node.content;
    const place = random.below(size + 10_000);
    if (random.chance(40)) actor.truncate(node, place);
    else if (random.chance(25)) actor.punch(node, place, 1 + random.below(20_000));
    else if (random.chance(20)) actor.allocate(node, size, 1 + random.below(30_000));
    else if (random.chance(22)) actor.truncate(node, random.pick([0, 1, 60, 1024, 4096]));
    else actor.write(node, Math.min(place, 150_000), anyLength(actor));
  }
};

/** Files in hundreds of pieces: deep extent trees, split, merged and taken down. */
const fragments: Workload = (actor, steps) => {
  const { random, root } = actor;
  const block = actor.target.blockBytes;
  for (let n = actor.firstNumber(); actor.steps.length < steps; n++) {
    const node = actor.create(root, `pieces${n}`);
    if (node === undefined) return;
    const pieces = Math.min(400, Math.floor(actor.steps.length + steps / 2));
    for (let i = 0; i < pieces && goOn(actor, steps, 2); i++) {
      actor.write(node, 2 * block * random.below(pieces), 1 + random.below(block));
    }
    if (random.chance(50)) actor.punch(node, random.below(node.content.size), 100 * block);
    if (random.chance(50)) actor.truncate(node, random.below(node.content.size));
    goOn(actor, steps, 50);
    if (random.chance(70)) actor.unlink(root, `pieces${n}`);
  }
};

/** Directories that grow until their trees split, and shrink again. */
const directories: Workload = (actor, steps) => {
  const { random } = actor;
  const dir = directoryNamed(actor, "names");
  const length = random.pick([5, 60, 180]);
  for (let n = actor.firstNumber(); goOn(actor, steps, 3); n++) {
    const name = `${n}-${"x".repeat(length)}`;
    if (random.chance(70)) actor.create(dir, name);
    else if (random.chance(40)) actor.symlink(dir, name, "t".repeat(1 + random.below(300)));
    const chosen = random.chance(25) ? pickChild(actor, dir) : undefined;
    if (chosen === undefined) continue;
    if (random.chance(50)) actor.unlink(dir, chosen[0]);
    else actor.rename(dir, chosen[0], dir, `${name}-renamed`);
  }
};

/** Trees of directories are made, moved and taken down; files have several names. */
const trees: Workload = (actor, steps) => {
  const { random, root } = actor;
  for (let n = actor.firstNumber(); goOn(actor, steps, 10); n++) {
    const dir = anyDirectory(actor);
    if (random.chance(35)) actor.mkdir(dir, `d${n}`);
    else if (random.chance(30)) {
      const node = actor.create(dir, `f${n}`);
      if (node !== undefined && random.chance(60)) actor.append(node, anyLength(actor));
    } else if (random.chance(20)) actor.symlink(dir, `s${n}`, `../${"up/".repeat(n % 40)}`);
    const from = anyDirectory(actor);
    const chosen = pickChild(actor, from);
    if (chosen === undefined) continue;
    const [name, node] = chosen;
    const to = node.kind === "directory" ? root : anyDirectory(actor);
    if (random.chance(20)) actor.rename(from, name, to, `moved${n}`);
    else if (node.kind === "file" && random.chance(40)) actor.link(node, to, `link${n}`);
    else if (node.kind === "directory") actor.rmdir(from, name);
    else if (random.chance(50)) actor.unlink(from, name);
  }
};

/** Attributes, in the inode, in blocks of their own, and gone again. */
const attributes: Workload = (actor, steps) => {
  const { random, root } = actor;
  const most = actor.target.blockBytes - 200;
  for (let n = actor.firstNumber(); goOn(actor, steps, 12); n++) {
    const chosen = pickChild(actor, root);
    if (chosen === undefined || (root.children.size < 12 && random.chance(20))) {
      if (random.chance(30)) actor.mkdir(root, `d${n}`);
      else actor.create(root, `f${n}`);
      continue;
    }
    const [name, node] = chosen;
    const attribute = `user.a${random.below(4)}`;
    const length = random.below(random.pick([10, 60, most]));
    if (random.chance(65)) actor.setXattr(node, attribute, length);
    else if (random.chance(60)) actor.removeXattr(node, attribute);
    else if (node.kind === "file" && random.chance(40)) actor.append(node, anyLength(actor));
    else if (node.kind === "file") actor.unlink(root, name);
  }
};

/** Files lose their names while they are open, and go when they are closed. */
const orphans: Workload = (actor, steps) => {
  const { random, root } = actor;
  for (let n = actor.firstNumber(); goOn(actor, steps, 10); n++) {
    if (root.children.size < 6 || random.chance(30)) {
      const node = actor.create(root, `o${n}`);
      if (node === undefined) continue;
      actor.append(node, anyLength(actor));
      if (random.chance(70)) actor.open(node);
    } else if (random.chance(50)) {
      const name = pickChild(actor, root)?.[0];
      if (name !== undefined) actor.unlink(root, name);
    }
    if (actor.opened.length === 0) continue;
    const node = random.pick(actor.opened);
    if (random.chance(30)) actor.append(node, anyLength(actor));
    else if (random.chance(20)) actor.truncate(node, random.below(node.content.size + 1));
    else if (random.chance(40)) actor.close(node);
  }
};

/** Files that were written in pieces, in turns, are brought together while they go on being written. */
const defragments: Workload = (actor, steps) => {
  const { random, root } = actor;
  const block = actor.target.blockBytes;
  for (let n = actor.firstNumber(); goOn(actor, steps, 12); n++) {
    const chosen = pickChild(actor, root, "file");
    if (chosen === undefined || (root.children.size < 4 && random.chance(30))) {
      actor.create(root, `d${n}`);
      continue;
    }
    const [name, node] = chosen;
    if (random.chance(40)) actor.defragment(node);
    else if (random.chance(60)) {
      const place = block * random.below(100);
      actor.write(node, place, 1 + random.below(random.pick([1, 3, 20]) * block));
    } else if (random.chance(30)) actor.punch(node, random.below(100 * block), 3 * block);
    else if (random.chance(33)) actor.allocate(node, random.below(100 * block), 5 * block);
    else if (random.chance(36)) actor.truncate(node, random.below(100 * block));
    else if (random.chance(15)) actor.unlink(root, name);
  }
};

/** More open files lose their names than an orphan file of one block has room for, and more again. */
const crowd: Workload = (actor, steps) => {
  const { random, root } = actor;
  for (let n = actor.firstNumber(); actor.opened.length < MOST_OPEN; n++) {
    const node = actor.create(root, `c${n}`);
    if (node === undefined) break;
    if (random.chance(30)) actor.append(node, 1 + random.below(2000));
    actor.open(node);
    actor.unlink(root, `c${n}`);
    goOn(actor, steps, 2);
  }
  while (actor.opened.length > MOST_OPEN - 60) {
    actor.close(random.pick(actor.opened));
    goOn(actor, steps, 5);
  }
  orphans(actor, actor.steps.length + 60);
};

/** The disk is filled, again and again, while files go and come. */
const full: Workload = (actor, steps) => {
  const { random, root } = actor;
  const big = 1 << 18;
  for (let n = actor.firstNumber(); goOn(actor, steps, 6); n++) {
    const node = actor.create(root, `big${n}`);
    const before = actor.refused;
    while (node !== undefined && node.content.size < 3 << 20 && goOn(actor, steps, 2)) {
      if (actor.append(node, big - random.below(2000)) < 0 || actor.refused > before) break;
    }
    if (node !== undefined && actor.refused === before) continue;
    for (let tries = 0; tries < 4; tries++) {
      const chosen = pickChild(actor, root, "file");
      if (chosen === undefined) break;
      if (random.chance(60)) actor.unlink(root, chosen[0]);
      else actor.truncate(chosen[1], random.below(chosen[1].content.size + 1));
      actor.create(root, `small${n}-${tries}`);
    }
  }
};

/** Many small commits all over the image: the log goes round, and what it holds is brought home. */
const churn: Workload = (actor, steps) => {
  const { random } = actor;
  const dirs = Array.from({ length: 12 }, (_, n) => directoryNamed(actor, `c${n}`));
  for (let n = actor.firstNumber(); goOn(actor, steps * 3, 30); n++) {
    const [from, to] = [random.pick(dirs), random.pick(dirs)];
    const chosen = pickChild(actor, from);
    if (chosen === undefined) {
      const node = actor.create(from, `f${n}`);
      if (node !== undefined) actor.append(node, 1 + random.below(3000));
    } else if (random.chance(40)) actor.rename(from, chosen[0], to, `m${n}`);
    else if (random.chance(35)) actor.setXattr(chosen[1], "user.long", 200 + random.below(500));
    else if (random.chance(30) && chosen[1].kind === "file") {
      actor.append(chosen[1], 1 + random.below(3000));
    } else if (random.chance(25)) actor.link(chosen[1], to, `l${n}`);
    else if (random.chance(60)) actor.unlink(from, chosen[0]);
    else actor.symlink(to, `s${n}`, "up/".repeat(30));
  }
};

/** A bit of everything. */
const mixed: Workload = (actor, steps) => {
  const parts = [files, replace, truncates, trees, attributes, orphans];
  while (actor.steps.length < steps) {
    const part = actor.random.pick(parts);
    part(actor, Math.min(steps, actor.steps.length + 20));
    // Names of one part must not meet those of another.
    for (const [name, node] of [...actor.root.children]) {
      if (node.kind !== "directory" && actor.random.chance(60)) actor.unlink(actor.root, name);
      else if (!name.startsWith("old")) {
        actor.rename(actor.root, name, actor.root, `old${actor.steps.length}`);
      }
    }
  }
};

export const WORKLOADS: ReadonlyMap<string, Workload> = new Map(Object.entries({
  files,
  replace,
  appends,
  truncates,
  fragments,
  directories,
  trees,
  attributes,
  orphans,
  defragments,
  crowd,
  full,
  churn,
  mixed,
}));
