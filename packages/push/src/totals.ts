import type { PlannedBlob, PushEvent, PushTotals } from './events.ts';

/** Adds up what the events of one destination tell. */
export class TotalsCounter {
  readonly #sent = new Map<string, number>();
  readonly #planned = new Map<string, PlannedBlob>();
  #earlier = 0;
  #totals = { existed: 0, mounted: 0, uploaded: 0, skipped: 0 };

  count(event: PushEvent): void {
    switch (event.type) {
      case 'blob:progress': {
        const before = this.#sent.get(event.blob.key) ?? 0;
        // an attempt that began again: its bytes went over the wire all the same
        if (event.sent < before) this.#earlier += before;
        this.#sent.set(event.blob.key, event.sent);
        break;
      }
      case 'blob:resumed':
        // What the registry had before this process began is not sent by it.
        this.#earlier += (this.#sent.get(event.blob.key) ?? 0) - event.offset;
        this.#sent.set(event.blob.key, event.offset);
        break;
      case 'blob:existed':
        this.#totals.existed += 1;
        break;
      case 'blob:mounted':
        this.#totals.mounted += 1;
        break;
      case 'blob:pushed':
        this.#totals.uploaded += 1;
        this.#sent.set(event.blob.key, event.size);
        break;
      case 'blob:skipped':
        this.#totals.skipped += 1;
        break;
      case 'blob:planned': {
        const { blob, action, reason, from, digest, size } = event;
        this.#planned.set(blob.key, { role: blob.role, action, reason, from, digest, size });
        break;
      }
      default:
    }
  }

  /** What a dry run has planned so far, in its order. */
  planned(): readonly PlannedBlob[] {
    return [...this.#planned.values()];
  }

  now(): PushTotals {
    const sent = [...this.#sent.values()].reduce((sum, bytes) => sum + bytes, 0);
    const planned = this.planned();
    const count = (action: PlannedBlob['action']): number => planned.filter((blob) => blob.action === action).length;
    const { existed, mounted, uploaded, skipped } = this.#totals;
    return {
      existed: existed + count('exists'),
      mounted: mounted + count('mount'),
      uploaded,
      skipped: skipped + count('skip'),
      bytesToSend: planned.reduce((sum, { action, size }) => sum + (action === 'upload' ? size : 0), 0),
      bytesSent: sent + this.#earlier,
    };
  }
}
