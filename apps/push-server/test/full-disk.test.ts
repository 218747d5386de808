import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { findUnshare, randomImage, startRegistry, temporaryFolder, writeDockerArchive } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { program } from './program.ts';
import { untilHit } from './until-hit.ts';

const { prefix, unless } = findUnshare('mount');

/** Programs that see a small disk of their own at `data`, one after the other. */
interface SmallDisk extends AsyncDisposable {
  /** Runs a line of shell script with the disk. */
  run(line: string): Promise<void>;
}

async function mountDisk(folder: string): Promise<SmallDisk> {
  const data = join(folder, 'data');
  await mkdir(data);
  const [command = '', ...args] = prefix;
  const script = 'mount -t tmpfs -o size=40m tmpfs "$0" && while read -r line; do eval "$line"; echo done; done';
  const shell = spawn(command, [...args, 'sh', '-c', script, data], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder },
  });
  return {
    async run(line) {
      const said = once(shell.stdout, 'data');
      shell.stdin.write(`${line}\n`);
      await said;
    },
    async [Symbol.asyncDispose]() {
      shell.stdin.end();
      await ended(shell);
    },
  };
}

async function ended(process: ChildProcess): Promise<void> {
  if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
}

async function ask(
  socketPath: string,
  method: string,
  path: string,
  body?: Uint8Array,
): Promise<{ readonly status: number; readonly body: string }> {
  return await new Promise((resolve, reject) => {
    const headers = path === '/slipway/v1/jobs' ? { 'content-type': 'application/json' } : {};
    const request = httpRequest({ socketPath, method, path, headers, agent: false }, async (response) => {
      resolve({ status: response.statusCode ?? 0, body: await text(response) });
    });
    request.on('error', reject);
    request.end(body);
  });
}

describe.skipIf(unless)(`on a disk that is full (${unless ?? 'tmpfs'})`, () => {
  test('slipwayd starts, says that it is not ready, and deletes images', { timeout: 60_000 }, async () => {
    await using folder = await temporaryFolder();
    await using disk = await mountDisk(folder.path);
    const socket = join(folder.path, 's.sock');
    const archive = join(folder.path, 'a.tar');
    const image = await randomImage({ layers: [{ size: 500_000, kind: 'random' }] });
    await writeDockerArchive(archive, [{ image, references: ['demo/app:v1', 'demo/app:v2'] }]);
    const quoted = [
      ...program,
      '--host',
      `unix://${socket}`,
      '--data-dir',
      join(folder.path, 'data'),
      '--min-free',
      '0',
    ]
      .map((each) => `'${each}'`)
      .join(' ');
    const start = async (): Promise<void> => {
      await disk.run(`${quoted} 2>>log & daemon=$!`);
      const isUp = (): Promise<boolean> =>
        ask(socket, 'GET', '/_ping').then(
          () => true,
          () => false,
        );
      await expect.poll(isUp, { timeout: 20_000 }).toBe(true);
    };
    const stop = 'kill $daemon; wait $daemon';
    const fill = 'dd if=/dev/zero of=data/fill bs=4k 2>/dev/null';

    await start();
    const loaded = await ask(socket, 'POST', '/images/load', await readFile(archive));
    expect(loaded.body).toContain('Loaded image: demo/app:v2');
    expect(await ask(socket, 'GET', '/readyz')).toMatchObject({ status: 200 });
    await using registry = await startRegistry();
    const stall = registry.misbehave({ match: { kind: 'manifest-put', repository: 'a/job' }, stall: true });
    const wanted = { image: 'demo/app:v1', destinations: [`${registry.host}/a/job:1`] };
    const submitted = await ask(socket, 'POST', '/slipway/v1/jobs', Buffer.from(JSON.stringify(wanted)));
    const { id } = JSON.parse(submitted.body) as { readonly id: string };
    await untilHit(stall, 1);
    await disk.run(fill);
    expect(await ask(socket, 'GET', '/readyz')).toEqual({ status: 503, body: 'the disk is full\n' });
    expect(await ask(socket, 'POST', `/slipway/v1/jobs/${id}/cancel`)).toMatchObject({ status: 202 });
    await ask(socket, 'GET', `/slipway/v1/jobs/${id}/events`);
    expect((await ask(socket, 'GET', `/slipway/v1/jobs/${id}`)).body).toContain('"state":"cancelled"');
    expect(await ask(socket, 'POST', '/images/load', await readFile(archive))).toMatchObject({
      body: expect.stringContaining('no space left'),
    });
    expect(await ask(socket, 'DELETE', '/images/demo/app:v2')).toMatchObject({ status: 200 });
    expect(await ask(socket, 'POST', '/images/prune')).toMatchObject({ status: 200 });
    await disk.run(stop);

    await start();
    expect(JSON.parse((await ask(socket, 'GET', '/images/json')).body)).toHaveLength(1);
    const deleted = await ask(socket, 'DELETE', '/images/demo/app:v1');
    expect(deleted.body).toContain(image.imageID);
    await disk.run(stop);

    // Whoever takes the reserve as well leaves no way out: then it is said what to do.
    await disk.run(`rm -f data/reserve; ${fill}; ${fill}2`);
    await disk.run(`${quoted} 2>refused; echo $? >>refused`);
    await disk.run(`${quoted} --check-config 2>checked; echo $? >>checked`);
    const refused = await readFile(join(folder.path, 'refused'), 'utf8');
    expect(refused).toMatch(/^slipwayd: The disk of the data folder ".*\/data" is full\n {2}hint: free some .*\n1\n$/);
    expect(await readFile(join(folder.path, 'checked'), 'utf8')).toBe(refused);
  });
});
