import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ListenerGuard } from '../listeners/listener-guard.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import type { Principal } from './principal.ts';
import { formatScope, type Scope } from './scope.ts';

/** So often it is looked whether whoever is being answered still may be. */
const lookMs = 2_000;

/** A request that is being answered, or whose body is being read. */
export interface StandingRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly guard: ListenerGuard;
  /** As whom it was let in. */
  readonly principal: Principal;
  /** Called right before its connection is closed, with the status that it would have now. */
  readonly onLost: (status: 401 | 403) => void;
}

/** Rights of requests that last: streams of events, uploads, pushes. */
export interface StandingRights extends Disposable {
  /** Looks at a request's rights again and again, until it has its answer. */
  watch(standing: StandingRequest): void;
}

export interface StandingRightsOptions {
  readonly gatekeeper: Pick<Gatekeeper, 'authenticate'>;
  /** @default 2000 */
  readonly lookMs?: number | undefined;
}

/**
 * Closes the connection of a request whose token was revoked or has expired meanwhile, or whose rights became fewer.
 * More rights, or an issuer that cannot be asked for now, end nothing. What comes next on a new connection is told why.
 *
 * An issuer's token is not expected to last as long as a push: that it has expired ends nothing that began before.
 */
export function openStandingRights(options: StandingRightsOptions): StandingRights {
  const standing = new Set<StandingRequest>();
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      await Promise.all(
        Array.from(standing, async (one) => {
          const status = await lossOf(one, options.gatekeeper);
          if (status === undefined || !standing.delete(one)) return;
          one.onLost(status);
          one.response.destroy();
          one.request.destroy();
        }),
      );
    } finally {
      isLooking = false;
    }
  };
  const timer = setInterval(() => void look(), options.lookMs ?? lookMs);
  timer.unref();
  return {
    watch(one) {
      if (one.guard.kind === 'unix' || one.response.destroyed) return; // the socket's rights are those of its file
      standing.add(one);
      one.response.once('close', () => standing.delete(one));
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** The status with which a request would be refused now; undefined while it has what it was let in with. */
async function lossOf(
  { request, guard, principal }: StandingRequest,
  gatekeeper: Pick<Gatekeeper, 'authenticate'>,
): Promise<401 | 403 | undefined> {
  try {
    const now = await gatekeeper.authenticate(request, guard);
    return now.name === principal.name && hasAll(now.scopes, principal.scopes) ? undefined : 403;
  } catch (error) {
    const { status } = error as { readonly status?: unknown };
    if (status === 401 && !principal.name.startsWith('oidc:')) return 401;
    return status === 403 ? 403 : undefined;
  }
}

function hasAll(scopes: readonly Scope[], wanted: readonly Scope[]): boolean {
  const texts = new Set(scopes.map(formatScope));
  return wanted.every((scope) => texts.has(formatScope(scope)));
}
