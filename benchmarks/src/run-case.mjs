import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultProxy, startDebianRegistry, testCertificates } from '@slipway/testkit';
import { boundTo } from './cores.mjs';
import { measure } from './measure.mjs';
import { commandsOf } from './programs.mjs';
import { sourceOf } from './source-of.mjs';
import { storedBytes } from './stored-bytes.mjs';

/**
 * One push, or what a case makes of it, by one program against registries that nobody has used before.
 *
 * @returns the figures of one run; with `watch`, the part of the main thread among them
 */
export async function runCase(benchCase, program, image, { watch = false } = {}) {
  const { tags = 1, registries = 1, network, before = [], isSecure = false, compression, cores, memory } = benchCase;
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-'));
  const servers = [];
  const proxies = [];
  try {
    const tls = isSecure ? await testCertificates() : undefined;
    const env = {};
    if (tls !== undefined) {
      env.SSL_CERT_FILE = join(folder, 'authority.pem');
      writeFileSync(env.SSL_CERT_FILE, tls.ca);
    }
    const server = tls && { cert: tls.cert, key: tls.key };
    for (let at = 0; at < registries; at += 1) servers.push(await startDebianRegistry({ tls: server }));
    for (const server of servers) if (network) proxies.push(await faultProxy({ target: server.host, ...network }));
    const hosts = (network ? proxies : servers).map(({ host }) => host);
    const source = sourceOf(benchCase.form, image);
    const destinationsIn = (repository, count) => hosts.flatMap((host) => tagsOf(`${host}/${repository}`, count));
    const commandsFor = (repository, count) =>
      commandsOf(program, source, destinationsIn(repository, count), {
        ...{ home: folder, isSecure, compression, cores, memory },
      });
    if (commandsFor('bench/app', tags) === undefined) return undefined;
    let isFirst = true;
    const prepare = async (repository, count) => {
      await program.daemon?.prepare(source.archive, destinationsIn(repository, count), { isFirst });
      isFirst = false;
    };
    for (const repository of before) {
      await prepare(repository, 1);
      await measure(commandsFor(repository, 1), folder, { env });
    }
    await prepare('bench/app', tags);

    for (const server of servers) {
      await server.settled();
      server.clearRequests();
    }
    const storedBefore = storedBytes(servers);
    const sentBefore = sentBytes(proxies);
    const bound = cores === undefined ? [] : boundTo(cores);
    const commands = commandsFor('bench/app', tags).map((command) => [...bound, ...command]);
    const figures = await measure(commands, folder, { env, watch, memory, daemon: program.daemon });
    await Promise.all(servers.map((server) => server.settled()));
    const requests = servers.flatMap((server) => [...server.requests]);
    return {
      ...figures,
      requests: requests.length,
      byKind: countKinds(requests),
      stored: storedBytes(servers) - storedBefore,
      sent: network ? sentBytes(proxies) - sentBefore : undefined,
    };
  } finally {
    for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
    for (const server of servers) await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

function tagsOf(repository, count) {
  return Array.from({ length: count }, (_, at) => `${repository}:${at + 1}`);
}

function countKinds(requests) {
  const counts = {};
  for (const { method, path } of requests) {
    const kind = `${method} ${/\/(uploads|blobs|manifests|tags)\//.exec(path)?.[1] ?? 'v2'}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function sentBytes(proxies) {
  return proxies.reduce((total, { bytesSent }) => total + bytesSent, 0);
}
