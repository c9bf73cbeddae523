/**
 * Installs what the machine lacks: by apt-get when the user is root, else it prints the command.
 *
 * `deno run -A tools/setup.ts [--tests]`; with `--tests` also what only the tests use.
 *
 * @module
 */

import { type DebianPackage, missingPackages } from "./packages.ts";
import { findProgram, run } from "./process.ts";

/** What {@link setUp} found at its end. */
export interface SetUp {
  /** Packages that are still missing. */
  readonly missing: readonly DebianPackage[];
}

function isRoot(): boolean {
  return Deno.uid() === 0;
}

/** The command that a person would type to install these packages. */
export function installCommand(packages: readonly DebianPackage[]): string {
  const names = packages.map((entry) => entry.name).join(" ");
  return `${isRoot() ? "" : "sudo "}apt-get install -y --no-install-recommends ${names}`;
}

function aptInstall(names: readonly string[]): boolean {
  const done = run("apt-get", [
    "-o",
    "DPkg::Lock::Timeout=120",
    "install",
    "-y",
    "--no-install-recommends",
    ...names,
  ], { env: { DEBIAN_FRONTEND: "noninteractive" } });
  return done.code === 0;
}

/** One package after another, so that one that the distribution lacks does not stop the rest. */
function installEach(packages: readonly DebianPackage[]): void {
  for (const entry of packages) {
    const names = [entry.name, ...(entry.alternatives ?? [])];
    if (!names.some((name) => aptInstall([name]))) {
      console.log(`setup: apt-get could not install ${names.join(" or ")}`);
    }
  }
}

function install(packages: readonly DebianPackage[]): void {
  console.log(`setup: installing ${packages.map((entry) => entry.name).join(" ")}`);
  if (aptInstall(packages.map((entry) => entry.name))) return;
  run("apt-get", ["update"], { env: { DEBIAN_FRONTEND: "noninteractive" } });
  if (!aptInstall(packages.map((entry) => entry.name))) installEach(packages);
}

/** Makes /dev/fuse answer where that takes only loading the module. */
function loadFuseModule(): void {
  try {
    Deno.statSync("/dev/fuse");
  } catch {
    if (isRoot() && findProgram("modprobe") !== undefined) run("modprobe", ["fuse"]);
  }
}

/** Installs (root) or names (others) what is missing for running or for testing. */
export function setUp(need: "run" | "test"): SetUp {
  const missing = missingPackages(need);
  loadFuseModule();
  if (missing.length === 0) return { missing };
  if (isRoot() && findProgram("apt-get") !== undefined) install(missing);
  const still = missingPackages(need);
  if (still.length > 0) {
    const lead = need === "run" ? "setup: please install:" : "setup: for all the tests, run:";
    console.log(`${lead}\n    ${installCommand(still)}`);
  }
  return { missing: still };
}

if (import.meta.main) {
  const need = Deno.args.includes("--tests") ? "test" : "run";
  const { missing } = setUp(need);
  if (missing.length === 0) console.log("setup: everything is here");
  Deno.exit(missing.some((entry) => entry.need === "run") ? 1 : 0);
}
