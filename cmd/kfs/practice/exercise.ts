/**
 * What is practised: the requests of ordinary programs, on files that nobody will see.
 *
 * @module
 */

import { Requests } from "./requests.ts";
import type { FileSystem } from "../../../ffi/fuse/port.ts";

const ROOT_NODE = 1;
/** A name that an image hardly has; if it has, there is no practice. */
const FOLDER = ".kfs-practice-0d3f7a";
/** Files of one pass: enough for a directory with an index. */
const FILES = 400;
const PASSES = 3;
const FILE_BYTES = 1024;
const LISTED_EVERY = 40;
const CAPABILITY = "security.capability";

/**
 * Does a little at each step.
 * @param commit stores what changed.
 */
export function* exercise(fileSystem: FileSystem, commit: () => void): Generator<void> {
  const ask = new Requests(fileSystem);
  if (ask.init() !== 0) return;
  ask.lookup(ROOT_NODE, FOLDER);
  if (ask.mkdir(ROOT_NODE, FOLDER) !== 0) return;
  const folder = ask.node;
  for (let pass = 0; pass < PASSES; pass++) {
    for (let index = 0; index < FILES; index++) {
      if (makeFile(ask, folder, `file-${pass}-${index}`) !== 0) return;
      if (index % LISTED_EVERY === 0) listFolder(ask, folder);
      yield;
    }
    commit();
    yield;
    for (let index = 0; index < FILES; index++) {
      useFile(ask, folder, `file-${pass}-${index}`);
      makeFolder(ask, folder, `folder-${pass}-${index}`);
      yield;
    }
    commit();
    yield;
  }
}

/** As open(2) with O_CREAT, write(2), close(2). */
function makeFile(ask: Requests, folder: number, name: string): number {
  ask.lookup(folder, name);
  const error = ask.create(folder, name);
  if (error !== 0) return error;
  const { node } = ask;
  ask.getxattr(node, CAPABILITY);
  ask.write(node, FILE_BYTES);
  return ask.release(node);
}

/** As stat(2), open(2), read(2), close(2), rename(2), unlink(2). */
function useFile(ask: Requests, folder: number, name: string): void {
  if (ask.lookup(folder, name) !== 0) return;
  const { node } = ask;
  ask.getattr(node);
  if (ask.open(node) === 0) {
    ask.read(node, 4096);
    ask.release(node);
  }
  const newName = `${name}-renamed`;
  ask.lookup(folder, newName);
  ask.rename(folder, name, newName);
  ask.unlink(folder, newName);
  // For the lookup here and the one of its making.
  ask.forget(node, 2);
}

/** As mkdir(2), rmdir(2). */
function makeFolder(ask: Requests, folder: number, name: string): void {
  ask.lookup(folder, name);
  if (ask.mkdir(folder, name) !== 0) return;
  const { node } = ask;
  ask.rmdir(folder, name);
  ask.forget(node);
}

function listFolder(ask: Requests, folder: number): void {
  for (const plus of [true, false]) {
    if (ask.open(folder, true) !== 0) return;
    ask.list(folder, plus);
    ask.release(folder, true);
  }
}
