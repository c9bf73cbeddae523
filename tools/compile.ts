/**
 * `deno task compile [--target T] [--self-extracting] [NAME …]`: each command of `cmd/` as one
 * executable in `dist/`.
 *
 * By `deno compile` when its base binary (denort) can be had: downloaded, or named by DENORT_BIN.
 * Otherwise as a self-extracting executable made from the local deno binary, announced as such.
 *
 * @module
 */

import { projectRoot, run } from "./process.ts";
import { buildSelfExtracting, denoPart } from "./self_extracting.ts";
import { commandModules } from "./worker_modules.ts";

interface Request {
  readonly target: string | undefined;
  readonly selfExtracting: boolean;
  readonly names: readonly string[];
}

/** As `cmd/kfs/background.ts` gives them to the serving process: small young generations. */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=2,--min-semi-space-size=1," +
  "--minimum-invocations-after-ic-update=100";
const DIST = `${projectRoot}/dist`;

/** A download that goes nowhere must not stop the build. */
const COMPILE_LIMIT_SECONDS = "180";

/** Every module right in `cmd/` is a command. */
function allCommands(): readonly string[] {
  return [...Deno.readDirSync(`${projectRoot}/cmd`)]
    .filter((entry) => entry.isFile && entry.name.endsWith(".ts"))
    .map((entry) => entry.name.replace(/\.ts$/, ""))
    .filter((name) => !name.endsWith("_test"))
    .sort();
}

/** Features that deno.json switches on have to be given to a runtime that reads no configuration. */
function unstableFlags(): readonly string[] {
  const config = JSON.parse(Deno.readTextFileSync(`${projectRoot}/deno.json`)) as {
    readonly unstable?: readonly string[];
  };
  return (config.unstable ?? []).map((feature) => `--unstable-${feature}`);
}

function parse(args: readonly string[]): Request {
  const names: string[] = [];
  let target: string | undefined;
  let selfExtracting = false;
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--target") target = args[++index];
    else if (arg.startsWith("--target=")) target = arg.slice("--target=".length);
    else if (arg === "--self-extracting") selfExtracting = true;
    else if (arg.startsWith("-")) throw new Error(`unknown option ${arg}`);
    else names.push(arg);
  }
  const known = allCommands();
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`there is no cmd/${unknown}.ts`);
  return { target, selfExtracting, names: names.length > 0 ? names : known };
}

/** Undefined when `deno compile` made the executable, else why not. */
function denoCompile(name: string, target: string | undefined): string | undefined {
  const { workers } = commandModules(`cmd/${name}.ts`);
  const done = run("timeout", [
    COMPILE_LIMIT_SECONDS,
    Deno.execPath(),
    "compile",
    "-A",
    "--no-check",
    V8_FLAGS,
    ...(target === undefined ? [] : ["--target", target]),
    ...workers.flatMap((worker) => ["--include", worker]),
    "--output",
    `${DIST}/${name}.new`,
    `cmd/${name}.ts`,
  ], { cwd: projectRoot, env: { NO_COLOR: "1" } });
  if (done.code === 0) return undefined;
  const lines = done.stderr.split("\n");
  const cause = lines.find((line) => /^\s*1: /.test(line)) ??
    lines.find((line) => line.startsWith("error"));
  return cause?.replace(/^\s*1: /, "").trim() ?? `status ${done.code}`;
}

/** A base that is no denort gives an executable that is deno itself: ask it who it is. */
function provesItself(name: string, executable: string): string | undefined {
  const done = run(executable, ["--help"]);
  if (done.code !== 0) return `${name} --help: status ${done.code}: ${done.stderr.trim()}`;
  if (!done.stdout.includes(name)) return `${name} --help does not speak of ${name}`;
  return undefined;
}

function size(name: string): string {
  return `${(Deno.statSync(`${DIST}/${name}`).size / 1e6).toFixed(1)} MB`;
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Returns the reason when the base cannot be had; then the caller takes the other way. */
function compileAll(request: Request): string | undefined {
  for (const name of request.names) {
    const fresh = `${DIST}/${name}.new`;
    removeIfThere(fresh);
    const fault = denoCompile(name, request.target) ??
      (request.target === undefined ? provesItself(name, fresh) : undefined);
    if (fault !== undefined) {
      removeIfThere(fresh);
      return fault;
    }
    Deno.renameSync(fresh, `${DIST}/${name}`);
    console.log(`compile: dist/${name} (${size(name)}), by deno compile`);
  }
  return undefined;
}

function buildAllSelfExtracting(request: Request): void {
  const deno = denoPart();
  for (const name of request.names) {
    buildSelfExtracting(name, `${DIST}/${name}`, deno, unstableFlags());
    const fault = provesItself(name, `${DIST}/${name}`);
    if (fault !== undefined) throw new Error(fault);
    console.log(`compile: dist/${name} (${size(name)}), self-extracting`);
  }
}

function main(): void {
  const request = parse(Deno.args);
  if (request.names.length === 0) throw new Error("there are no commands in cmd/");
  Deno.mkdirSync(DIST, { recursive: true });
  if (!request.selfExtracting) {
    const fault = compileAll(request);
    if (fault === undefined) return;
    console.log(`compile: deno compile cannot be used here: ${fault}`);
    if (request.target !== undefined && request.target !== Deno.build.target) {
      throw new Error(`executables for ${request.target} need its denort (see DENORT_BIN)`);
    }
  }
  console.log(
    "compile: building self-extracting executables from the local deno binary instead: the first " +
      "run unpacks it into ~/.cache/kfs-tools",
  );
  buildAllSelfExtracting(request);
}

try {
  main();
} catch (error) {
  console.error(`compile: ${error instanceof Error ? error.message : String(error)}`);
  Deno.exit(1);
}
