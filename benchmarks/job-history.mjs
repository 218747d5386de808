// What does what is done often cost a daemon that remembers many jobs?
//   node --import ./tools/typescript-loader.mjs --conditions=@slipway/source benchmarks/job-history.mjs [JOBS]
// From the root of the repository; 100,000 jobs. They lie in files, as the daemon keeps them. Prints what is read and
// listed, which is exact, and the time, which is this machine's. `apps/push-server/test/jobs/job-costs.test.ts` holds
// the exact numbers for fewer jobs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jobCosts } from '../apps/push-server/test/jobs/job-costs.ts';
import { openFileBackend } from '../packages/metadata-store/src/index.ts';

const jobs = Number(process.argv[2] ?? 100_000);
const folder = mkdtempSync(join(tmpdir(), 'slipway-history-'));
try {
  const backend = await openFileBackend({ folder });
  const costs = await jobCosts(jobs, backend);
  console.log(`${jobs} jobs; memory of the process: ${Math.round(process.memoryUsage().rss / 1e6)} MB`);
  console.log('| What | Records read | Keys listed | ms |\n| --- | --- | --- | --- |');
  for (const [name, { reads, listed, ms }] of Object.entries(costs)) {
    console.log(`| ${name} | ${reads} | ${listed} | ${ms.toFixed(1)} |`);
  }
  await backend[Symbol.asyncDispose]();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
