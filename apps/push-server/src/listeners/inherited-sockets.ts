import { ServerError } from '../errors.ts';

/** The first descriptor that systemd hands in. */
const firstDescriptor = 3;

export interface InheritedSocketsOptions {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
}

/**
 * The descriptors of the sockets that systemd opened for this process, in the order of the socket unit.
 *
 * @throws {ServerError} `ERR_SERVER_LISTEN` when there are none, and on Bun
 * @see https://www.freedesktop.org/software/systemd/man/252/sd_listen_fds.html
 */
export function inheritedSockets({ variables, pid }: InheritedSocketsOptions): readonly number[] {
  // Bun opens a TCP port instead, without a word.
  if (process.versions['bun'] !== undefined) {
    throw new ServerError('ERR_SERVER_LISTEN', 'The executable without Node cannot serve sockets of systemd', {
      hint: 'listen on unix://PATH, or run the npm package @slipway/server on Node',
    });
  }
  const { LISTEN_PID: owner, LISTEN_FDS: amount = '' } = variables;
  const count = /^\d{1,4}$/.test(amount) ? Number(amount) : 0;
  if (owner !== String(pid) || count === 0) {
    throw new ServerError('ERR_SERVER_LISTEN', 'fd:// is for sockets that systemd hands in, and there are none', {
      hint: 'start slipwayd.socket, or listen on unix://PATH',
    });
  }
  return Array.from({ length: count }, (_, at) => firstDescriptor + at);
}
