import { registerPageRoutes } from '../page/page-routes.ts';
import { statusRoutes } from '../page/status-routes.ts';
import type { RegisterRoutes } from '../server.ts';
import { jobRoutes } from './job-routes.ts';
import type { JobService } from './job-service.ts';
import { registerApi } from './register-api.ts';

/** What slipwayd serves beside the Engine API: push jobs, status, and the page that shows it. */
export function slipwayRoutes(jobs: JobService): RegisterRoutes {
  return (app, context) => {
    registerApi(app, [...jobRoutes(context, jobs), ...statusRoutes(context, jobs)]);
    registerPageRoutes(app, context);
  };
}
