// Bundles the portable entries for the browser, and has Chromium give the digests that Node gives.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { portableEntries } from './portable.mjs';

const browsers = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** `folder` has the packages in its `node_modules`. */
export async function checkBrowser(folder) {
  const problems = [];
  for (const entry of portableEntries) problems.push(...(await bundled(folder, entry)));
  if (problems.length > 0) return problems;
  const program = join(folder, 'browser-program.mjs');
  writeFileSync(program, readFileSync(new URL('browser-program.mjs', import.meta.url)));
  const executablePath = browsers.find((path) => existsSync(path));
  if (executablePath === undefined) {
    const message = 'browser: there is no Chromium here, so nothing was run in it';
    if (process.env.CI === 'true') return [message];
    console.log(message);
    return [];
  }
  const expected = await (await import(pathToFileURL(program).href)).results();
  const actual = await inChromium(executablePath, await bundle(folder, program));
  return Object.entries(expected).flatMap(([name, value]) =>
    actual[name] === value ? [] : [`browser: ${name}: Node gives ${value}, Chromium ${actual[name]}`],
  );
}

async function bundled(folder, entry) {
  const source = join(folder, 'browser-entry.mjs');
  writeFileSync(source, `export * from '${entry}';\n`);
  try {
    await bundle(folder, source);
    return [];
  } catch (error) {
    return [`browser: ${entry} cannot be bundled: ${error.message}`];
  }
}

async function bundle(folder, entry) {
  const outfile = entry.replace(/\.mjs$/, '.bundle.js');
  await build({
    absWorkingDir: folder,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'iife',
    globalName: 'program',
    platform: 'browser',
    logLevel: 'silent',
  });
  if (statSync(outfile).size === 0) throw new Error('the bundle is empty');
  return outfile;
}

async function inChromium(executablePath, script) {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ path: script });
    return await page.evaluate('program.results()');
  } finally {
    await browser.close();
  }
}
