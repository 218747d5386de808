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

/** Work in parts, between which others get their turns. */
type Turns = Iterator<unknown, unknown>;

/**
 * Runs a worker's text on the calling thread: requests in their order, one a turn of the event loop, or one part of it
 * where the text hands its parts to `parentPort.takeTurns`.
 */
export function startHere<Answer>(
  source: string,
  module: WebAssemblyModule,
  { isWanted, onAnswer, onFailure }: WorkHereEvents<Answer>,
  given: GivenModules = {},
): Ask {
  const line: { readonly id: number }[] = [];
  let listener: Listener | undefined;
  let turns: Turns | undefined;
  const parentPort = {
    on(_event: 'message', listen: Listener): void {
      listener = listen;
    },
    postMessage: onAnswer,
    takeTurns(ofRequest: Turns): void {
      turns = ofRequest;
    },
  };
  const threads = { parentPort, workerData: module };
  const moduleOf = (name: string): object | undefined =>
    name === 'node:worker_threads' ? threads : (given[name] ?? process.getBuiltinModule(name));
  const begin = (request: object): void => {
    if (listener === undefined) compileFunction(source, ['require'])(moduleOf);
    listener?.(request);
  };
  const takeTurn = (): void => {
    const request = line[0] as { readonly id: number };
    try {
      if (turns === undefined && isWanted(request.id)) begin(request);
      if (turns?.next().done !== false) turns = undefined;
    } catch (error) {
      turns = undefined;
      onFailure(request.id, error);
    }
    if (turns === undefined) line.shift();
    if (line.length > 0) setImmediate(takeTurn);
  };
  return (request) => {
    line.push(request);
    if (line.length === 1) setImmediate(takeTurn);
  };
}
