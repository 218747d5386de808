import type { EngineContext } from '../engine/engine-context.ts';
import type { RegisterRoutes } from '../http/routes.ts';
import { registerAuthRoutes } from './auth-routes.ts';
import { registerDiskRoutes } from './disk-routes.ts';
import { registerEventRoutes } from './event-routes.ts';
import { registerImageRoutes } from './image-routes.ts';
import { registerSystemRoutes } from './system-routes.ts';

/** The part of the Docker Engine API that surrounds push. */
export const registerEngineRoutes: RegisterRoutes<EngineContext> = (app, context) => {
  registerSystemRoutes(app, context);
  registerAuthRoutes(app, context);
  registerEventRoutes(app, context);
  registerImageRoutes(app, context);
  registerDiskRoutes(app, context);
};
