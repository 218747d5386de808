import type { EngineContext } from '../../../engine/engine-context.ts';
import type { JobService } from '../../service/job-service.ts';
import type { ApiRoute } from '../api-route.ts';
import { steerRoutes } from './steer-routes.ts';
import { submitRoutes } from './submit-routes.ts';
import { viewRoutes } from './view-routes.ts';

type JobNeeds = Pick<
  EngineContext,
  'config' | 'activity' | 'disk' | 'folder' | 'spoolFolder' | 'audit' | 'store' | 'pushes' | 'egress'
>;

/** Submission, status, events, cancellation, list: `/slipway/v1/jobs`. */
export function jobRoutes(context: JobNeeds, jobs: JobService): readonly ApiRoute[] {
  return [...submitRoutes(context, jobs), ...viewRoutes(context, jobs), ...steerRoutes(context, jobs)];
}
