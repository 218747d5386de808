// `node --import tools/typescript-loader.mjs --conditions=@slipway/source file.ts`: runs sources as they are, on Node
// versions that do not strip types yet. For tests that need processes of their own. With SLIPWAY_TEST_CACHE set to a
// folder, what was translated once is kept there, so that the next process starts quickly.
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { register } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) register(import.meta.url); // the hooks run on a thread of their own, out of this same file

const cache = process.env.SLIPWAY_TEST_CACHE;

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return await nextLoad(url, context);
  return { format: 'module', source: await sourceOf(url), shortCircuit: true };
}

async function sourceOf(url) {
  if (!cache) return await translated(fileURLToPath(url));
  const path = join(cache, `${createHash('sha256').update(url).digest('hex')}.js`);
  const kept = await readFile(path, 'utf8').catch(() => undefined);
  const source = kept ?? (await translated(fileURLToPath(url)));
  if (kept === undefined) {
    await writeFile(`${path}.${process.pid}`, source);
    await rename(`${path}.${process.pid}`, path);
  }
  return source;
}

async function translated(path) {
  const { default: ts } = await import('typescript');
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };
  return ts.transpileModule(await readFile(path, 'utf8'), { compilerOptions }).outputText;
}
