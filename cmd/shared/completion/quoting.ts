/** Text within the scripts of shells. @module */

/** In single quotes, for bash and zsh. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** In single quotes, for fish. */
export function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** A description within a specification of zsh's `_arguments` or `_describe`. */
export function zshEscaped(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, (sign) => `\\${sign}`);
}
