/**
 * What an image should hold, kept in plain objects: the other side of the library's random test.
 *
 * @module
 */

/** A file, directory or symbolic link of the model; hard links share one. */
export interface ModelNode {
  readonly kind: "file" | "directory" | "link";
  mode: number;
  uid: number;
  gid: number;
  links: number;
  content: Uint8Array<ArrayBuffer>;
  readonly target: string;
  readonly children: Map<string, ModelNode>;
  readonly xattrs: Map<string, string>;
}

/** A name in a directory; `node` undefined when it is free. */
export interface ModelPlace {
  readonly dir: ModelNode;
  readonly name: string;
  readonly path: string;
  readonly node: ModelNode | undefined;
}

export function newNode(kind: ModelNode["kind"], mode: number, target = ""): ModelNode {
  return {
    kind,
    mode,
    uid: 0,
    gid: 0,
    links: 1,
    content: new Uint8Array(0),
    target,
    children: new Map(),
    xattrs: new Map(),
  };
}

/** Takes a name away; what it led to counts one less. */
export function dropName(place: ModelPlace): void {
  if (place.node !== undefined) place.node.links--;
  place.dir.children.delete(place.name);
}

/** Whether `node` is `tree` or lies below it. */
export function isWithin(tree: ModelNode, node: ModelNode): boolean {
  if (tree === node) return true;
  for (const child of tree.children.values()) {
    if (child.kind === "directory" && isWithin(child, node)) return true;
  }
  return false;
}

/** Counts every name below `tree` less, and empties it. */
export function dropTree(tree: ModelNode): void {
  for (const [name, node] of [...tree.children]) {
    if (node.kind === "directory") dropTree(node);
    dropName({ dir: tree, name, path: "", node });
  }
}

/** Content with `data` at `offset`; zeros where there was nothing. */
export function withBytes(node: ModelNode, offset: number, data: Uint8Array): void {
  if (data.length === 0) return;
  const grown = new Uint8Array(Math.max(node.content.length, offset + data.length));
  grown.set(node.content);
  grown.set(data, offset);
  node.content = grown;
}

/** Content cut or filled up with zeros to `size`. */
export function withSize(node: ModelNode, size: number): void {
  const resized = new Uint8Array(size);
  resized.set(node.content.subarray(0, size));
  node.content = resized;
}

/** Every directory with its path. */
export function directories(root: ModelNode, path = ""): { path: string; node: ModelNode }[] {
  const found = [{ path, node: root }];
  for (const [name, node] of root.children) {
    if (node.kind === "directory") found.push(...directories(node, `${path}/${name}`));
  }
  return found;
}

/** What renaming must answer: an error's code, or "" for success. */
export function renameAnswer(from: ModelPlace, to: ModelPlace, exchange: boolean): string {
  const { node: source } = from;
  const { node: target } = to;
  if (source === undefined) return "ENOENT";
  if (exchange) {
    if (target === undefined) return "ENOENT";
    const loops = (source !== target) &&
      ((source.kind === "directory" && isWithin(source, to.dir)) ||
        (target.kind === "directory" && isWithin(target, from.dir)));
    return loops ? "EINVAL" : "";
  }
  if (source.kind === "directory" && isWithin(source, to.dir)) return "EINVAL";
  if (target === undefined || target === source) return "";
  if (target.kind === "directory" && isWithin(target, from.dir)) return "ENOTEMPTY";
  if (source.kind === "directory" && target.kind !== "directory") return "ENOTDIR";
  if (source.kind !== "directory" && target.kind === "directory") return "EISDIR";
  return target.kind === "directory" && target.children.size > 0 ? "ENOTEMPTY" : "";
}
