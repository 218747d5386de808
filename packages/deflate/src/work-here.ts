import { compileFunction } from 'node:vm';
import type { WebAssemblyModule } from './web-assembly.ts';

/** Hands a request to what a worker would have run. */
export type Ask = (request: { readonly id: number }) => void;

export interface WorkHereEvents<Answer> {
  /** Whether anyone still waits for the answer to a request, asked right before it is worked on. */
  readonly isWanted: (id: number) => boolean;
  readonly onAnswer: (answer: Answer) => void;
  readonly onFailure: (id: number, error: unknown) => void;
}

/** Modules that the text asks for beside Node's own, by name. */
export type GivenModules = Readonly<Record<string, object>>;

type Listener = (request: object) => void;

/**
 * Runs a worker's text on the calling thread: one request a turn of the event loop, in their order, so that others get
 * their turns too.
 */
export function startHere<Answer>(
  source: string,
  module: WebAssemblyModule,
  { isWanted, onAnswer, onFailure }: WorkHereEvents<Answer>,
  given: GivenModules = {},
): Ask {
  let listener: Listener | undefined;
  const parentPort = {
    on(_event: 'message', listen: Listener): void {
      listener = listen;
    },
    postMessage: onAnswer,
  };
  const threads = { parentPort, workerData: module };
  const moduleOf = (name: string): object | undefined =>
    name === 'node:worker_threads' ? threads : (given[name] ?? process.getBuiltinModule(name));
  const work: Ask = (request) => {
    if (!isWanted(request.id)) return;
    try {
      if (listener === undefined) compileFunction(source, ['require'])(moduleOf);
      listener?.(request);
    } catch (error) {
      onFailure(request.id, error);
    }
  };
  return (request) => void setImmediate(work, request);
}
