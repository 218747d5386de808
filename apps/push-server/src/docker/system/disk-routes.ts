import type { Digest } from '@slipway/digest';
import type { StoredImage } from '@slipway/image-store';
import type { EngineContext } from '../../engine/engine-context.ts';
import { queryTexts } from '../../http/query.ts';
import type { RegisterRoutes } from '../../http/routes.ts';
import { type SeenImages, seenImages } from '../../security/seen-images.ts';
import { sightOf } from '../../security/sight.ts';
import { imageSummary } from '../images/image-summary.ts';
import { sharedSizes } from '../images/list-images.ts';
import { sendJSON } from '../stream/send-json.ts';

/**
 * `GET /system/df`: what images take, for `docker system df`. Of containers, volumes and build cache there are none.
 */
export const registerDiskRoutes: RegisterRoutes<Pick<EngineContext, 'store'>> = (app, { store }) => {
  app.get('/system/df', { config: { access: 'read', needsFolder: true } }, async (request, reply) => {
    const types = queryTexts(request, 'type');
    const wants = (type: string): boolean => types.length === 0 || types.includes(type);
    const seen = seenImages(store, request.principal);
    const images = wants('image') ? await seen.list() : [];
    const shared = await sharedSizes(seen, images);
    const layersSize = async (): Promise<number> =>
      sightOf(request.principal).seesAll ? (await store.diskUsage()).bytes : await layerBytes(seen, images);
    return sendJSON(reply, {
      LayersSize: wants('image') ? await layersSize() : 0,
      // No container uses an image: the client takes -1, which lists say, for one that does.
      Images: images.map((image) => ({
        ...imageSummary(image, request.apiVersion, shared.get(image.id) ?? 0),
        Containers: 0,
      })),
      Containers: [],
      Volumes: [],
      BuildCache: [],
    });
  });
};

/** What the layers of these images take, each counted once. */
async function layerBytes(images: Pick<SeenImages, 'inspect'>, listed: readonly StoredImage[]): Promise<number> {
  const sizes = new Map<Digest, number>();
  for (const { id } of listed) {
    for (const { digest, size } of (await images.inspect(id)).layers) sizes.set(digest, size);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
