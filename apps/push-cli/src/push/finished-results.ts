import type { PushEvent, PushResult } from '@slipway/push';
import { familiarName, type Reference } from '@slipway/reference';

type Pushed = Extract<PushResult, { readonly ok: true }>;

/** What of a push is in place, as its events tell it: a push that is interrupted returns no results. */
export class FinishedResults {
  readonly #asked: readonly Reference[];
  readonly #manifests = new Map<string, Pick<Pushed, 'mediaType' | 'size' | 'unchanged'>>();
  readonly #finished = new Map<string, Pushed>();

  /** @param asked destinations; those without a tag stand for every tag that is pushed there */
  constructor(asked: readonly Reference[]) {
    this.#asked = asked;
  }

  onEvent(event: PushEvent): void {
    if (event.type !== 'manifest:pushed' && event.type !== 'push:finished') return;
    const key = `${event.destination} ${event.tag ?? event.digest}`;
    if (event.type === 'manifest:pushed') {
      const { mediaType, size, unchanged } = event;
      this.#manifests.set(key, { mediaType, size, unchanged });
      return;
    }
    const manifest = this.#manifests.get(key);
    const asked = this.#asked.find((reference) => familiarName(reference) === event.destination);
    if (manifest === undefined || asked === undefined) return;
    const { tag, digest, totals } = event;
    const reference = { ...asked, tag, digest: tag === undefined ? digest : undefined };
    this.#finished.set(key, { ok: true, reference, digest, totals, ...manifest });
  }

  /** What is in place of a destination that was asked for: of one without a tag, several. */
  at(asked: Reference): readonly Pushed[] {
    return [...this.#finished.values()].filter((result) => isAt(asked, result));
  }
}

function isAt(asked: Reference, { reference, digest }: Pushed): boolean {
  if (familiarName(asked) !== familiarName(reference)) return false;
  if (asked.tag !== undefined) return asked.tag === reference.tag;
  return asked.digest === undefined || asked.digest === digest;
}
