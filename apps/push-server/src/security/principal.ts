import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { RequestError } from '../errors.ts';
import type { ListenerGuard } from '../listeners/listener-guard.ts';
import { type Action, isAllowed, type Scope } from './scope.ts';
import type { TokenStore } from './token-store.ts';

/** Who asks. */
export interface Principal {
  /** For logs: `local`, `certificate:NAME`, `token:NAME`. */
  readonly name: string;
  readonly scopes: readonly Scope[];
}

const admin: readonly Scope[] = [{ kind: 'admin' }];

/**
 * Finds out who asks: whoever may open the socket on this machine, the owner of a client certificate, or of a token.
 *
 * @throws {RequestError} 401 when the listener wants to know and is not told, 403 for a page of another site
 */
export async function authenticate(
  request: IncomingMessage,
  guard: ListenerGuard,
  tokens: TokenStore,
): Promise<Principal> {
  if (guard.kind === 'unix') return { name: 'local', scopes: admin };
  const certificate = guard.clientCertificates ? certificateName(request.socket as TLSSocket) : undefined;
  if (certificate !== undefined) return { name: `certificate:${certificate}`, scopes: admin };
  const [, text] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (text !== undefined) {
    const token = await tokens.verify(text);
    if (token !== undefined) return { name: `token:${token.name}`, scopes: token.scopes };
    throw new RequestError(401, 'unauthorized: the token is unknown, revoked or expired');
  }
  // Decided anew for each request: with the first token that is made, every TCP listener asks for one.
  if (guard.isLoopback && !guard.clientCertificates && !(await tokens.areUsed())) {
    assertNoForeignPage(request);
    return { name: 'loopback', scopes: admin };
  }
  throw new RequestError(401, 'unauthorized: this listener wants a client certificate or a bearer token');
}

/** @throws {RequestError} 403 for a principal that may push nowhere */
export function assertMayPushSomewhere({ name, scopes }: Principal): void {
  if (scopes.some(({ kind }) => kind === 'admin' || kind === 'push')) return;
  throw new RequestError(403, `forbidden: ${name} may not push`);
}

/** @throws {RequestError} 403 */
export function assertAllowed(principal: Principal, action: Action): void {
  if (isAllowed(principal.scopes, action)) return;
  throw new RequestError(403, `forbidden: ${principal.name} may not ${describeAction(action)}`);
}

function describeAction(action: Action): string {
  switch (action.kind) {
    case 'read':
      return 'read';
    case 'all':
      return 'see what is told of everybody';
    case 'see':
      return `see ${action.repository}`;
    case 'load':
      return 'load images';
    case 'save':
      return 'save images';
    case 'job':
      return `change jobs that push to ${action.repository}`;
    case 'admin':
      return 'do this';
    case 'name':
      return `load an image as ${action.repository}`;
    case 'source':
      return `use the image ${action.image}`;
    case 'tag':
      return `tag in ${action.repository}`;
    case 'push':
      return `push to ${action.repository}`;
    case 'login':
      return `log in to ${action.registry}`;
    default:
      return action satisfies never;
  }
}

function certificateName(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const name = subject?.CN;
  return (Array.isArray(name) ? name[0] : name) ?? 'unnamed';
}

/**
 * Any page that a browser on this machine shows can send requests here; its own site's name, or its origin, gives it
 * away.
 */
function assertNoForeignPage({ headers }: IncomingMessage): void {
  const host = headers.host ?? '';
  const name = host.replace(/:\d+$/, '');
  const isLocal = host === '' || name === 'localhost' || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
  const isOwn =
    headers.origin === undefined || headers.origin === `http://${host}` || headers.origin === `https://${host}`;
  if (!isLocal) {
    throw new RequestError(403, 'forbidden: this listener answers to the names of this machine only');
  }
  if (!isOwn) throw new RequestError(403, 'forbidden: pages of other sites may not ask');
}
