import type { Command } from 'commander';
import { duration } from './option-values.ts';

/** Options of every command that talks to a registry, as commander hands them over. */
export interface ConnectionOptions {
  readonly plainHttp?: boolean | undefined;
  readonly insecure?: boolean | undefined;
  readonly certDir?: string | undefined;
  readonly authfile?: string | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  readonly maxRequestsPerSecond?: number | undefined;
}

/** Adds `--plain-http`, `--insecure`, `--cert-dir`, `--authfile` and `--timeout`. */
export function addConnectionOptions(command: Command): Command {
  return command
    .option('--plain-http', 'talk to the registry without TLS (the default for this machine’s own addresses)')
    .option('--insecure', 'accept any TLS certificate, and fall back to plain HTTP')
    .option('--cert-dir <folder>', 'CA (*.crt) and client certificates (*.cert, *.key) for the registry')
    .option('--authfile <file>', 'credentials file to use instead of docker’s and podman’s')
    .option(
      '--timeout <duration>',
      'wait so long for a connection, an answer or the next byte: 90, 90s, 2m (default: 15s for an answer)',
      duration,
    );
}
