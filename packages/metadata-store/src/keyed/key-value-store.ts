import { createHash } from 'node:crypto';
import { ArgumentRangeError } from '@slipway/arguments';
import { type Digest, isDigest } from '@slipway/digest';
import { computeHmac, formatGoString } from '../claims/hmac.ts';
import { addedClaim, claimsIn, claimsKey, removedClaim } from '../claims/layer-claims.ts';
import { decode, encode, isObject, parseJSON } from '../claims/stored-json.ts';
import type { LayerClaim, LayerRecord, MetadataStore, SessionRecord } from '../metadata-store.ts';
import type { KeyValueBackend } from './key-value-backend.ts';
import { takeValue } from './take-value.ts';

/** Docker's own namespaces, and ours, which Docker never looks into. */
const namespaces = Object.freeze({
  layerRecords: 'v2metadata-by-diffid',
  diffIDs: 'diffid-by-digest',
  v1Layers: 'v1id',
  blobSizes: 'slipway-blob-size',
  proofs: 'slipway-proven-diffid',
  provenDigests: 'slipway-proven-digests',
  claims: 'slipway-claim',
  sessions: 'slipway-session',
});

/**
 * Records kept for one diffID.
 * @see https://github.com/moby/moby/blob/v28.0.0/distribution/metadata/v2_metadata_service.go#L121
 */
const maxRecords = 50;

/** Forms of one layer that are worth naming: a few compressors, levels and tools. */
const maxProvenDigests = 20;

/** Registries forget an abandoned session within days (a week is the default of most). */
const sessionLifeMs = 7 * 24 * 60 * 60 * 1000;

/**
 * Makes a metadata store of any place that keeps bytes by key. The store owns `backend` and disposes it.
 * What it cannot read counts as unknown, and is replaced by the next write.
 */
export function createMetadataStore(backend: KeyValueBackend): MetadataStore {
  return new KeyValueMetadataStore(backend);
}

class KeyValueMetadataStore implements MetadataStore {
  readonly #backend: KeyValueBackend;
  #sessionsCleared = false;

  constructor(backend: KeyValueBackend) {
    this.#backend = backend;
  }

  async layerRecords(diffID: Digest): Promise<readonly LayerRecord[]> {
    return parseRecords(await this.#backend.get(namespaces.layerRecords, keyOf(diffID)));
  }

  async diffIDOf(digest: Digest): Promise<Digest | undefined> {
    return parseDigestText(await this.#backend.get(namespaces.diffIDs, keyOf(digest)));
  }

  async addLayerRecord(diffID: Digest, record: LayerRecord): Promise<void> {
    // Begun together, so that a backend can make one durable commit of both.
    await Promise.all([
      this.#backend.update(namespaces.layerRecords, keyOf(diffID), (value) => {
        const others = parseRecords(value).filter((other) => !isSame(other, record));
        return formatRecords([...others, record].slice(-maxRecords));
      }),
      this.#backend.set(namespaces.diffIDs, keyOf(record.digest), encode(diffID)),
    ]);
  }

  async tagAndAdd(
    diffID: Digest,
    key: Uint8Array | undefined,
    { digest, sourceRepository }: Omit<LayerRecord, 'hmac'>,
  ): Promise<void> {
    const hmac = computeHmac(key, { digest, sourceRepository });
    await this.addLayerRecord(diffID, { digest, sourceRepository, hmac });
  }

