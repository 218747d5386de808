import type { EngineContext } from '../engine/engine-context.ts';
import type { RegisterRoutes } from '../http/routes.ts';
import { registerImageRoutes } from './images/image-routes.ts';
import { registerAuthRoutes } from './system/auth-routes.ts';
import { registerDiskRoutes } from './system/disk-routes.ts';
import { registerEventRoutes } from './system/event-routes.ts';
import { registerSystemRoutes } from './system/system-routes.ts';

/** The part of the Docker Engine API that surrounds push. */
export const registerEngineRoutes: RegisterRoutes<EngineContext> = (app, context) => {
  registerSystemRoutes(app, context);
  registerAuthRoutes(app, context);
  registerEventRoutes(app, context);
  registerImageRoutes(app, context);
  registerDiskRoutes(app, context);
};
