import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import { startRegistry } from '@slipway/testkit';
import type { CommandContext } from './command-context.ts';
import { CliError, usageError } from './errors.ts';

export interface RawRegistryOptions {
  readonly host: string;
  readonly port: number;
  readonly folder?: string | undefined;
  readonly allowRemote?: boolean | undefined;
}

/** Serves the embedded registry until the first signal. It has no accounts, so it stays on this machine unless told otherwise. */
export async function runRegistry(options: RawRegistryOptions, context: CommandContext): Promise<void> {
  const { host, port, folder, allowRemote } = options;
  const { signal, stdout, stderr } = context;
  if (allowRemote !== true && !isLoopback(host)) {
    throw usageError(
      `--host ${host} can be reached from other machines, and this registry lets anybody push`,
      'leave --host off, or add --allow-remote',
    );
  }
  await using registry = await startRegistry({ host, port, folder }).catch((cause: NodeJS.ErrnoException) => {
    throw new CliError('ERR_CLI_LISTEN', `cannot serve on ${host}:${port}: ${cause.message}`, {
      cause,
      hint: cause.code === 'EADDRINUSE' ? 'another program has this port; --port 0 takes a free one' : undefined,
    });
  });
  context.onInterrupted = () => stderr.write('slipway: registry stopped\n');
  stdout.write(`${registry.url}\n`);
  stderr.write(
    `slipway: push to ${new URL(registry.url).host}/NAME:TAG; ${folder ?? 'kept in memory'}; Ctrl-C ends it\n`,
  );
  const tidy = setInterval(() => registry.clearRequests(), 10_000); // a record of every request is for tests alone
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(tidy);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}
