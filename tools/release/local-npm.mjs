// A registry of npm packages on this machine, for a rehearsal: ours can be published to it, others come from npm's.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { run } from '../packed/run.mjs';
import { root } from '../workspace.mjs';

const program = join(root, 'tools/rehearsal/node_modules/verdaccio/bin/verdaccio');

/** Starts verdaccio on a free port of this machine; it ends with `close`. */
export async function startLocalNpm(folder) {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'config.yaml');
  writeFileSync(config, JSON.stringify(settings(folder, await upstream())));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const child = spawn(process.execPath, [program, '--config', config, '--listen', `127.0.0.1:${port}`], {
    stdio: 'pipe',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const ended = new Promise((resolve) => child.on('close', resolve));
  for (let tries = 0; !(await answers(url)); tries += 1) {
    if (child.exitCode !== null || tries === 600) throw new Error(`verdaccio does not start:\n${output}`);
    await wait(100);
  }
  return {
    url,
    async close() {
      child.kill();
      await ended;
    },
  };
}

/** JSON is YAML. Nobody signs in: it is reachable from this machine only, and gone after the rehearsal. */
function settings(folder, url) {
  const everybody = { access: '$all', publish: '$all', unpublish: '$all' };
  return {
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd'), max_users: -1 } },
    uplinks: { upstream: { url, timeout: '60s', maxage: '30m' } },
    packages: { slipway: everybody, '@slipway/*': everybody, '**': { ...everybody, proxy: 'upstream' } },
    log: { type: 'stdout', format: 'json', level: 'error' },
    max_body_size: '50mb',
    web: { enable: false },
  };
}

/** Where npm takes packages from here. Its warnings stand before it. */
async function upstream() {
  const { output } = await run('npm', ['config', 'get', 'registry']);
  return output.trim().split('\n').at(-1);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answers(url) {
  try {
    return (await fetch(`${url}-/ping`)).ok;
  } catch {
    return false;
  }
}
