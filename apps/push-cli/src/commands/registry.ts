import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import { wholeNumber } from '@slipway/client/options';
import { systemReason } from '@slipway/client/program';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { CliError, usageError } from '../errors.ts';
import { writeResults } from '../results/write-results.ts';
import { readValue } from './table-options.ts';

interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly folder?: string | undefined;
  readonly allowRemote?: boolean | undefined;
}

/** `slipway registry serve` */
export function addRegistryCommand(program: Command, context: CommandContext): void {
  const registry = program.command('registry').description('Run a registry on this machine, for tests and demos.');
  const port = { kind: wholeNumber(0, 65535) };
  const command = registry
    .command('serve')
    .description('Serve the embedded registry until Ctrl-C. It prints its address on standard output.')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on, 0 for a free one', (text) => readValue(text, port), 5000)
    .option('--folder <folder>', 'keep the content there (default: in memory, gone at the end)')
    .option('--allow-remote', 'listen on addresses that other machines can reach; anybody there can push')
    .action(async () => await serve(command.opts(), context));
}

/**
 * Serves the embedded registry until the first signal. It has no accounts, so it stays on this machine unless told
 * otherwise.
 */
async function serve(flags: ServeFlags, context: CommandContext): Promise<void> {
  const { startRegistry } = await import('../embedded-registry.ts');
  const { host, port, folder, allowRemote } = flags;
  const { signal, stderr } = context;
  if (allowRemote !== true && !isLoopback(host)) {
    throw usageError(
      `--host ${host} can be reached from other machines, and this registry lets anybody push`,
      'leave --host off, or add --allow-remote',
    );
  }
  const start = async (): ReturnType<typeof startRegistry> => {
    if (folder !== undefined) await (await import('@slipway/file-lock')).makeFolder(folder);
    return await startRegistry({ host, port, folder });
  };
  await using registry = await start().catch((cause: NodeJS.ErrnoException) => {
    const what = cause.path === undefined ? `on ${host}:${port}` : `from the folder ${folder}`;
    throw new CliError('ERR_CLI_LISTEN', `cannot serve ${what}: ${systemReason(cause)}`, {
      cause,
      hint: cause.code === 'EADDRINUSE' ? 'another program has this port; --port 0 takes a free one' : undefined,
    });
  });
  context.onInterrupted = () => stderr.write('slipway: registry stopped\n');
  await writeResults([registry.url], [], context);
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
