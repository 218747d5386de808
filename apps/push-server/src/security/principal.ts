import { RequestError } from '../errors.ts';
import { type Action, isAllowed, type Scope } from './scope.ts';

/** Who asks. */
export interface Principal {
  /** For logs, and in jobs: `local`, `loopback`, `token:NAME`, `certificate:NAME`, `oidc:NAME`. */
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** @throws {RequestError} 403 for somebody who is known, and whom nothing gives a right */
export function assertHasRights({ name, scopes }: Principal): void {
  if (scopes.length > 0) return;
  throw new RequestError(403, `forbidden: no rule of this daemon gives ${name} any rights`);
}

/** @throws {RequestError} 403 for a principal that may push nowhere */
export function assertMayPushSomewhere({ name, scopes }: Principal): void {
  if (scopes.some(({ kind }) => kind === 'admin' || kind === 'push')) return;
  throw new RequestError(403, `forbidden: ${name} may not push`);
}

/** @throws {RequestError} 403 */
export function assertAllowed(principal: Principal, action: Action): void {
  if (isAllowed(principal.scopes, action)) return;
  throw new RequestError(403, `forbidden: ${principal.name} may not ${describeAction(action)}`);
}

function describeAction(action: Action): string {
  switch (action.kind) {
    case 'read':
      return 'read';
    case 'all':
      return 'see what is told of everybody';
    case 'see':
      return `see ${action.repository}`;
    case 'load':
      return 'load images';
    case 'save':
      return 'save images';
    case 'job':
      return `change jobs that push to ${action.repository}`;
    case 'admin':
      return 'do this';
    case 'name':
      return `load an image as ${action.repository}`;
    case 'source':
      return `use the image ${action.image}`;
    case 'tag':
      return `tag in ${action.repository}`;
    case 'push':
      return `push to ${action.repository}`;
    case 'login':
      return `log in to ${action.registry}`;
    default:
      return action satisfies never;
  }
}
