import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Stats } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder, withFileLock } from '@slipway/file-lock';
import { readTextWithin } from '@slipway/read-file';
import { RequestError, ServerError } from '../errors.ts';
import { formatScope, parseScope, type Scope } from './scope.ts';

/** A token without its secret. */
export interface StoredToken {
  readonly id: string;
  /** What it is for, in its owner's words; it stands in the audit log. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** RFC 3339. */
  readonly createdAt: string;
  /** RFC 3339; undefined when it never expires. */
  readonly expiresAt: string | undefined;
}

export interface CreateTokenOptions {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Milliseconds from now. @default never */
  readonly expiresInMs?: number | undefined;
}

/** Bearer tokens, kept hashed with scrypt in one file. Changes made by another process are seen at once. */
export interface TokenStore {
  /** The text is told this once and kept nowhere. */
  create(options: CreateTokenOptions): Promise<{ readonly token: StoredToken; readonly text: string }>;
  list(): Promise<readonly StoredToken[]>;
  /**
   * A token was made once: from then on TCP listeners ask for one, also when the last has been revoked, and when the
   * file or its folder goes away.
   *
   * @throws {RequestError} 503 when that cannot be told, as the folder is not there
   */
  areUsed(): Promise<boolean>;
  /** @throws {ServerError} `ERR_SERVER_TOKEN` when no token has that id */
  revoke(id: string): Promise<void>;
  /** The token that a request shows; undefined when it is none, or expired. */
  verify(text: string): Promise<StoredToken | undefined>;
}

interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdAt: string;
  readonly expiresAt?: string | undefined;
  /** Base64url. */
  readonly salt: string;
  readonly hash: string;
}

const form = /^slipway_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$/;
const cost = { N: 16_384, r: 8, p: 1 } as const;
const hashBytes = 32;
/** A hundred thousand tokens. */
const maxFileBytes = 32 * 1024 * 1024;
/** Each takes 16 MiB: guesses wait in line rather than take the machine. */
const maxHashing = 2;

export interface TokenStoreOptions {
  /** The daemon's data folder. */
  readonly folder: string;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** Opens the tokens of a data folder. The file is made with the first token. */
export function openTokenStore({ folder, now = Date.now }: TokenStoreOptions): TokenStore {
  const file = join(folder, 'tokens.json');
  const verified = new Map<string, { readonly record: TokenRecord; readonly seen: Buffer }>();
  let cached: { readonly stamp: string; readonly records: readonly TokenRecord[] } | undefined;
  const hashing = limiter(maxHashing);
  let isUsed = false;

  const look = async (): Promise<Stats | undefined> => {
    const status = await stat(file).catch(absentIsUndefined);
    isUsed ||= status !== undefined;
    return status;
  };

  const read = async (): Promise<readonly TokenRecord[]> => {
    const status = await look();
    if (status === undefined) return [];
    const stamp = `${status.ino} ${status.mtimeMs} ${status.size}`;
    if (cached?.stamp !== stamp) {
      cached = { stamp, records: parseRecords(await readTextWithin(file, { maxBytes: maxFileBytes }), file) };
      verified.clear();
    }
    return cached.records;
  };

  const change = async <T>(work: (records: readonly TokenRecord[]) => readonly [readonly TokenRecord[], T]) => {
    await makeFolder(folder, 0o700);
    return await withFileLock(`${file}.lock`, { timeoutMs: 10_000 }, async () => {
      const [records, result] = work(await read());
      await replaceFile(file, `${JSON.stringify({ version: 1, tokens: records }, null, 2)}\n`);
      isUsed = true;
      return result;
    });
  };

  return {
    async create({ name, scopes, expiresInMs }) {
      if (!/^[\x20-\x7e]{1,100}$/.test(name) || scopes.length === 0) {
        throw new ServerError('ERR_SERVER_TOKEN', 'A token needs a name of printable ASCII and at least one scope');
      }
      const id = randomBytes(9).toString('hex').slice(0, 12);
      const secret = randomBytes(32).toString('base64url');
      const salt = randomBytes(16);
      const hash = await hashing(() => derive(secret, salt));
      const record: TokenRecord = {
        id,
        name,
        scopes: scopes.map(formatScope),
        createdAt: new Date(now()).toISOString(),
        ...(expiresInMs !== undefined && { expiresAt: new Date(now() + expiresInMs).toISOString() }),
        salt: salt.toString('base64url'),
        hash: hash.toString('base64url'),
      };
      const token = await change((records) => [[...records, record], tokenOf(record)] as const);
      return { token, text: `slipway_${id}_${secret}` };
    },
    list: async () => (await read()).map(tokenOf),
    async areUsed() {
      if (isUsed || (await look()) !== undefined) return true;
      if ((await stat(folder).catch(absentIsUndefined)) !== undefined) return false;
      throw new RequestError(503, 'the data folder is gone: whether this listener asks for tokens cannot be told');
    },
    async revoke(id) {
      await change((records) => {
        const left = records.filter((record) => record.id !== id);
        if (left.length === records.length) {
          throw new ServerError('ERR_SERVER_TOKEN', `There is no token ${JSON.stringify(id)}`, {
            hint: 'see `slipwayd token list`',
          });
        }
        return [left, undefined] as const;
      });
    },
    async verify(text) {
      const [, id, secret] = form.exec(text) ?? [];
      if (id === undefined || secret === undefined) return undefined;
      const record = (await read()).find((candidate) => candidate.id === id);
      if (record === undefined) return undefined;
      if (record.expiresAt !== undefined && Date.parse(record.expiresAt) <= now()) return undefined;
      // A secret that was proven once need not cost 16 MiB and 50 ms for each request of its client.
      const seen = createHash('sha256').update(secret).digest();
      const known = verified.get(id);
      if (known?.record === record && timingSafeEqual(known.seen, seen)) return tokenOf(record);
      const hash = await hashing(() => derive(secret, Buffer.from(record.salt, 'base64url')));
      if (!timingSafeEqual(hash, Buffer.from(record.hash, 'base64url'))) return undefined;
      verified.set(id, { record, seen });
      return tokenOf(record);
    },
  };
}

function tokenOf({ id, name, scopes, createdAt, expiresAt }: TokenRecord): StoredToken {
  return { id, name, scopes: scopes.map(parseScope), createdAt, expiresAt };
}

function derive(secret: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Bun says undefined where Node says null.
    scrypt(secret, salt, hashBytes, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function parseRecords(content: string, file: string): readonly TokenRecord[] {
  try {
    const { tokens } = JSON.parse(content) as { readonly tokens?: unknown };
    if (Array.isArray(tokens) && tokens.every(isRecord)) return tokens;
  } catch {
    // told below, without the content
  }
  throw new ServerError('ERR_SERVER_TOKEN', `${file} is damaged`, {
    hint: 'delete it, and make the tokens again',
  });
}

function isRecord(value: unknown): value is TokenRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { id, name, scopes, createdAt, salt, hash } = value as Record<string, unknown>;
  const texts = [id, name, createdAt, salt, hash].every((member) => typeof member === 'string');
  return texts && Buffer.from(hash as string, 'base64url').byteLength === hashBytes && Array.isArray(scopes);
}

/** Readers see the old file or the new one, whole. */
async function replaceFile(file: string, content: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
    const directory = await open(dirname(file), 'r');
    await directory.sync().finally(() => directory.close());
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

function absentIsUndefined(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Runs at most so many at once, in the order asked. */
function limiter(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next(); // takes over the place
    }
  };
}
