// Does one registry that takes nothing stop the others?
//   node benchmarks/farm-crowd.mjs [JOBS] [CLIENTS]      (built: pnpm run build; 1000 jobs and 100 clients)
// One slipwayd, three registries, one of which never answers an upload. Clients submit jobs for them in turn. Prints
// what a job of a healthy registry took beside one of an idle daemon, and the daemon's memory; fails where a healthy
// job did not end, or memory went beyond 250 MB.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { randomImage, startRegistry, writeDockerArchive } from '../packages/testkit/dist/index.js';

const [jobs = 1_000, clients = 100] = process.argv.slice(2).map(Number);
const mostMegabytes = 250;
const folder = mkdtempSync(join(tmpdir(), 'slipway-crowd-'));
const socketPath = join(folder, 's.sock');
const program = fileURLToPath(new URL('../apps/push-server/bin/slipwayd.cjs', import.meta.url));
const args = ['--host', `unix://${socketPath}`, '--data-dir', join(folder, 'data'), '--job-history', '5000'];
const daemon = spawn(process.execPath, [program, ...args], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: {
    ...process.env,
    SLIPWAYD_LOG_LEVEL: 'error',
  },
});
const registries = await Promise.all([startRegistry(), startRegistry(), startRegistry()]);
const [stalled, ...healthy] = registries;
let peak = 0;
const watch = setInterval(() => {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8')) ?? [];
  peak = Math.max(peak, Number(kilobytes) / 1000);
}, 250);
try {
  await untilUp();
  for (let at = 0; at < 10; at += 1) {
    const path = join(folder, `${at}.tar`);
    const image = await randomImage({
      seed: `crowd ${at}`,
      layers: [{ size: 100_000, kind: 'random' }, { size: 20_000 }],
    });
    await writeDockerArchive(path, [{ image, references: [`crowd/app:${at}`] }]);
    await ask('POST', '/images/load?quiet=1', readFileSync(path));
  }
  const idle = [];
  for (let at = 0; at < 20; at += 1) idle.push(await job(healthy[at % 2], `idle-${at}`, at, '60s'));
  print(`${idle.length} jobs of the idle daemon ended`);
  const idleRequests = requestsOf(healthy) / idle.length;

  stalled.misbehave({ match: { kind: ['upload-start', 'upload-put', 'upload-patch'] }, stall: true });
  const before = requestsOf(healthy);
  const begun = performance.now();
  const submitted = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < jobs) {
        next += 1;
        const at = next;
        submitted.push(await job(registries[at % 3], `crowd-${at}`, at));
      }
    }),
  );
  const isHealthy = ({ destinations: [{ reference }] }) => !reference.startsWith(stalled.host);
  print(`${submitted.length} jobs are submitted`);
  const ended = [];
  for (const { id } of submitted.filter(isHealthy)) {
    ended.push(JSON.parse(await ask('GET', `/slipway/v1/jobs/${id}?wait=5m`)));
  }
  const seconds = (performance.now() - begun) / 1000;
  const pushed = ended.filter(({ state }) => state === 'pushed').length;
  const requests = (requestsOf(healthy) - before) / ended.length;
  print(
    `healthy jobs: ${pushed} of ${ended.length} pushed in ${seconds.toFixed(1)} s, beside ${submitted.length - ended.length} that cannot end`,
  );
  print(
    `requests a job: ${requests.toFixed(1)}, idle ${idleRequests.toFixed(1)}: ratio ${(requests / idleRequests).toFixed(2)}`,
  );
  print(
    `median time of a push: ${median(ended)} ms, idle ${median(idle)} ms: ratio ${(median(ended) / median(idle)).toFixed(2)}`,
  );
  print(`memory of the daemon: ${peak.toFixed(0)} MB at most`);
  if (pushed < ended.length || peak > mostMegabytes) process.exitCode = 1;
} finally {
  clearInterval(watch);
  daemon.kill('SIGKILL');
  for (const registry of registries) await registry[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}

async function job(registry, name, at, wait) {
  const body = { image: `crowd/app:${at % 10}`, destinations: [`${registry.host}/crowd/${name}:1`] };
  return JSON.parse(await ask('POST', `/slipway/v1/jobs${wait ? `?wait=${wait}` : ''}`, JSON.stringify(body)));
}

function requestsOf(all) {
  return all.reduce((sum, { requests }) => sum + requests.length, 0);
}

/** Milliseconds between the beginning of the work and its end. */
function median(all) {
  const took = all.map(({ startedAt, finishedAt }) => Date.parse(finishedAt) - Date.parse(startedAt));
  return took.sort((a, b) => a - b)[Math.floor(took.length / 2)];
}

async function untilUp() {
  while ((await ask('GET', '/_ping').catch(() => '')) !== 'OK') {
    if (daemon.exitCode !== null) throw new Error('slipwayd ended');
    await delay(100);
  }
}

async function ask(method, path, body) {
  return await new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path }, async (response) => {
      const answer = await text(response);
      if (response.statusCode < 300) resolve(answer);
      else reject(new Error(`${method} ${path}: ${response.statusCode} ${answer}`));
    });
    call.on('error', reject);
    call.end(body);
  });
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
