import type { AuditLog } from './audit.ts';
import { formatScope } from './scope.ts';
import type { StoredToken, TokenStore } from './token-store.ts';

/** `slipwayd token` works on the file beside the daemon: so often it is looked whether it has. */
const lookMs = 2_000;

/**
 * Audits tokens that are made and revoked while the daemon runs. Only for a daemon whose audit stands in its log: into
 * a file of the audit, the command writes itself. Resolves once the tokens that were there before are known.
 */
export async function watchTokens(tokens: Pick<TokenStore, 'list'>, audit: AuditLog): Promise<Disposable> {
  const list = async (): Promise<ReadonlyMap<string, StoredToken>> =>
    new Map((await tokens.list()).map((token) => [token.id, token]));
  const write = (what: string, { id, name, scopes, expiresAt }: StoredToken): void =>
    audit.write({
      ...{ action: 'token', principal: 'slipwayd token', outcome: 'done', subject: `${what} ${id}` },
      ...{ remote: undefined, requestId: undefined },
      details: { name, scopes: scopes.map(formatScope), expiresAt },
    });
  let known = await list();
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return; // a folder that hangs is asked once
    isLooking = true;
    const now = await list().finally(() => {
      isLooking = false;
    });
    for (const token of now.values()) if (!known.has(token.id)) write('create', token);
    for (const token of known.values()) if (!now.has(token.id)) write('revoke', token);
    known = now;
  };
  const timer = setInterval(() => void look().catch(() => {}), lookMs); // a damaged file is told to who shows a token
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
