import { type Digest, encodedOf } from '@slipway/digest';
import type { LayerRecord, MetadataStore, SessionRecord } from '@slipway/metadata-store';
import type { UploadSession } from '@slipway/registry-client';
import type { BlobIdentity } from '../form/form.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';

/** Stands where the store has a registry's name; Docker had a file `checksum` beside each layer. */
const tarSumSpace = 'tarsum.v1';

/** What is remembered of blobs in one repository under one set of credentials. A store that fails is worked around: it never fails a push. */
export class BlobMemory {
  readonly #store: MetadataStore | undefined;
  readonly #repository: string;
  readonly #hmacKey: Uint8Array | undefined;
  readonly #onFailure: (error: unknown) => void;
  /** Uploads of this push: they are continued also where nothing is remembered from one run to the next. */
  readonly #sessions = new Map<string, SessionRecord>();

  /** @param repository canonical name with its domain */
  constructor(
    store: MetadataStore | undefined,
    repository: string,
    hmacKey: Uint8Array | undefined,
    onFailure: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#repository = repository;
    this.#hmacKey = hmacKey;
    this.#onFailure = onFailure;
  }

  /** Records that could stand for this blob, oldest first; where only given bytes will do, those of that digest. */
  async records(blob: BlobToPush): Promise<readonly LayerRecord[]> {
    const { recordKey, fixed } = blob;
    if (recordKey === undefined) return [];
    const records = (await this.#attempt((store) => store.layerRecords(recordKey))) ?? [];
    return fixed === undefined ? records : records.filter(({ digest }) => digest === fixed.digest);
  }

  /** Notes that the repository has the blob. */
  async add(blob: BlobToPush, { digest, size }: BlobIdentity): Promise<void> {
    // Bytes whose digest was unknown when the push was planned, and that are not docker's gzip form, stand under their own digest.
    const key = blob.recordKey ?? digest;
    await this.#attempt((store) =>
      Promise.all([
        store.tagAndAdd(key, this.#hmacKey, { digest, sourceRepository: this.#repository }),
        store.rememberBlobSize(digest, size),
      ]),
    );
  }

  async remove(record: LayerRecord): Promise<void> {
    await this.#attempt((store) => store.removeLayerRecord(record));
  }

  async size(digest: Digest): Promise<number | undefined> {
    return this.#attempt((store) => store.blobSize(digest));
  }

  /** The TarSum of a layer, as far as registries of old were ever sent it; the hash alone. */
  async tarSum(diffID: Digest): Promise<Digest | undefined> {
    return this.#attempt((store) => store.v1Layer(tarSumSpace, encodedOf(diffID)));
  }

  async keepTarSum(diffID: Digest, sum: Digest): Promise<void> {
    await this.#attempt((store) => store.setV1Layer(tarSumSpace, encodedOf(diffID), sum));
  }

  /** Takes the record of an upload that was begun earlier: whoever has it continues it, nobody else does. */
  async takeSession(subject: string): Promise<SessionRecord | undefined> {
    const own = this.#sessions.get(subject);
    const known = await this.#attempt((store) => store.session(this.#repository, subject));
    await this.dropSession(subject);
    return known ?? own;
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

  /** Puts a record back that was taken, and could not be used for now. */
  async restoreSession(record: SessionRecord): Promise<void> {
    this.#sessions.set(record.subject, record);
    await this.#attempt((store) => store.saveSession(record));
  }

  async dropSession(subject: string): Promise<void> {
    this.#sessions.delete(subject);
    await this.#attempt((store) => store.dropSession(this.#repository, subject));
  }

  async #attempt<T>(work: (store: MetadataStore) => Promise<T>): Promise<T | undefined> {
    if (this.#store === undefined) return undefined;
    try {
      return await work(this.#store);
    } catch (error) {
      this.#onFailure(error);
      return undefined;
    }
  }
}
