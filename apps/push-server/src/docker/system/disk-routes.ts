import type { EngineContext } from '../../engine/engine-context.ts';
import { queryTexts } from '../../http/query.ts';
import type { RegisterRoutes } from '../../http/routes.ts';
import { imageSummary } from '../images/image-summary.ts';
import { sharedSizes } from '../images/list-images.ts';
import { sendJSON } from '../stream/send-json.ts';

/**
 * `GET /system/df`: what images take, for `docker system df`. Of containers, volumes and build cache there are none.
 */
export const registerDiskRoutes: RegisterRoutes<Pick<EngineContext, 'store'>> = (app, { store }) => {
  app.get('/system/df', { config: { access: 'read' } }, async (request, reply) => {
    const types = queryTexts(request, 'type');
    const wants = (type: string): boolean => types.length === 0 || types.includes(type);
    const images = wants('image') ? await store.list() : [];
    const shared = await sharedSizes(store, images);
    return sendJSON(reply, {
      LayersSize: wants('image') ? (await store.diskUsage()).bytes : 0,
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
