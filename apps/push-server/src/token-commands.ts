import { userInfo } from 'node:os';
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { pino } from 'pino';
import type { ServerConfig } from './config/server-config.ts';
import { duration } from './config/settings.ts';
import { ServerError } from './errors.ts';
import { openAuditLog } from './security/audit.ts';
import { formatScope, parseScope } from './security/scope.ts';
import { openTokenStore, type TokenStore } from './security/token-store.ts';

export interface TokenCommandsOptions {
  readonly configOf: () => Promise<ServerConfig>;
  readonly stdout: Writable;
}

const lifetime = duration(1, 36_500 * 86_400_000);

/** Adds `slipwayd token create|list|revoke`. They work on the data folder, whether the daemon runs or not. */
export function addTokenCommands(program: Command, { configOf, stdout }: TokenCommandsOptions): void {
  const store = async (): Promise<TokenStore> => openTokenStore({ folder: (await configOf()).dataDir });
  /** Written where the audit has a file; the daemon's log belongs to another process. */
  const note = async (what: string, id: string, details: Readonly<Record<string, unknown>>): Promise<void> => {
    const { auditLog } = await configOf();
    if (auditLog === undefined) return;
    await using audit = await openAuditLog(auditLog, pino({ level: 'silent' }));
    const principal = `user:${userInfo().username}`;
    const subject = `${what} ${id}`;
    audit.write({
      action: 'token',
      principal,
      outcome: 'done',
      subject,
      remote: undefined,
      requestId: undefined,
      details,
    });
  };
  const token = program.command('token').description('manage the bearer tokens of the TCP listeners');
  token
    .command('create <name>')
    .description('make a token and print it, once')
    .requiredOption(
      '--scope <scope...>',
      'admin, load, load:REGISTRY/PATTERN or push:REGISTRY/PATTERN; may be given more than once',
    )
    .option('--expires-in <duration>', 'how long it is good for, such as 90d')
    .action(async (name: string, options: { readonly scope: readonly string[]; readonly expiresIn?: string }) => {
      const expiresInMs = options.expiresIn === undefined ? undefined : lifetime.read(options.expiresIn);
      if (options.expiresIn !== undefined && expiresInMs === undefined) {
        throw new ServerError('ERR_SERVER_TOKEN', `--expires-in: expected ${lifetime.expected}`);
      }
      const scopes = options.scope.map(parseScope);
      const { text, token: made } = await (await store()).create({ name, scopes, expiresInMs });
      await note('create', made.id, { name, scopes: scopes.map(formatScope), expiresAt: made.expiresAt });
      stdout.write(`${text}\n`);
    });
  token
    .command('list')
    .description('print id, name, scopes and end of each token')
    .action(async () => {
      for (const { id, name, scopes, expiresAt } of await (await store()).list()) {
        stdout.write(`${[id, name, scopes.map(formatScope).join(' '), expiresAt ?? 'never'].join('\t')}\n`);
      }
    });
  token
    .command('revoke <id>')
    .description('revoke a token immediately')
    .action(async (id: string) => {
      await (await store()).revoke(id);
      await note('revoke', id, {});
    });
}
