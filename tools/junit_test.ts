import assert from "node:assert/strict";
import { parseJunit } from "./junit.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="4" failures="1" errors="0" time="0.018">
    <testsuite name="./a_test.ts" tests="4" disabled="1" errors="0" failures="1">
        <testcase name="good" classname="./a_test.ts" time="0.001" line="1" col="6">
        </testcase>
        <testcase name="left &lt;out&gt; &amp; &quot;so&quot;" classname="./a_test.ts" time="0.000">
            <skipped/>
        </testcase>
        <testcase name="bad" classname="./a_test.ts" time="0.001" line="1" col="88">
            <failure message="Uncaught Error: x&lt;y">Error: x&lt;y</failure>
        </testcase>
        <testcase name="short" classname="./a_test.ts" time="0.001"/>
    </testsuite>
</testsuites>`;

Deno.test("a report gives each case's outcome, with names as they were", () => {
  const cases = parseJunit(REPORT).map(({ name, outcome }) => `${name}: ${outcome}`);
  assert.deepEqual(cases, [
    "good: passed",
    'left <out> & "so": skipped',
    "bad: failed",
    "short: passed",
  ]);
});
