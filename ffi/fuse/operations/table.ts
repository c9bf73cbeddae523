/**
 * The dispatch table: the operation of every opcode. Opcodes that are not in it are answered ENOSYS,
 * on which the kernel does without them (locks stay with the kernel, POLL reports always ready).
 *
 * @module
 */

import { OPCODE_LIMIT } from "../abi.ts";
import { CONNECTION_OPERATIONS } from "./connection.ts";
import { DIRECTORY_OPERATIONS } from "./directories.ts";
import { FILE_OPERATIONS } from "./files.ts";
import { NAME_OPERATIONS } from "./names.ts";
import { NODE_OPERATIONS } from "./nodes.ts";
import type { Operation, OperationGroup } from "./operation.ts";
import { XATTR_OPERATIONS } from "./xattrs.ts";

/** Operations by opcode; undefined for those that are not served. */
export type OperationTable = readonly (Operation | undefined)[];

/** The table, with `further` operations in addition or in place. */
export function operationTable(further: OperationGroup): OperationTable {
  const all: Readonly<Record<number, Operation>> = {
    ...NAME_OPERATIONS,
    ...NODE_OPERATIONS,
    ...FILE_OPERATIONS,
    ...DIRECTORY_OPERATIONS,
    ...XATTR_OPERATIONS,
    ...CONNECTION_OPERATIONS,
    ...further,
  };
  return Array.from({ length: OPCODE_LIMIT }, (_, opcode) => all[opcode]);
}
