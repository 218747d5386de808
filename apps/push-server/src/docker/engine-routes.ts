import type { RegisterRoutes } from '../server.ts';
import { registerSystemRoutes } from './system-routes.ts';

/** The part of the Docker Engine API that surrounds push. */
export const registerEngineRoutes: RegisterRoutes = (app, context) => {
  for (const register of [registerSystemRoutes]) register(app, context);
};
