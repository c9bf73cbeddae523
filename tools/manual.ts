/**
 * `deno task manual [FOLDER]`: manual pages and completions of the four tools, in `dist/` unless said
 * otherwise: `man/man8/NAME.8`, `completion/bash/NAME`, `completion/zsh/_NAME`, `completion/fish/NAME.fish`.
 *
 * SOURCE_DATE_EPOCH sets the pages' date.
 *
 * @module
 */

import { bashCompletion } from "../cmd/shared/completion/bash.ts";
import { fishCompletion } from "../cmd/shared/completion/fish.ts";
import { zshCompletion } from "../cmd/shared/completion/zsh.ts";
import { manualPage } from "../cmd/shared/manual_page.ts";
import { loadTool, type Tool, TOOL_NAMES } from "../cmd/shared/tools.ts";
import { projectRoot } from "./process.ts";

const FILES: readonly {
  readonly path: (name: string) => string;
  readonly content: (tool: Tool) => string;
}[] = [
  { path: (name) => `man/man8/${name}.8`, content: pageOf },
  { path: (name) => `completion/bash/${name}`, content: bashCompletion },
  { path: (name) => `completion/zsh/_${name}`, content: zshCompletion },
  { path: (name) => `completion/fish/${name}.fish`, content: fishCompletion },
];

function pageOf(tool: Tool): string {
  const epoch = Deno.env.get("SOURCE_DATE_EPOCH");
  const date = epoch === undefined ? new Date() : new Date(Number(epoch) * 1000);
  return manualPage(tool, date, TOOL_NAMES.filter((name) => name !== tool.name));
}

/** Writes all files below `folder`; returns their paths. */
export async function writeManual(folder: string): Promise<readonly string[]> {
  const written: string[] = [];
  for (const name of TOOL_NAMES) {
    const tool = await loadTool(name);
    if (tool === undefined) throw new Error(`no tool ${name}`);
    for (const { path, content } of FILES) {
      const file = `${folder}/${path(name)}`;
      Deno.mkdirSync(file.replace(/\/[^/]*$/, ""), { recursive: true });
      Deno.writeTextFileSync(file, content(tool));
      written.push(file);
    }
  }
  return written;
}

if (import.meta.main) {
  const files = await writeManual(Deno.args[0] ?? `${projectRoot}/dist`);
  for (const file of files) console.log(file);
}
