import type { Digest } from '@slipway/digest';
import type { ClaimedIdentity, PresenceProof, ProvenIdentity } from '../knowledge.ts';

/** A blob that the repository has, and how that is known. */
export interface PresentBlob {
  readonly identity: ProvenIdentity;
  readonly how: PresenceProof;
}

/**
 * What one push knows of one repository. It begins empty and ends with the push: nothing here outlives the registry's
 * word.
 */
export class Presence {
  readonly #blobs = new Map<string, PresentBlob>();
  readonly #claims = new Map<Digest, ClaimedIdentity>();
  /** Digests that the registry said it has, and has not. */
  readonly #missing = new Set<Digest>();
  /** Digests under which the registry has shown other bytes. */
  readonly #damaged = new Set<Digest>();
  readonly #listed = new Set<Digest>();
  readonly #isForced: boolean;
  #trustsNothing: boolean;
  #isRepositoryUnknown = false;

  /** @param trustsNothing whether everything is sent, whatever the registry says it has (`force`) */
  constructor(trustsNothing: boolean) {
    this.#isForced = trustsNothing;
    this.#trustsNothing = trustsNothing;
  }

  /** The blob of this key, where this push has sent or seen it. */
  blob(key: string): PresentBlob | undefined {
    return this.#blobs.get(key);
  }

  /** Takes note of a blob that is there. What this push has sent stays sent, also where it is then found. */
  note(key: string, identity: ProvenIdentity, how: PresenceProof): void {
    if (this.#blobs.get(key)?.how !== 'sent') this.#blobs.set(key, { identity, how });
  }

  /** Whether this push has sent a blob to this repository. */
  get hasSent(): boolean {
    return [...this.#blobs.values()].some(({ how }) => how === 'sent');
  }

  /**
   * Whether this push has sent any of these, or, where the registry names none, anything: replicas may be a moment
   * behind.
   */
  mayBeOnItsWay(missing: ReadonlySet<Digest>): boolean {
    const seen = new Set<Digest>();
    for (const { identity, how } of this.#blobs.values()) if (how === 'seen') seen.add(identity.digest);
    return this.hasSent && (missing.size === 0 || [...missing].some((digest) => !seen.has(digest)));
  }

  /** Whether the registry has said in this push that it knows no repository of this name. */
  get isRepositoryUnknown(): boolean {
    return this.#isRepositoryUnknown;
  }

  noteRepositoryUnknown(): void {
    this.#isRepositoryUnknown = true;
  }

  /** What somebody's manifest in this repository says a layer is. */
  get claims(): ReadonlyMap<Digest, ClaimedIdentity> {
    return this.#claims;
  }

  addClaim(diffID: Digest, claim: ClaimedIdentity): void {
    this.#claims.set(diffID, claim);
  }

  /** Forgets the claims that were not used. */
  dropClaims(): void {
    this.#claims.clear();
  }

  /** Whether the registry has answered, when it took this manifest, that it lists it as a referrer of its subject. */
  listsByItself(manifest: Digest): boolean {
    return this.#listed.has(manifest);
  }

  noteListed(manifest: Digest): void {
    this.#listed.add(manifest);
  }

  /** Whether the registry's word counts that it has this digest. */
  believes(digest: Digest | undefined): boolean {
    return !this.#trustsNothing && (digest === undefined || !this.#missing.has(digest));
  }

  /** The registry has other bytes under this digest: its word that it has the blob does not count. */
  noteDamaged(digest: Digest): void {
    this.#damaged.add(digest);
    this.#missing.add(digest);
  }

  /** Whether a blob is looked at once it was sent: it may have been damaged, and stay so. */
  isDoubted(digest: Digest): boolean {
    return this.#isForced || this.#damaged.has(digest);
  }

  /** Whether any "yes" of the registry may be asked for. */
  get believesAnything(): boolean {
    return !this.#trustsNothing;
  }

  /** The registry has refused a manifest because it lacks these; without names, everything counts as missing. */
  lost(digests: ReadonlySet<Digest>): void {
    if (digests.size === 0) {
      this.#trustsNothing = true;
      this.#blobs.clear();
      return;
    }
    for (const digest of digests) this.#missing.add(digest);
    for (const [key, { identity }] of this.#blobs) if (digests.has(identity.digest)) this.#blobs.delete(key);
  }
}
