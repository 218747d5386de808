import { type Digest, encodedOf } from '@slipway/digest';
import type { LayerRecord, MetadataStore, SessionRecord } from '@slipway/metadata-store';
import type { UploadSession } from '@slipway/registry-client';
import { type ClaimedIdentity, claimed, type ProvenIdentity } from '../knowledge.ts';
import type { Notes } from '../notes.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';

/** Stands where the store has a registry's name; Docker had a file `checksum` beside each layer. */
const tarSumSpace = 'tarsum.v1';

export interface BlobMemoryOptions {
  readonly notes: Notes;
  /** Canonical name with its domain. */
  readonly repository: string;
  readonly hmacKey: Uint8Array | undefined;
  /** What this push has delivered, to whichever repository: shared by its destinations. */
  readonly delivered: Map<Digest, LayerRecord[]>;
  /** Whether blobs take turns that other processes respect: nobody else goes on with an upload meanwhile. */
  readonly hasTurns: boolean;
  readonly onFailure: (error: unknown) => void;
}

/**
 * What is remembered of blobs in one repository under one set of credentials. Every record stands for a pairing that
 * this machine has proven; claims are kept apart. A store that fails is worked around: it never fails a push.
 */
export class BlobMemory {
  /** Whether the place of an upload is noted before anything is sent, and stays noted while it is gone on with. */
  readonly hasTurns: boolean;
  readonly #notes: Notes;
  readonly #repository: string;
  readonly #hmacKey: Uint8Array | undefined;
  readonly #delivered: Map<Digest, LayerRecord[]>;
  readonly #onFailure: (error: unknown) => void;
  /** Uploads of this push: they are continued also where nothing is remembered from one run to the next. */
  readonly #sessions = new Map<string, SessionRecord>();

  constructor({ notes, repository, hmacKey, delivered, hasTurns, onFailure }: BlobMemoryOptions) {
    this.hasTurns = hasTurns;
    this.#notes = notes;
    this.#repository = repository;
    this.#hmacKey = hmacKey;
    this.#delivered = delivered;
    this.#onFailure = onFailure;
  }

  /** Records that could stand for this blob, oldest first; where only given bytes will do, those of that digest. */
  async records(blob: BlobToPush): Promise<readonly LayerRecord[]> {
    const { recordKey, fixed } = blob;
    if (recordKey === undefined) return [];
    const stored = (await this.#attempt((store) => store.layerRecords(recordKey))) ?? [];
    const own = this.#delivered.get(recordKey) ?? [];
    const isStored = ({ digest, sourceRepository }: LayerRecord): boolean =>
      stored.some((record) => record.digest === digest && record.sourceRepository === sourceRepository);
    const records = [...stored, ...own.filter((record) => !isStored(record))];
    return fixed === undefined ? records : records.filter(({ digest }) => digest === fixed.digest);
  }

  /** Notes that the repository has the blob. It is on the disk when the push ends. */
  add(blob: BlobToPush, { digest, size }: ProvenIdentity): void {
    // Bytes whose digest was unknown when the push was planned, and that are not docker's gzip form, stand under their
    // own digest.
    const key = blob.recordKey ?? digest;
    const record = { digest, sourceRepository: this.#repository };
    this.#delivered.set(key, [...(this.#delivered.get(key) ?? []), { ...record, hmac: '' }]);
    this.#note((store) =>
      Promise.all([store.tagAndAdd(key, this.#hmacKey, record), store.rememberBlobSize(digest, size)]),
    );
  }

  /**
   * Forgets what was recorded of digests that this repository was said to have; without names, of all of the blob's.
   */
  async forget(blob: BlobToPush, digests: ReadonlySet<Digest>): Promise<void> {
    for (const record of await this.records(blob)) {
      if (record.sourceRepository !== this.#repository) continue;
      if (digests.size === 0 || digests.has(record.digest)) await this.remove(record);
    }
  }

  async remove(record: LayerRecord): Promise<void> {
    for (const [key, records] of this.#delivered) {
      const isOther = ({ digest, sourceRepository }: LayerRecord): boolean =>
        digest !== record.digest || sourceRepository !== record.sourceRepository;
      if (!records.every(isOther)) this.#delivered.set(key, records.filter(isOther));
    }
    await this.#attempt((store) => store.removeLayerRecord(record));
  }

  async size(digest: Digest): Promise<number | undefined> {
    return this.#attempt((store) => store.blobSize(digest));
  }

  /** What was believed of a layer in this repository, with `learn: 'trust'`. */
  async claim(diffID: Digest): Promise<ClaimedIdentity | undefined> {
    const [newest] = (await this.#attempt((store) => store.claims(this.#repository, diffID))) ?? [];
    return newest && claimed(newest);
  }

  keepClaim(diffID: Digest, { digest, size }: ClaimedIdentity): void {
    this.#note((store) => store.addClaim(this.#repository, diffID, { digest, size }));
  }

  /** The TarSum of a layer, as far as registries of old were ever sent it; the hash alone. */
  async tarSum(diffID: Digest): Promise<Digest | undefined> {
    return this.#attempt((store) => store.v1Layer(tarSumSpace, encodedOf(diffID)));
  }

  keepTarSum(diffID: Digest, sum: Digest): void {
    this.#note((store) => store.setV1Layer(tarSumSpace, encodedOf(diffID), sum));
  }

  /**
   * The record of an upload that was begun earlier. Where blobs take turns it stays noted, for whoever has the next one
   * when this process is killed. Elsewhere it is taken away: of all who ask, in this process or another, one gets it.
   */
  async recallSession(subject: string): Promise<SessionRecord | undefined> {
    const own = this.#sessions.get(subject);
    if (this.hasTurns) return (await this.#attempt((store) => store.session(this.#repository, subject))) ?? own;
    this.#sessions.delete(subject);
    // What was taken away and comes too late is put back.
    const putBack = (record: SessionRecord | undefined, store: MetadataStore): unknown =>
      record && store.saveSession(record);
    return (await this.#attempt((store) => store.takeSession(this.#repository, subject), putBack)) ?? own;
  }

  /** Notes how far an upload is, so that this or another process can continue it. */
  async saveSession(subject: string, { location, offset }: Pick<UploadSession, 'location' | 'offset'>): Promise<void> {
    await this.restoreSession({
      repository: this.#repository,
      subject,
      location: location.href,
      offset,
      updatedAt: Date.now(),
    });
  }

  /** Puts a record back that was recalled, and could not be used for now. */
  async restoreSession(record: SessionRecord): Promise<void> {
    this.#sessions.set(record.subject, record);
    await this.#attempt((store) => store.saveSession(record));
  }

  async dropSession(subject: string): Promise<void> {
    this.#sessions.delete(subject);
    await this.#attempt((store) => store.dropSession(this.#repository, subject));
  }

  /** Resolves once all that the push has noted so far is kept, or told as a failure. */
  async settled(): Promise<void> {
    await this.#notes.settled();
  }

  async #attempt<T>(
    work: (store: MetadataStore) => Promise<T>,
    late?: (answer: T, store: MetadataStore) => unknown,
  ): Promise<T | undefined> {
    return await this.#notes.ask(work, this.#onFailure, late);
  }

  #note(work: (store: MetadataStore) => Promise<unknown>): void {
    this.#notes.add(work, this.#onFailure);
  }
}
