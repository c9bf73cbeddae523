/**
 * Reads the JUnit report that `deno test --junit-path` writes.
 *
 * @module
 */

/** How one test, or one step of a test, ended. */
export interface TestCase {
  readonly suite: string;
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&amp;": "&",
};

function unescape(text: string): string {
  return text.replaceAll(/&(lt|gt|quot|apos|amp);/g, (entity) => ENTITIES[entity] ?? entity);
}

function outcomeOf(body: string): TestCase["outcome"] {
  if (/<(failure|error)\b/.test(body)) return "failed";
  return /<skipped\b/.test(body) ? "skipped" : "passed";
}

/** The test cases of a report; steps are cases of their own, named "test > step". */
export function parseJunit(xml: string): readonly TestCase[] {
  const cases: TestCase[] = [];
  const pattern =
    /<testcase name="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;
  for (const match of xml.matchAll(pattern)) {
    const [, name = "", suite = "", body = ""] = match;
    cases.push({ suite: unescape(suite), name: unescape(name), outcome: outcomeOf(body) });
  }
  return cases;
}
