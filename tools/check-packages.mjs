// Packs every package that is published and has it looked at as its users get it: publint and attw, an installation of
// each alone (docs/packages.md), types for compilers of all kinds, bundles for the browser. With `--write`: writes
// docs/packages.md.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkBrowser } from './packed/browser.mjs';
import { checkExamples } from './packed/examples.mjs';
import { install, lookAt } from './packed/install.mjs';
import { lint } from './packed/lint.mjs';
import { startLocalRegistry } from './packed/local-registry.mjs';
import { pack } from './packed/pack.mjs';
import { inParallel } from './packed/run.mjs';
import { checkTable } from './packed/table.mjs';
import { checkTypes } from './packed/types.mjs';
import { members, root } from './workspace.mjs';

const published = members().filter(({ manifest }) => !manifest.private);
const testkit = members().find(({ manifest }) => manifest.name === '@slipway/testkit');
const atOnce = Math.min(4, availableParallelism());
const target = mkdtempSync(join(tmpdir(), 'check-packages-'));
const problems = [];
try {
  const all = await pack([...published, testkit], target);
  const equipment = all.at(-1);
  const packed = all.slice(0, -1);
  for (const found of await inParallel(packed, atOnce, lint)) problems.push(...found);
  const registry = await startLocalRegistry([...packed, equipment], join(root, 'node_modules/.pnpm'));
  try {
    const installed = await inParallel(packed, atOnce, async (item) => {
      const folder = join(target, item.name.replace('/', '+'));
      await install([item], folder, registry.url);
      return { ...item, ...lookAt(folder) };
    });
    problems.push(...checkTable(installed));
    const libraries = packed.filter(({ isApp }) => !isApp);
    const together = join(target, 'together');
    await install([...libraries, equipment], together, registry.url);
    problems.push(...(await checkTypes(libraries, together)), ...(await checkBrowser(together)));
    const withReadme = [...published.filter(({ isApp }) => !isApp), testkit];
    problems.push(...(await checkExamples(withReadme, together)));
  } finally {
    await registry.close();
  }
} finally {
  rmSync(target, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
if (problems.length === 0) console.log(`packages: ${published.length} fit to publish`);
else process.exitCode = 1;
