import type { EngineContext } from '../../engine/engine-context.ts';
import type { RegisterRoutes } from '../../http/routes.ts';
import { registerPageRoutes } from '../../page/page-routes.ts';
import { statusRoutes } from '../../page/status-routes.ts';
import type { JobService } from '../service/job-service.ts';
import { uploadRoutes } from '../uploads/upload-routes.ts';
import { jobRoutes } from './jobs/job-routes.ts';
import { registerApi } from './register-api.ts';

/** What slipwayd serves beside the Engine API: push jobs, status, and the page that shows it. */
export function slipwayRoutes(jobs: JobService): RegisterRoutes<EngineContext> {
  return (app, context) => {
    registerApi(app, [
      ...jobRoutes(context, jobs),
      ...uploadRoutes(context, jobs.uploads),
      ...statusRoutes(context, jobs),
    ]);
    registerPageRoutes(app, context);
  };
}
