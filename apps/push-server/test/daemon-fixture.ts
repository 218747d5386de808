import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { readEnvironment } from '@slipway/client';
import { runTool, type TemporaryFolder, type ToolResult, temporaryFolder } from '@slipway/testkit';
import { pino } from 'pino';
import { readConfig } from '../src/config/read-config.ts';
import type { ServerConfig } from '../src/config/server-config.ts';
import { type Daemon, startDaemon } from '../src/daemon.ts';
import { logTrace } from '../src/tracing/log-trace.ts';

/** A daemon in this process, with a folder of its own. Leaving scope stops it. */
export interface TestDaemon extends AsyncDisposable {
  readonly daemon: Daemon;
  readonly folder: TemporaryFolder;
  readonly socket: string;
  /** Port of its first TCP listener, if it has one. */
  readonly port: number;
  /** What it logged. */
  readonly log: Record<string, unknown>[];
  /** The audit lines alone. */
  audits(): readonly Record<string, unknown>[];
  /** Runs the real docker client against it. */
  docker(...args: readonly string[]): Promise<ToolResult>;
  request(method: string, path: string, options?: TestRequest): Promise<TestResponse>;
}

export interface TestRequest {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  /** Goes over TCP instead of the socket. */
  readonly tcp?: boolean | undefined;
}

export interface TestResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Starts a daemon on a unix socket, and on a TCP port of the loopback. */
export async function startTestDaemon(
  options: Partial<ServerConfig> = {},
  variables: Readonly<Record<string, string>> = {},
): Promise<TestDaemon> {
  const folder = await temporaryFolder();
  const socket = join(folder.path, 's.sock');
  const log: Record<string, unknown>[] = [];
  const config: ServerConfig = {
    ...(await readConfig({ flags: {}, variables: {}, file: undefined })),
    hosts: [`unix://${socket}`, 'tcp://127.0.0.1:0'],
    dataDir: join(folder.path, 'data'),
    shutdownTimeoutMs: 1_000,
    ...options,
  };
  const environment = readEnvironment({ HOME: folder.path, ...variables });
  const logger = pino({ level: 'info', mixin: logTrace }, { write: (line: string) => void log.push(JSON.parse(line)) });
  const daemon = await startDaemon({ config, environment, log: logger });
  const port = Number(/:(\d+)$/.exec(daemon.addresses.find((address) => address.startsWith('tcp:')) ?? '')?.[1]);
  return {
    daemon,
    folder,
    socket,
    port,
    log,
    audits: () => log.flatMap(({ audit }) => (audit === undefined ? [] : [audit as Record<string, unknown>])),
    docker: (...args) =>
      runTool('docker', args, {
        env: { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(folder.path, 'docker'), HOME: folder.path },
      }),
    async request(method, path, { headers = {}, body, tcp = false } = {}) {
      const target = tcp ? { host: '127.0.0.1', port } : { socketPath: socket };
      return await new Promise((resolve, reject) => {
        const request = httpRequest({ ...target, method, path, headers, agent: false }, async (response) => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: await text(response) });
        });
        request.on('error', reject);
        request.end(body);
      });
    },
    async [Symbol.asyncDispose]() {
      await daemon.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** The records of a streamed answer, each of which has to end with CRLF. */
export function recordsOf(body: string): readonly Record<string, unknown>[] {
  const lines = body.split('\r\n');
  if (lines.pop() !== '') throw new Error('the last record has no CRLF');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
