import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface NotifySystemdOptions {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly onWarning: (message: string) => void;
}

const timeoutMs = 5_000;

/**
 * Tells systemd a state of this service, as `Type=notify` wants it; does nothing where systemd does not listen. Node
 * has no datagram sockets of the unix kind, so systemd's own program sends it: the unit needs `NotifyAccess=all`.
 *
 * @see https://www.freedesktop.org/software/systemd/man/252/sd_notify.html
 */
export async function notifySystemd(
  assignments: readonly string[],
  { variables, onWarning }: NotifySystemdOptions,
): Promise<void> {
  const { NOTIFY_SOCKET: socket, PATH: path } = variables;
  if (socket === undefined || socket === '') return;
  const env = { NOTIFY_SOCKET: socket, ...(path === undefined ? {} : { PATH: path }) };
  try {
    await promisify(execFile)('systemd-notify', [...assignments], { env, timeout: timeoutMs });
  } catch (error) {
    onWarning(`systemd was not told ${assignments[0]}: ${(error as Error).message.trim()}`);
  }
}
