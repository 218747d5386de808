import { CliError, type CliErrorCode } from '../errors.ts';
import { privateWays } from './daemon-address.ts';
import { DaemonLoss, GatewayAnswer } from './daemon-loss.ts';
import { JobFailedError, type JobFailure } from './job.ts';

/** A slipwayd answered with a status that says no. */
export class DaemonRefusal extends CliError {
  override name = 'DaemonRefusal';
  readonly status: number;

  constructor(code: CliErrorCode, message: string, status: number, hint?: string) {
    super(code, message, { hint });
    this.status = status;
  }
}

/**
 * In the words of the daemon at `name`, where what answered is one; a source that it cannot read failed. A proxy that
 * answers in its place says that it is away.
 */
export function refusalOf(
  { name, mayTakeToken }: { readonly name: string; readonly mayTakeToken: boolean },
  status: number,
  body: string,
): DaemonRefusal | DaemonLoss | JobFailedError {
  const failure = failureIn(body);
  const said = failure?.message;
  const at = `slipwayd at ${name}`;
  if (failure?.origin === 'source') {
    return new JobFailedError({ ...failure, message: `${at}: ${failure.message}` });
  }
  const refusal = (code: CliErrorCode, message: string, hint?: string): DaemonRefusal =>
    new DaemonRefusal(code, message, status, hint);
  if (said === undefined) {
    if (GatewayAnswer.has(status)) return new DaemonLoss(name, new GatewayAnswer(status));
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
        ? [tokenHint, ...(mayTakeToken ? [] : [privateWays])].join('; ')
        : 'the token lacks that right: its scopes, or the rules of the daemon, have to give it',
    );
  }
  if (status === 404) return refusal('ERR_CLI_DAEMON_NOT_FOUND', `${at}: ${said}`, lookFor(failure));
  if (status === 400 || status === 422)
    return refusal('ERR_CLI_USAGE', `${at} does not take that: ${said}`, failure?.hint);
  const hint = status === 503 ? 'nothing was submitted; try again once it has recovered' : undefined;
  return refusal('ERR_CLI_DAEMON_REFUSED', `${at} answered ${status}: ${said}`, hint);
}

function lookFor({ message = '', code }: Partial<JobFailure> = {}): string | undefined {
  if (message.startsWith('no such job')) return 'see `slipway job list`: the ID is that of the first column';
  if (code !== 'ERR_IMAGE_STORE_NOT_FOUND') return undefined;
  return 'a name alone and store:REF mean an image that the daemon keeps: load it there, or push an archive';
}

const tokenHint = 'set SLIPWAY_TOKEN to a token of `slipwayd token create`, or of the issuer that the daemon trusts';

/** A daemon of ours, and one of docker's, answers with a message; docker's has nothing at our paths. */
function failureIn(body: string): JobFailure | undefined {
  try {
    const failure = JSON.parse(body) as JobFailure;
    return typeof failure.message === 'string' && failure.message !== 'page not found' ? failure : undefined;
  } catch {
    return undefined;
  }
}
