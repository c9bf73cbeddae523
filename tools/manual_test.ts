import assert from "node:assert/strict";
import { mustCommand, runCommand } from "../tests/harness/commands.ts";
import { programs, testWith } from "../tests/harness/skip.ts";
import { writeManual } from "./manual.ts";
import { run } from "./process.ts";

/** Writes everything, and tries each file with a program that must have nothing to say. */
function eachFile(name: string, program: string, part: string, args: readonly string[]): void {
  testWith({
    name,
    needs: [programs(program)],
    async fn() {
      const folder = Deno.makeTempDirSync({ prefix: "kfs-manual-" });
      try {
        const files = (await writeManual(folder)).filter((file) => file.includes(part));
        assert.equal(files.length, 4);
        for (const file of files) {
          const done = run(program, [...args, file]);
          assert.deepEqual([done.code, done.stdout + done.stderr], [0, ""], file);
        }
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    },
  });
}

eachFile("manual pages are right for mandoc", "mandoc", "/man8/", ["-Tlint", "-Wwarning"]);
eachFile("completions for bash can be read", "bash", "/bash/", ["-n"]);
eachFile("completions for zsh can be read", "zsh", "/zsh/", ["-n"]);
eachFile("completions for fish can be read", "fish", "/fish/", ["-n"]);

testWith({
  name: "manual pages name every option of the help",
  needs: [programs("man")],
  async fn() {
    const folder = Deno.makeTempDirSync({ prefix: "kfs-manual-" });
    try {
      const files = (await writeManual(folder)).filter((file) => file.includes("/man8/"));
      for (const file of files) {
        const shown = run("man", ["-l", file], { env: { MANWIDTH: "200", LC_ALL: "C.UTF-8" } });
        assert.equal(shown.code, 0, shown.stderr);
        const name = /([a-z]+)\.8$/.exec(file)?.[1] ?? "";
        const help = mustCommand(name, name === "kfsctl" ? ["status", "--help"] : ["--help"]);
        const options = [...help.matchAll(/^ +(?:-\w, )?(--[a-z-]+|-\w)/gm)].map(([, one]) => one);
        assert.ok(options.length > 3, name);
        for (const option of options) assert.ok(shown.stdout.includes(option ?? ""), option);
      }
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

testWith({
  name: "bash completes commands, options, choices and mount options",
  needs: [programs("bash")],
  fn() {
    const script = mustCommand("kfsctl", ["completion", "bash"]);
    const completed = (words: readonly string[]): string => {
      const tool = words[0] ?? "";
      const line = words.map((word) => `'${word}'`).join(" ");
      const ask = `compopt() { :; }; COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; ` +
        `_${tool}_complete; echo "\${COMPREPLY[@]}"`;
      const done = run("bash", ["-c", `${script}\n${ask}`]);
      assert.equal(done.stderr, "");
      return done.stdout.trim();
    };
    assert.equal(completed(["kfsctl", "sta"]), "status stat");
    assert.equal(completed(["kfsctl", "status", "--wa"]), "--watch");
    assert.match(completed(["kfsctl", "trace", "summ"]), /^summary/);
    assert.equal(completed(["kfsd", "--sandbox", ""]), "namespace chroot none");
    assert.equal(completed(["kfs", "-o", "ro,noa"]), "ro,noatime");
    assert.equal(runCommand("kfsctl", ["completion", "tcsh"]).code, 2);
  },
});

testWith({
  name: "fish completes commands and options",
  needs: [programs("fish")],
  fn() {
    const script = mustCommand("kfsctl", ["completion", "fish"]);
    const ask = "complete -C 'kfsctl sta'; complete -C 'kfsctl status --wa'";
    const done = run("fish", ["-c", `${script}\n${ask}`]);
    assert.match(done.stdout, /^stat\t.*\nstatus\t.*\n--watch\t/);
  },
});
