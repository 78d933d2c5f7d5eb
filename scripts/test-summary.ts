/**
 * Reads the JSON reports of vitest named as arguments; names what was skipped and ends with one
 * line, `N passed, N failed, N skipped`. A report that is missing and a file whose tests could not
 * be collected count as one failure each: silence must not look like success.
 */
import { existsSync, readFileSync } from 'node:fs';

interface Assertion {
  readonly fullName: string;
  readonly status: string;
}

interface TestFile {
  readonly status: string;
  readonly assertionResults: readonly Assertion[];
}

interface Counts {
  passed: number;
  failed: number;
  readonly skipped: string[];
}

function count(reportPath: string, counts: Counts): void {
  if (!existsSync(reportPath)) {
    console.log(`No report ${reportPath}: the run broke off.`);
    counts.failed += 1;
    return;
  }
  const report = JSON.parse(readFileSync(reportPath, 'utf8')) as { testResults: TestFile[] };
  for (const { status, assertionResults } of report.testResults) {
    const before = counts.failed;
    for (const assertion of assertionResults) {
      if (assertion.status === 'passed') {
        counts.passed += 1;
      } else if (assertion.status === 'failed') {
        counts.failed += 1;
      } else {
        counts.skipped.push(assertion.fullName);
      }
    }
    if (status === 'failed' && counts.failed === before) {
      counts.failed += 1;
    }
  }
}

const counts: Counts = { passed: 0, failed: 0, skipped: [] };
for (const reportPath of process.argv.slice(2)) {
  count(reportPath, counts);
}
for (const name of counts.skipped) {
  console.log(`Skipped: ${name}`);
}
const isSkippingAllowed = process.env['CI'] !== 'true';
if (counts.skipped.length > 0 && !isSkippingAllowed) {
  console.log('With CI=true nothing may be skipped.');
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped`);
const isSound =
  counts.passed > 0 && counts.failed === 0 && (counts.skipped.length === 0 || isSkippingAllowed);
process.exitCode = isSound ? 0 : 1;
