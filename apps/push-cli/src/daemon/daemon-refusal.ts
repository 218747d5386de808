import { CliError, type CliErrorCode } from '../errors.ts';

/** A slipwayd answered with a status that says no. */
export class DaemonRefusal extends CliError {
  override name = 'DaemonRefusal';
  readonly status: number;

  constructor(code: CliErrorCode, message: string, status: number, hint?: string) {
    super(code, message, { hint });
    this.status = status;
  }
}

/** In the words of the daemon at `name`, where what answered is one. */
export function refusalOf(name: string, status: number, body: string): DaemonRefusal {
  const said = messageIn(body);
  const at = `slipwayd at ${name}`;
  const refusal = (code: CliErrorCode, message: string, hint?: string): DaemonRefusal =>
    new DaemonRefusal(code, message, status, hint);
  if (said === undefined) {
    return refusal(
      'ERR_CLI_DAEMON_REFUSED',
      `what answers at ${name} is no slipwayd (${status})`,
      'name the daemon with --daemon or SLIPWAY_HOST',
    );
  }
  if (status === 401 || status === 403) {
    return refusal(
      'ERR_CLI_DAEMON_DENIED',
      `${at} refused: ${said}`,
      status === 401
        ? 'set SLIPWAY_TOKEN to a token of `slipwayd token create`, or of the issuer that the daemon trusts'
        : 'the token lacks that right: its scopes, or the rules of the daemon, have to give it',
    );
  }
  if (status === 404) return refusal('ERR_CLI_DAEMON_NOT_FOUND', `${at}: ${said}`);
  if (status === 400 || status === 422) return refusal('ERR_CLI_USAGE', `${at} does not take that: ${said}`);
  const hint = status === 503 ? 'nothing was submitted; try again once it has recovered' : undefined;
  return refusal('ERR_CLI_DAEMON_REFUSED', `${at} answered ${status}: ${said}`, hint);
}

/** A daemon of ours, and one of docker's, answers with a message; docker's has nothing at our paths. */
function messageIn(body: string): string | undefined {
  try {
    const { message } = JSON.parse(body) as { readonly message?: unknown };
    return typeof message === 'string' && message !== 'page not found' ? message : undefined;
  } catch {
    return undefined;
  }
}
