import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { ServerError } from '../errors.ts';
import { formatListenAddress, type ListenAddress } from '../listeners/listen-address.ts';

export interface AskHealthOptions {
  /** Whether TCP listeners speak TLS. */
  readonly isTls: boolean;
  /** Asks whether it can work, rather than whether it lives. */
  readonly ready: boolean;
}

/** Docker and Kubernetes give up on a check before that, or soon after. */
const timeoutMs = 5_000;

/**
 * What a daemon answers to a health check: `ok`.
 *
 * @throws {ServerError} `ERR_SERVER_UNHEALTHY` with what it answers, or why it cannot be asked
 */
export async function askHealth(address: ListenAddress, { isTls, ready }: AskHealthOptions): Promise<string> {
  const unhealthy = (why: string): ServerError =>
    new ServerError('ERR_SERVER_UNHEALTHY', `${formatListenAddress(address)}: ${why}`);
  if (address.kind === 'fd') throw unhealthy('systemd hands this socket in: name its address with --at');
  const place =
    address.kind === 'tcp' ? { host: reachable(address.host), port: address.port } : { socketPath: address.path };
  const usesTls = address.kind === 'tcp' && isTls;
  // The certificate has the name that clients use, which is not that of the loopback; no secret is sent.
  const request = usesTls ? httpsRequest({ ...place, rejectUnauthorized: false }) : httpRequest(place);
  request.path = ready ? '/readyz' : '/healthz';
  const answered = new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    request.on('response', (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body: body.trim() }), reject);
    });
    request.on('error', reject);
  });
  request.setTimeout(timeoutMs, () => request.destroy(new Error('it does not answer')));
  request.end();
  const { status, body } = await answered.catch((error: Error) => {
    throw unhealthy(error.message);
  });
  if (status !== 200) throw unhealthy(body === '' ? `it answers ${status}` : body.replaceAll('\n', ', '));
  return body;
}

/** Where a listener on all addresses is reached from its own machine. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
