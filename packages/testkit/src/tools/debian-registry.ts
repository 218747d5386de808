import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { TestkitError } from '../errors.ts';
import type { RegistryTlsOptions } from '../registry/options.ts';
import { endWithThisProcess } from './end-with-this-process.ts';
import { toolPath } from './find-tool.ts';
import { runTool } from './run-tool.ts';

/** A line of the registry's access log. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly status: number;
}

export interface DebianRegistryOptions {
  /**
   * Parts of the registry's configuration, laid over the usual one.
   * @see https://distribution.github.io/distribution/about/configuration/
   */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  /** Takes signed schema 1 manifests. @default false */
  readonly schema1?: boolean | undefined;
  /** Passwords by user name, asked for with Basic authentication. @default none */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** Serves HTTPS. `ca` makes client certificates a must. */
  readonly tls?: RegistryTlsOptions | undefined;
}

/**
 * Debian's `docker-registry` (distribution 2.8) in a process of its own. Leaving scope ends it and deletes its folder.
 */
export interface DebianRegistry extends AsyncDisposable {
  /** `127.0.0.1:41235`. */
  readonly host: string;
  /** With the scheme, without a slash at its end. */
  readonly url: string;
  /** Where the registry keeps its files. */
  readonly folder: string;
  /** The access log so far. The registry writes a line once a request is answered: ask for {@link settled} first. */
  readonly requests: readonly LoggedRequest[];
  clearRequests(): void;
  /** Waits until the log has a line for every request that was answered before. */
  settled(): Promise<void>;
  /** What the registry wrote to its error output, its own log. */
  readonly log: string;
}

/**
 * Starts Debian's `docker-registry` on a free port of the loopback and waits until it listens.
 *
 * @throws {TestkitError} ERR_TESTKIT_TOOL_MISSING, or ERR_TESTKIT_TOOL_FAILED when it does not start.
 */
export async function startDebianRegistry(options: DebianRegistryOptions = {}): Promise<DebianRegistry> {
  const program = toolPath('docker-registry');
  const folder = await mkdtemp(join(tmpdir(), 'slipway-registry-'));
  const config = join(folder, 'config.yml');
  try {
    // JSON is YAML.
    await writeFile(config, JSON.stringify(await configOf(folder, options), null, 2));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const child = spawn(program, ['serve', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const endAtExit = (): void => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', endAtExit);
  endWithThisProcess(child);

  const marker = `settled-${randomUUID()}`;
  const requests: LoggedRequest[] = [];
  let marks = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const logged = parseAccess(line);
    if (logged?.path.endsWith(marker)) marks += 1;
    else if (logged) requests.push(logged);
  });
  const log: string[] = [];
  const end = async (): Promise<void> => {
    process.off('exit', endAtExit);
    if (isRunning()) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
  };

  let port: string;
  try {
    port = await portOf(child, log);
  } catch (error) {
    await end();
    throw error;
  }
  const host = `127.0.0.1:${port}`;
  const url = `${options.tls ? 'https' : 'http'}://${host}`;

  return {
    host,
    url,
    folder,
    requests,
    clearRequests: () => void requests.splice(0),
    async settled() {
      const before = marks;
      await touch(`${url}/${marker}`, options.tls);
      while (marks === before && isRunning()) await wait(5);
    },
    get log() {
      return log.join('\n');
    },
    [Symbol.asyncDispose]: end,
  };
}

async function configOf(folder: string, { config = {}, schema1, users, tls }: DebianRegistryOptions): Promise<object> {
  const usual: Record<string, unknown> = {
    version: 0.1,
    log: { level: 'info', formatter: 'json', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    // Port 0: the kernel chooses, and the log tells; no other process can take the port in between.
    http: { addr: '127.0.0.1:0', secret: 'slipway', relativeurls: false },
    compatibility: { schema1: { enabled: schema1 ?? false } },
  };
  if (users) {
    const path = join(folder, 'htpasswd');
    const lines = await Promise.all(
      Object.entries(users).map(async ([user, password]) => `${user}:${await bcrypt(password)}`),
    );
    await writeFile(path, `${lines.join('\n')}\n`);
    usual['auth'] = { htpasswd: { realm: 'slipway', path } };
  }
  if (tls) {
    const paths = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') };
    await writeFile(paths.cert, tls.cert);
    await writeFile(paths.key, tls.key);
    if (tls.ca) await writeFile(paths.ca, tls.ca);
    const clientcas = tls.ca && tls.requestClientCert ? { clientcas: [paths.ca] } : {};
    usual['http'] = { ...(usual['http'] as object), tls: { certificate: paths.cert, key: paths.key, ...clientcas } };
  }
  return overlay(usual, config);
}

function overlay(base: Record<string, unknown>, top: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged = { ...base };
  for (const [key, value] of Object.entries(top)) {
    merged[key] = isObject(value) && isObject(merged[key]) ? overlay(merged[key], value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The registry takes no hash but bcrypt's, which Debian's crypt() knows and Node does not. */
async function bcrypt(password: string): Promise<string> {
  const script = 'print crypt($ARGV[0], "\\$2y\\$05\\$slipwayslipwayslipwayu")';
  return (await runTool('perl', ['-e', script, password])).stdout;
}

async function portOf(child: ChildProcessByStdio<null, Readable, Readable>, log: string[]): Promise<string> {
  return await new Promise((resolve, reject) => {
    const fail = (): void =>
      reject(new TestkitError('ERR_TESTKIT_TOOL_FAILED', `docker-registry ended: ${log.join('\n')}`));
    child.once('error', reject);
    child.once('exit', fail);
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line);
      const port = /listening on [^"]*:(\d+)/.exec(line)?.[1];
      if (port) resolve(port);
    });
  });
}

function parseAccess(line: string): LoggedRequest | undefined {
  const [, method = '', target = '', status = ''] = /"([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3}) /.exec(line) ?? [];
  if (method === '') return undefined;
  const { pathname, searchParams } = new URL(target, 'http://registry');
  return { method, path: pathname, query: searchParams, status: Number(status) };
}

/** Asks for a path, whatever the answer. */
async function touch(url: string, tls: RegistryTlsOptions | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const options = tls ? { rejectUnauthorized: false, cert: tls.cert, key: tls.key, agent: false } : { agent: false };
    const send = tls ? secureRequest : request;
    send(url, options, (response) => response.resume().once('end', resolve))
      .once('error', reject)
      .end();
  });
}