  async removeLayerRecord(record: LayerRecord): Promise<void> {
    const diffID = await this.diffIDOf(record.digest);
    if (diffID === undefined) return;
    await this.#atOnce(
      this.#backend.update(namespaces.layerRecords, keyOf(diffID), (value) => {
        const others = parseRecords(value).filter((other) => !isSame(other, record));
        return others.length === 0 ? undefined : formatRecords(others);
      }),
    );
  }

  async blobSize(digest: Digest): Promise<number | undefined> {
    const value = await this.#backend.get(namespaces.blobSizes, keyOf(digest));
    const text = value && decode(value);
    if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
    return Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
  }

  async rememberBlobSize(digest: Digest, size: number): Promise<void> {
    assertSize(size);
    await this.#backend.set(namespaces.blobSizes, keyOf(digest), encode(String(size)));
  }

  async isProven(digest: Digest, diffID: Digest): Promise<boolean> {
    return parseDigestText(await this.#backend.get(namespaces.proofs, keyOf(digest))) === diffID;
  }

  async rememberProof(digest: Digest, diffID: Digest): Promise<void> {
    await Promise.all([
      this.#backend.set(namespaces.proofs, keyOf(digest), encode(diffID)),
      this.#backend.update(namespaces.provenDigests, keyOf(diffID), (value) => {
        const known = parseDigests(value);
        if (known[0] === digest) return value;
        const others = known.filter((other) => other !== digest);
        return encode(JSON.stringify([digest, ...others].slice(0, maxProvenDigests)));
      }),
    ]);
  }

  async provenDigests(diffID: Digest): Promise<readonly Digest[]> {
    return parseDigests(await this.#backend.get(namespaces.provenDigests, keyOf(diffID)));
  }

  async claims(repository: string, diffID: Digest): Promise<readonly LayerClaim[]> {
    return claimsIn(await this.#backend.get(namespaces.claims, claimsKey(repository, diffID)), repository, diffID);
  }

  async addClaim(repository: string, diffID: Digest, claim: LayerClaim): Promise<void> {
    assertSize(claim.size);
    const key = claimsKey(repository, diffID);
    await this.#backend.update(namespaces.claims, key, (value) => addedClaim(value, repository, diffID, claim));
  }

  async removeClaim(repository: string, diffID: Digest, digest: Digest): Promise<void> {
    const key = claimsKey(repository, diffID);
    await this.#atOnce(
      this.#backend.update(namespaces.claims, key, (value) => removedClaim(value, repository, diffID, digest)),
    );
  }

  async session(repository: string, subject: string): Promise<SessionRecord | undefined> {
    return sessionOf(
      await this.#backend.get(namespaces.sessions, sessionKey(repository, subject)),
      repository,
      subject,
    );
  }

  async takeSession(repository: string, subject: string): Promise<SessionRecord | undefined> {
    const key = sessionKey(repository, subject);
    // mostly, and costs no write
    if ((await this.#backend.get(namespaces.sessions, key)) === undefined) return undefined;
    return sessionOf(await takeValue(this.#backend, namespaces.sessions, key), repository, subject);
  }

  async saveSession(record: SessionRecord): Promise<void> {
    const { repository, subject, location, offset, updatedAt } = record;
    const value = encode(JSON.stringify({ repository, subject, location, offset, updatedAt }));
    await this.#atOnce(this.#backend.set(namespaces.sessions, sessionKey(repository, subject), value));
    await this.#clearSessionsBefore(updatedAt - sessionLifeMs);
  }

  async dropSession(repository: string, subject: string): Promise<void> {
    await this.#atOnce(this.#backend.delete(namespaces.sessions, sessionKey(repository, subject)));
  }

  async v1Layer(registry: string, v1ID: string): Promise<Digest | undefined> {
    return parseDigestText(await this.#backend.get(namespaces.v1Layers, v1Key(registry, v1ID)));
  }

  async setV1Layer(registry: string, v1ID: string, diffID: Digest): Promise<void> {
    await this.#backend.set(namespaces.v1Layers, v1Key(registry, v1ID), encode(diffID));
  }

  async flush(): Promise<void> {
    await this.#backend.flush?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backend[Symbol.asyncDispose]();
  }

  /** Once in a store's life: what crashed pushes left behind would otherwise stay for ever. */
  async #clearSessionsBefore(time: number): Promise<void> {
    if (this.#sessionsCleared || this.#backend.list === undefined) return;
    this.#sessionsCleared = true;
    for (const key of await this.#backend.list(namespaces.sessions)) {
      const record = parseSession(await this.#backend.get(namespaces.sessions, key));
      if (record === undefined || record.updatedAt < time)
        await this.#atOnce(this.#backend.delete(namespaces.sessions, key));
    }
  }

  /** What wrong moves depend on, and what a process that is killed has to leave behind, waits for no other write. */
  async #atOnce(write: Promise<void>): Promise<void> {
    await Promise.all([write, this.#backend.flush?.()]);
  }
}

function assertSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new ArgumentRangeError('size', `Expected \`size\` to be a count of bytes, got ${size}`);
  }
}

function keyOf(digest: Digest): string {
  return digest.replace(':', '/');
}

/** Repository and subject may be long and hold anything; a key may not. */
function sessionKey(repository: string, subject: string): string {
  return createHash('sha256').update(`${repository}\n${subject}`).digest('hex');
}

/** @see https://github.com/moby/moby/blob/v28.0.0/distribution/metadata/v1_id_service.go */
function v1Key(registry: string, v1ID: string): string {
  if (!/^[0-9a-f]{64}$/.test(v1ID)) throw new TypeError(`image ID ${JSON.stringify(v1ID)} is invalid`);
  return `${registry},${v1ID}`;
}

function isSame(a: LayerRecord, b: LayerRecord): boolean {
  return a.digest === b.digest && a.sourceRepository === b.sourceRepository && a.hmac === b.hmac;
}

/** Byte for byte what Docker writes: capitalised keys in this order, compact, all three always there. */
function formatRecords(records: readonly LayerRecord[]): Uint8Array {
  const items = records.map(
    ({ digest, sourceRepository, hmac }) =>
      `{"Digest":${formatGoString(digest)},"SourceRepository":${formatGoString(sourceRepository)},` +
      `"HMAC":${formatGoString(hmac)}}`,
  );
  return encode(`[${items.join(',')}]`);
}

function parseRecords(value: Uint8Array | undefined): readonly LayerRecord[] {
  const list = parseJSON(value);
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown): LayerRecord[] => {
    if (!isObject(item)) return [];
    const { Digest: digest, SourceRepository: sourceRepository, HMAC: hmac } = item;
    if (typeof digest !== 'string' || !isDigest(digest)) return [];
    if (typeof sourceRepository !== 'string' || typeof hmac !== 'string') return [];
    return [{ digest, sourceRepository, hmac }];
  });
}

/** The session, if the value is one of this repository and subject. */
function sessionOf(value: Uint8Array | undefined, repository: string, subject: string): SessionRecord | undefined {
  const record = parseSession(value);
  return record?.repository === repository && record.subject === subject ? record : undefined;
}

function parseSession(value: Uint8Array | undefined): SessionRecord | undefined {
  const item = parseJSON(value);
  if (!isObject(item)) return undefined;
  const { repository, subject, location, offset, updatedAt } = item;
  if (typeof repository !== 'string' || typeof subject !== 'string' || typeof location !== 'string') return undefined;
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) return undefined;
  if (typeof updatedAt !== 'number') return undefined;
  return { repository, subject, location, offset, updatedAt };
}

function parseDigests(value: Uint8Array | undefined): readonly Digest[] {
  const list = parseJSON(value);
  if (!Array.isArray(list)) return [];
  return list.filter((item: unknown): item is Digest => typeof item === 'string' && isDigest(item));
}

function parseDigestText(value: Uint8Array | undefined): Digest | undefined {
  const text = value && decode(value);
  return text !== undefined && isDigest(text) ? text : undefined;
}
