/** What a machine can run out of while it works. */
export type MachineLimit = 'file handles' | 'memory' | 'threads';

const limits: ReadonlyMap<string, MachineLimit> = new Map<string, MachineLimit>([
  ['EMFILE', 'file handles'],
  ['ENFILE', 'file handles'],
  ['ENOMEM', 'memory'],
  ['ERR_WORKER_OUT_OF_MEMORY', 'memory'],
  ['ERR_DEFLATE_WORKER', 'threads'],
  ['ERR_WORKER_INIT_FAILED', 'threads'],
]);

/**
 * What this machine has run out of, as an error or its causes say; undefined when it was something else. It says
 * nothing about the bytes that were read, or about whom they were sent to.
 */
export function machineLimitOf(error: unknown): MachineLimit | undefined {
  return limitIn(error, new Set());
}

/** What to do about it. */
export function machineHint(limit: MachineLimit): string {
  return hints[limit];
}

const hints: Readonly<Record<MachineLimit, string>> = Object.freeze({
  'file handles': 'no file handle is left: raise the limit (`ulimit -n`), or do less at once',
  memory: 'no memory is left: raise the limit (`ulimit -v`, or the container’s), or do less at once',
  threads: 'no thread is left: raise the limit (`ulimit -u`, or the container’s), or do less at once',
});

/** Of several that were tried, as addresses are, one that says so. A ring of causes ends the walk. */
function limitIn(error: unknown, seen: Set<Error>): MachineLimit | undefined {
  if (!(error instanceof Error) || seen.has(error)) return undefined;
  seen.add(error);
  const { code } = error as { readonly code?: unknown };
  const limit = typeof code === 'string' ? limits.get(code) : undefined;
  if (limit !== undefined) return limit;
  if (isAllocationError(error) || isWebAssemblyError(error)) return 'memory';
  const causes = [error.cause, ...(error instanceof AggregateError ? error.errors : [])];
  return causes.map((cause) => limitIn(cause, seen)).find((found) => found !== undefined);
}

function isAllocationError(error: Error): boolean {
  return error instanceof RangeError && /allocation failed|out of memory|WebAssembly/i.test(error.message);
}

/** By name, as an error that comes from a worker thread is a copy of what was thrown there. */
function isWebAssemblyError({ name, stack }: Error): boolean {
  return name === 'CompileError' || name === 'LinkError' || (name === 'RuntimeError' && /wasm/.test(stack ?? 'wasm'));
}
