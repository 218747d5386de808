/**
 * Token scopes as one request may name them: each resource once, with the actions of all its entries, and in the order
 * of the first ones. Token servers keep only the first entry of a repository, or only the last
 * (GoogleContainerTools/kaniko#181).
 */
export function mergeScopes(scopes: readonly string[]): readonly string[] {
  const merged = new Map<string, string[]>();
  for (const scope of scopes) {
    if (scope === '') continue;
    const { resource, actions } = splitScope(scope);
    const known = merged.get(resource);
    if (known === undefined) merged.set(resource, [...new Set(actions)]);
    else known.push(...actions.filter((action) => !known.includes(action)));
  }
  return [...merged].map(([resource, actions]) =>
    actions.length === 0 ? resource : `${resource}:${actions.join(',')}`,
  );
}

/** Whether a scope is within others, whatever the order of its actions. */
export function isCovered(scope: string, scopes: readonly string[]): boolean {
  const { resource, actions } = splitScope(scope);
  const granted = scopes.map(splitScope).filter((other) => other.resource === resource);
  if (granted.length === 0) return false;
  return actions.every((action) =>
    granted.some(({ actions: others }) => others.includes(action) || others.includes('*')),
  );
}

interface Scope {
  /** `repository:host:5000/app`; the whole scope where it has no actions. */
  readonly resource: string;
  readonly actions: readonly string[];
}

/** `repository:host:5000/app:pull,push`: the actions follow the last colon. */
function splitScope(scope: string): Scope {
  const colon = scope.lastIndexOf(':');
  if (colon < 0) return { resource: scope, actions: [] };
  return { resource: scope.slice(0, colon), actions: scope.slice(colon + 1).split(',') };
}
