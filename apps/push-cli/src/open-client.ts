import { type Client, type ClientOptions, createClient } from '@slipway/client';
import { type OptionValues, readOptions } from '@slipway/client/options';
import type { RequestRecord } from '@slipway/registry-client';
import type { CommandContext } from './command-context.ts';
import { version } from './version.ts';

/**
 * Options of a command that opens a client, as commander hands them over: those of the client, and who is told what.
 */
export type ClientFlags = Pick<ClientOptions, keyof OptionValues & keyof ClientOptions> &
  Partial<Record<'verbose' | 'quiet', boolean | undefined>>;

export interface OpenClientOptions extends Pick<ClientOptions, 'credentials' | 'signKeyPassword'> {
  /** Told of a line that is worth a user's attention. */
  readonly print: (line: string) => void;
  /** Told what a user should know. */
  readonly warn: (message: string) => void;
  /** Told of every finished request. @default with `--verbose`, `print` is */
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
}

/** A client with this command's options, streams and name. */
export async function openClient(
  flags: ClientFlags,
  { environment, stdin }: Pick<CommandContext, 'environment' | 'stdin'>,
  { print, warn, credentials, signKeyPassword, onRequest }: OpenClientOptions,
): Promise<Client> {
  const printRequest = (record: RequestRecord): void => print(requestLine(record));
  return await createClient({
    ...readOptions('client', flags),
    environment,
    stdin,
    credentials,
    signKeyPassword,
    userAgent: `slipway/${version}`,
    onRequest: onRequest ?? (flags.verbose === true ? printRequest : undefined),
    onWarning: warn,
    onSpool: ({ name, path }) => flags.quiet === true || print(`Writing ${name} to ${path} first`),
  });
}

/** One line about a request, for `--verbose`; the URL has no user and no query. */
export function requestLine({ method, url, status, sentBytes, receivedBytes, durationMs }: RequestRecord): string {
  const bytes = [sentBytes > 0 ? `${sentBytes} B sent` : '', receivedBytes > 0 ? `${receivedBytes} B read` : ''];
  return [`${method} ${url}`, status ?? 'no answer', ...bytes.filter(Boolean), `${Math.round(durationMs)} ms`].join(
    ' · ',
  );
}
