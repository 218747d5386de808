import { access, constants, mkdtemp, readdir, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { readTextWithin } from '@slipway/read-file';
import type { ServerConfig } from '../config/server-config.ts';
import { openSigningKey } from '../engine/signing-key.ts';
import { formatListenAddress, isLoopback, parseListenAddress } from '../listeners/listen-address.ts';
import { readTlsMaterial } from '../listeners/tls-material.ts';
import { keysIn } from '../security/gatekeeper.ts';
import { openTokenStore } from '../security/token-store.ts';

/**
 * What a start would stumble over: one sentence each, with the setting's name. Nothing is opened or left behind;
 * whether Redis answers, an address is free, and somebody reads a pipe is seen at the start.
 */
export async function checkStart(config: ServerConfig): Promise<readonly string[]> {
  const faults = await Promise.all(
    Object.entries(checks).map(async ([setting, check]) => {
      try {
        await check(config);
        return [];
      } catch (error) {
        const { message } = error as Error;
        return [message.startsWith('--') ? message : `--${setting}: ${message}`];
      }
    }),
  );
  return faults.flat();
}

/** As much as is read of a credentials file when it is used. */
const maxCredentialsBytes = 4 * 1024 * 1024;

const checks: Readonly<Record<string, (config: ServerConfig) => Promise<void>>> = {
  'data-dir': ({ dataDir }) => assertWritable(dataDir),
  async 'tls-cert'(config) {
    createSecureContext(await readTlsMaterial(config));
  },
  async 'cert-dir'({ certDir }) {
    if (certDir !== undefined) await readdir(certDir);
  },
  async 'trust-key'(config) {
    await openSigningKey(config);
  },
  async 'audit-log'({ auditLog }) {
    if (auditLog === undefined) return;
    const found = await stat(auditLog).catch(() => undefined);
    if (found?.isDirectory() === true) throw new Error(`${auditLog} is a folder`);
    if (found !== undefined) await access(auditLog, constants.W_OK);
    else await assertWritable(dirname(auditLog), { hasToExist: true });
  },
  async 'job-credentials'({ jobCredentials }) {
    for (const entry of jobCredentials) {
      const [, file] = /^[A-Za-z0-9._-]{1,64}=(\/.+)$/.exec(entry) ?? [];
      if (file === undefined) throw new Error(`expected NAME=/PATH, got ${JSON.stringify(entry)}`);
      parseObject(await readTextWithin(file, { maxBytes: maxCredentialsBytes }), file);
    }
  },
  async redis({ redis }) {
    if (redis === undefined || /^unix:\/\/\/./.test(redis)) return;
    const { protocol = '', hostname = '', pathname = '' } = URL.canParse(redis) ? new URL(redis) : {};
    if (!/^rediss?:$/.test(protocol) || hostname === '' || !/^\/?\d*$/.test(pathname)) {
      throw new Error('expected redis://HOST:PORT, rediss://HOST:PORT (with /NUMBER for a database) or unix:///PATH');
    }
  },
  async 'oidc-jwks'({ oidcJwks }) {
    if (oidcJwks !== undefined) await keysIn(oidcJwks);
  },
  async host({ hosts, tlsCa, dataDir, oidcIssuer }) {
    const open = hosts
      .map((text) => parseListenAddress(text))
      .filter((at) => at.kind === 'tcp' && !isLoopback(at.host));
    if (open.length === 0 || tlsCa !== undefined || oidcIssuer !== undefined) return;
    if ((await openTokenStore({ folder: dataDir }).list()).length > 0) return;
    const addresses = open.map(formatListenAddress).join(' and ');
    throw new Error(
      `${addresses} can be reached by others, and nothing guards it: configure --tls-ca, or make a token with ` +
        '`slipwayd token create`',
    );
  },
};

/** Tries it, as modes do not tell of file systems that cannot be written. Folders that are missing are made later. */
async function assertWritable(folder: string, { hasToExist = false } = {}): Promise<void> {
  let place = folder;
  for (;;) {
    const found = await stat(place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' || hasToExist) throw error;
      return undefined;
    });
    if (found !== undefined && !found.isDirectory()) throw new Error(`${place} is no folder`);
    if (found !== undefined) break;
    place = dirname(place);
  }
  const probe = await mkdtemp(join(place, '.slipwayd-')).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${place} cannot be written: ${error.code}`, { cause: error });
  });
  await rmdir(probe);
}

function parseObject(text: string, file: string): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // told below, without the content
  }
  if (typeof value !== 'object' || value === null) throw new Error(`${file} is no credentials file`);
}
