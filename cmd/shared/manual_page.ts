/**
 * Manual pages, in the language of man(7), from what `--help` is made from.
 *
 * @module
 */

import { type CommandSpec, type OptionSpec, valueText } from "./command_line.ts";
import type { Tool } from "./tools.ts";
import { VERSION } from "./version.ts";

const SECTION = 8;

/**
 * The page of a tool.
 * @param date shown at its foot.
 * @param others names of the other tools.
 */
export function manualPage(tool: Tool, date: Date, others: readonly string[]): string {
  const { name, purpose, spec, commands, words, wordsOption } = tool;
  const day = date.toISOString().slice(0, 10);
  const lines = [
    `.TH ${name.toUpperCase()} ${SECTION} "${day}" "kfs ${VERSION}" "System Administration"`,
    ".SH NAME",
    `${name} \\- ${escaped(purpose)}`,
    ".SH SYNOPSIS",
    ...synopsis(spec),
    ".SH DESCRIPTION",
    ...paragraphs(spec.summary),
    ".SH OPTIONS",
    ...spec.options.flatMap(optionLines),
  ];
  if (words.length > 0) {
    lines.push(`.SH "WORDS AFTER \\-${wordsOption}"`);
    for (const { word, help } of words) lines.push(".TP", `.B ${escaped(word)}`, ...text(help));
  }
  if (commands.length > 0) lines.push(".SH COMMANDS", ...commands.flatMap(commandLines));
  if (spec.notes !== undefined) lines.push(".SH NOTES", ...paragraphs(spec.notes));
  const seeAlso = others.map((other) => `.BR ${other} (${SECTION})`).sort();
  lines.push(".SH SEE ALSO", seeAlso.join(" ,\n"));
  return `${lines.join("\n")}\n`;
}

function commandLines({ name, spec }: Tool["commands"][number]): string[] {
  return [
    `.SS ${escaped(name)}`,
    ...synopsis(spec),
    ".PP",
    ...paragraphs(spec.summary),
    ...spec.options.flatMap(optionLines),
    ...(spec.notes === undefined ? [] : [".PP", ...paragraphs(spec.notes)]),
  ];
}

function synopsis({ name, operands }: CommandSpec): string[] {
  return [`.B ${escaped(name)}`, ...text(`[options] ${operands}`.trim())];
}

function optionLines(option: OptionSpec): string[] {
  const { letter, name, help } = option;
  const forms = [
    ...(letter === undefined ? [] : [`\\-${letter}`]),
    ...(name === undefined ? [] : [`\\-\\-${escaped(name)}`]),
  ].map((form) => `\\fB${form}\\fR`);
  const value = valueText(option).replaceAll(/[<>]/g, "");
  return [".TP", `${forms.join(", ")}${escaped(value)}`, ...text(help)];
}

/** Blank lines divide paragraphs; lists, each line of which begins with a word and a colon, keep their lines. */
function paragraphs(whole: string): string[] {
  const parts = whole.trim().split(/\n\s*\n/);
  return parts.flatMap((part, index) => {
    const isList = part.includes("\n") && part.split("\n").every((line) => /^\S+:\s/.test(line));
    const lines = isList ? [".nf", ...text(part), ".fi"] : text(part);
    return [...(index === 0 ? [] : [".PP"]), ...lines];
  });
}

/** Running text: lines that begin with a request's sign are kept from being one. */
function text(whole: string): string[] {
  return whole.split("\n").map((line) => escaped(line.trim()).replace(/^([.'])/, "\\&$1"))
    .filter((line) => line !== "");
}

/** Signs that troff would read, and those that it may not know. */
function escaped(line: string): string {
  return [...line].map((sign) => {
    if (sign === "\\") return "\\e";
    if (sign === "-") return "\\-";
    const code = sign.codePointAt(0) ?? 0;
    return code < 0x7f ? sign : `\\[u${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  }).join("");
}
