import type { ImageStore } from '@slipway/image-store';
import type { SpaceReserve } from './space-reserve.ts';

/** An image store whose deletions do not need room that a full disk has not got. */
export function roomyStore(store: ImageStore, { makingRoom }: Pick<SpaceReserve, 'makingRoom'>): ImageStore {
  return {
    folder: store.folder,
    load: (...args) => store.load(...args),
    tag: (...args) => store.tag(...args),
    addDigest: (...args) => store.addDigest(...args),
    list: (...args) => store.list(...args),
    inspect: (...args) => store.inspect(...args),
    tagsOf: (...args) => store.tagsOf(...args),
    delete: (...args) => makingRoom(() => store.delete(...args)),
    save: (...args) => store.save(...args),
    open: (...args) => store.open(...args),
    hold: (...args) => store.hold(...args),
    openHeld: (...args) => store.openHeld(...args),
    release: (...args) => makingRoom(() => store.release(...args)),
    heldKeys: () => store.heldKeys(),
    collectGarbage: (...args) => makingRoom(() => store.collectGarbage(...args)),
    diskUsage: (...args) => store.diskUsage(...args),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
