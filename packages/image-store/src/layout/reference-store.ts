import { ArgumentError } from '@slipway/arguments';
import { algorithmOf, type Digest, isDigest } from '@slipway/digest';
import { encodeGoJSON, sortedMap } from '@slipway/manifest';
import {
  canonicalName,
  familiarName,
  familiarString,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '@slipway/reference';
import { ImageStoreError } from '../errors.ts';

/** A reference and the image it stands for. */
export interface Association {
  readonly reference: Reference;
  /** Image ID. */
  readonly id: Digest;
}

/** What becomes of a tag that names another image. */
export interface AddTagOptions {
  /** Moves the tag when another image has it. @default false */
  readonly force?: boolean | undefined;
}

/**
 * Which tag and which digest of which repository is which image, with the rules, texts and file format of Docker's own.
 * Holds everything in memory and touches no disk.
 *
 * @see https://github.com/moby/moby/blob/v28.5.2/daemon/internal/refstore/store.go
 */
export class ReferenceStore {
  /** By familiar name, then by familiar string. */
  readonly #repositories = new Map<string, Map<string, Association>>();

  /**
   * Reads what {@link encode} wrote. Entries that are no references or no digests are left out, as Docker does not find
   * them either.
   *
   * @throws {SyntaxError} when the text is not JSON
   */
  static parse(text: string): ReferenceStore {
    const store = new ReferenceStore();
    const { Repositories: repositories } = (JSON.parse(text) ?? {}) as { readonly Repositories?: unknown };
    for (const entries of valuesOf(repositories)) {
      for (const [name, id] of Object.entries(isRecord(entries) ? entries : {})) {
        const reference = parsed(name);
        if (reference && isDigest(id)) store.#put({ reference, id });
      }
    }
    return store;
  }

  /** The content of `repositories.json`: compact, keys sorted, no newline at the end. */
  encode(): string {
    const repositories = [...this.#repositories].map(([name, entries]) => {
      const ids = Object.fromEntries([...entries].map(([text, { id }]) => [text, id]));
      return [name, sortedMap(ids)] as const;
    });
    return encodeGoJSON({ Repositories: sortedMap(Object.fromEntries(repositories)) });
  }

  /** A copy that may go its own way. */
  clone(): ReferenceStore {
    const copy = new ReferenceStore();
    for (const association of this.all()) copy.#put(association);
    return copy;
  }

  /**
   * Names an image. A reference without a tag means `latest`.
   *
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_REFERENCE`, or `ERR_IMAGE_STORE_CONFLICT` when another image has the tag
   * and nothing is forced.
   */
  addTag(reference: Reference, id: Digest, { force = false }: AddTagOptions = {}): void {
    if (reference.digest !== undefined) {
      throw new ImageStoreError('ERR_IMAGE_STORE_REFERENCE', 'refusing to create a tag with a digest reference');
    }
    const tagged = withDefaultTag(reference);
    const before = this.#add(tagged, id);
    if (before !== undefined && before !== id && !force) {
      throw new ImageStoreError(
        'ERR_IMAGE_STORE_CONFLICT',
        `tag ${familiarString(tagged)} is already set to image ${before}, use the force option to replace it`,
      );
    }
    this.#put({ reference: tagged, id });
  }

  /**
   * Notes that a registry knows an image by this digest. A tag beside the digest is dropped.
   *
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_CONFLICT` when it is noted for another image: no force helps.
   */
  addDigest(reference: Reference, id: Digest): void {
    const digested = favourDigest(reference);
    if (digested.digest === undefined) {
      throw new ArgumentError('reference', `Expected \`reference\` to have a digest, got ${familiarString(reference)}`);
    }
    const before = this.#add(digested, id);
    if (before !== undefined && before !== id) {
      throw new ImageStoreError('ERR_IMAGE_STORE_CONFLICT', `cannot overwrite digest ${digested.digest}`);
    }
    this.#put({ reference: digested, id });
  }

  /** @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND` when it is not there. */
  delete(reference: Reference): void {
    const key = withDefaultTag(favourDigest(reference));
    const name = familiarName(key);
    const entries = this.#repositories.get(name);
    if (!entries?.delete(familiarString(key))) throw doesNotExist();
    if (entries.size === 0) this.#repositories.delete(name);
  }

  /**
   * The image ID that a reference stands for.
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND` when it is not there.
   */
  get(reference: Reference): Digest {
    const id = this.find(reference);
    if (id === undefined) throw doesNotExist();
    return id;
  }

  /** The same; undefined when it is not there. By digest alone where there is one, else by tag, `latest` by default. */
  find(reference: Reference): Digest | undefined {
    const key = withDefaultTag(favourDigest(reference));
    return this.#repositories.get(familiarName(key))?.get(familiarString(key))?.id;
  }

  /** All references of one image, sorted by their full text. */
  references(id: Digest): readonly Reference[] {
    return sorted([...this.all()].filter((association) => association.id === id)).map(({ reference }) => reference);
  }

  /** All entries of one repository, sorted by their full text: the order in which all tags are pushed. */
  referencesByName(reference: Reference): readonly Association[] {
    return sorted([...(this.#repositories.get(familiarName(reference))?.values() ?? [])]);
  }

  /** Every entry, in no order. */
  *all(): Iterable<Association> {
    for (const entries of this.#repositories.values()) yield* entries.values();
  }

  /** The image that has the reference now. */
  #add(reference: Reference, id: Digest): Digest | undefined {
    if (familiarName(reference) === algorithmOf(id)) {
      const message = 'refusing to create an ambiguous tag using digest algorithm as name';
      throw new ImageStoreError('ERR_IMAGE_STORE_REFERENCE', message);
    }
    return this.find(reference);
  }

  #put(association: Association): void {
    const name = familiarName(association.reference);
    const entries = this.#repositories.get(name) ?? new Map<string, Association>();
    entries.set(familiarString(association.reference), association);
    this.#repositories.set(name, entries);
  }
}

/** Whether two references are of one repository. */
export function isSameRepository(a: Reference, b: Reference): boolean {
  return canonicalName(a) === canonicalName(b);
}

function favourDigest(reference: Reference): Reference {
  return reference.digest === undefined ? reference : { ...reference, tag: undefined };
}

function sorted(associations: readonly Association[]): readonly Association[] {
  const keyed = associations.map((association) => ({ key: formatReference(association.reference), association }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key))); // references are ASCII: units are bytes
  return keyed.map(({ association }) => association);
}

function doesNotExist(): ImageStoreError {
  return new ImageStoreError('ERR_IMAGE_STORE_NOT_FOUND', 'reference does not exist');
}

function parsed(text: string): Reference | undefined {
  try {
    return withDefaultTag(parseReference(text));
  } catch {
    return undefined;
  }
}

function valuesOf(value: unknown): readonly unknown[] {
  return isRecord(value) ? Object.values(value) : [];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
