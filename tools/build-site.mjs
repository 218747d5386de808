// Builds the documentation site into dist/site: the pages of docs/site with VitePress, and the API reference that
// `pnpm run check:api` has made. Fails for a link that leads nowhere and for anything that a page loads from elsewhere.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, root } from './workspace.mjs';

const out = join(root, 'dist/site');
const site = join(root, 'docs/site');
if (!existsSync(join(root, 'api/index.html'))) throw new Error('There is no API reference: run `pnpm run check:api`');

rmSync(out, { recursive: true, force: true });
const vitepress = join(site, 'node_modules/vitepress/bin/vitepress.js');
const { status } = spawnSync(process.execPath, [vitepress, 'build', site, '--outDir', out], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
if (status !== 0) process.exit(1);
cpSync(join(root, 'api'), join(out, 'api'), { recursive: true });

const files = filesBelow(out);
const problems = files.flatMap((file) => foreignIn(file, readFileSync(join(out, file), 'utf8')));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else
  console.log(
    `site: ${files.filter((file) => file.endsWith('.html')).length} pages in dist/site, nothing from elsewhere`,
  );

/** What a browser would fetch from another host to show this file. Links that a reader may follow are no such thing. */
function foreignIn(file, text) {
  const found = file.endsWith('.html')
    ? [
        ...text.matchAll(
          /<(?:script|img|link|iframe|source|video|audio)\b[^>]*\b(?:src|href|srcset)="((?:https?:)?\/\/[^"]*)"/g,
        ),
      ]
    : file.endsWith('.css')
      ? [...text.matchAll(/(?:url\(|@import )["']?((?:https?:)?\/\/[^"')]*)/g)]
      : [];
  return found.map(([, url]) => `${file} loads ${url}`);
}
