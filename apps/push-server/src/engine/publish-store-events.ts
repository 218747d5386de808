import type { ImageStoreEvent } from '@slipway/image-store';
import { repositoryOf } from '../security/sight.ts';
import type { EngineEvent, EventLog } from './event-log.ts';

/**
 * Passes the store's events on, in the words of `docker events`: the image is the actor; only a tag is told by its
 * name. An image that is loaded with several names is loaded once, and one that is deleted was of those who saw the
 * names that it lost before.
 */
export function publishStoreEvents(events: EventLog): (event: ImageStoreEvent) => void {
  /** A load that may have further names, and the names that an image has lost. */
  let loaded: { readonly id: string; readonly repositories: string[] } | undefined;
  let lost: { readonly id: string; readonly repositories: string[] } | undefined;

  const publish = (action: EngineEvent['action'], actor: string, name: string, repositories: readonly string[]): void =>
    events.publish({ action, actor, attributes: { name }, repositories });
  const tellLoad = (): void => {
    if (loaded === undefined) return;
    const { id, repositories } = loaded;
    loaded = undefined;
    publish('load', id, id, repositories);
  };

  return ({ type, id, reference }) => {
    const repositories = [(reference === undefined ? undefined : repositoryOf(reference)) ?? []].flat();
    if (type === 'load' && loaded?.id === id) {
      loaded.repositories.push(...repositories);
      return;
    }
    tellLoad();
    if (type === 'load') {
      loaded = { id, repositories };
      queueMicrotask(tellLoad);
      return;
    }
    const before = lost?.id === id ? lost.repositories : [];
    lost = { id, repositories: [...before, ...repositories] };
    publish(type, id, type === 'tag' ? (reference ?? id) : id, type === 'delete' ? lost.repositories : repositories);
    if (type !== 'untag') lost = undefined;
  };
}
