import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { randomImage, startRegistry, temporaryFolder, writeDockerArchive } from '@slipway/testkit';
import { expect, test } from 'vitest';

const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));

/** Node's own permissions: whatever reads a file that is none of the program's, or writes one, fails. */
const permissionFlag = Number(process.versions.node.split('.')[0]) < 23 ? '--experimental-permission' : '--permission';

const program = (archive: string, to: string): string => `
import { createClient } from '@slipway/client';
await using client = await createClient({ isolated: true });
const [pushed] = await client.push({ source: ${JSON.stringify(archive)}, to: ${JSON.stringify(to)}, compression: 'none' });
console.log(pushed.digest);
`;

test('an isolated client reads no file but its source, writes none, and is told nothing by the environment', async () => {
  await using folder = await temporaryFolder();
  await using registry = await startRegistry();
  const archive = join(folder.path, 'app.tar');
  const image = await randomImage({ seed: 'isolated', layers: [{ kind: 'text', size: 50_000 }] });
  await writeDockerArchive(archive, [{ image, references: ['a:1'] }]);
  const child = spawn(
    process.execPath,
    [
      permissionFlag,
      `--allow-fs-read=${root}/*`,
      `--allow-fs-read=${archive}`,
      ...['--allow-worker', '--disable-warning=ExperimentalWarning', '--disable-warning=SecurityWarning'],
      ...['--input-type=module', '-e'],
      lowered(program(archive, `${registry.host}/isolated/app:1`)),
    ],
    {
      cwd: join(root, 'packages/client'),
      env: { HOME: folder.path, HTTPS_PROXY: 'http://127.0.0.1:1', HTTP_PROXY: 'http://127.0.0.1:1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^sha256:/), stderr: '' });
  expect(registry.tags('isolated/app')).toEqual(['1']);
  expect(await readdir(folder.path)).toEqual(['app.tar']);
});

/** For Node 20, which knows no `await using`. */
function lowered(code: string): string {
  return `${code.replace('await using client', 'const client')}\nawait client[Symbol.asyncDispose]();`;
}
