import { lstat, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { systemReason } from '@slipway/client/program';
import { createMemoryMetadataStore, withDockerMetadata } from '@slipway/metadata-store';
import { readTextWithin } from '@slipway/read-file';
import type { ServerConfig } from '../config/server-config.ts';
import { fullDisk, isDiskFull } from '../engine/folder/disk-full.ts';
import { hasSpaceReserve } from '../engine/folder/space-reserve.ts';
import { tryFolder } from '../engine/folder/try-folder.ts';
import { openSigningKey } from '../engine/signing-key.ts';
import { ServerError } from '../errors.ts';
import { checkFolderID } from '../jobs/record/folder-id.ts';
import { checkListeners } from '../listeners/check-listeners.ts';
import {
  formatListenAddress,
  isLoopback,
  type ListenAddress,
  parseListenAddress,
} from '../listeners/listen-address.ts';
import { readTlsMaterial } from '../listeners/tls-material.ts';
import { checkAuditLog } from '../security/audit.ts';
import { keysIn } from '../security/gatekeeper.ts';
import { openTokenStore } from '../security/token-store.ts';

/**
 * What a start would stumble over: one sentence each, with the setting's name. Nothing is left behind. Only a start
 * shows whether Redis answers, an address is free, systemd hands sockets in, and another process reads a pipe.
 *
 * @throws {ServerError} `ERR_SERVER_DISK_FULL`: then the settings are right, and a start fails all the same
 */
export async function checkStart(config: ServerConfig): Promise<readonly string[]> {
  const faults = await Promise.all(
    Object.entries(checks).map(async ([setting, check]) => {
      try {
        await check(config);
        return [];
      } catch (error) {
        if (error instanceof ServerError && error.code === 'ERR_SERVER_DISK_FULL') throw error;
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
  'data-dir': ({ dataDir }) => checkDataFolder(dataDir),
  'docker-metadata': ({ dockerMetadata }) => checkDockerMetadata(dockerMetadata),
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
    if (auditLog !== undefined) await checkAuditLog(auditLog);
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
  async host(config) {
    const addresses = config.hosts.map((text) => parseListenAddress(text));
    await assertGuarded(addresses, config); // before it is listened on, if for a moment only
    await checkListeners(addresses);
  },
};

async function assertGuarded(
  addresses: readonly ListenAddress[],
  { tlsCa, dataDir, oidcIssuer }: ServerConfig,
): Promise<void> {
  const open = addresses.filter((at) => at.kind === 'tcp' && !isLoopback(at.host));
  if (open.length === 0 || tlsCa !== undefined || oidcIssuer !== undefined) return;
  if ((await openTokenStore({ folder: dataDir }).list()).length > 0) return;
  throw new Error(
    `${open.map(formatListenAddress).join(' and ')} can be reached by others, and nothing guards it: configure ` +
      '--tls-ca, or make a token with `slipwayd token create`',
  );
}

/** What the daemon keeps in folders of their own, below the data folder. */
const parts: readonly string[] = [
  'spool',
  'owners',
  'images',
  'metadata',
  'layers',
  'jobs',
  'jobs/store',
  'jobs/archives',
];

async function checkDataFolder(folder: string): Promise<void> {
  const place = await existingFolder(folder);
  try {
    await tryFolder(place);
  } catch (cause) {
    if (!isDiskFull(cause)) throw new Error(`${place} cannot be written: ${systemReason(cause)}`, { cause });
    if (!(await hasSpaceReserve(folder))) throw fullDisk(folder, cause);
  }
  if (place !== folder) return;
  for (const part of parts) {
    const found = await stat(join(folder, part)).catch(absentIsUndefined);
    if (found !== undefined && !found.isDirectory()) throw new Error(`${join(folder, part)} is no folder`);
  }
  await checkFolderID(folder);
  await openTokenStore({ folder }).list();
}

/** The folder, or the one above it in which it will be made. */
async function existingFolder(folder: string): Promise<string> {
  for (let place = folder; ; place = dirname(place)) {
    const found = await stat(place).catch(absentIsUndefined);
    if (found?.isDirectory() === true) return place;
    if (found !== undefined) throw new Error(`${place} is no folder`);
    // No folder can be made in the place of a link that leads nowhere.
    if ((await lstat(place).catch(absentIsUndefined)) !== undefined) throw new Error(`${place} leads nowhere`);
  }
}

function absentIsUndefined(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Reads the folder as a start does, for a store that nothing is kept in. */
async function checkDockerMetadata(folder: string | undefined): Promise<void> {
  if (folder === undefined) return;
  await using _ = await withDockerMetadata(createMemoryMetadataStore(), { folder });
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
