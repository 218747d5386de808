import { jsonOf, memberOf } from '../answers/loose-json.ts';
import { RegistryError, type RegistryErrorCode } from '../errors.ts';
import type { Answer } from '../http/answer/answer.ts';
import { readErrorText } from '../http/answer/error-text.ts';
import { redactURL } from '../http/redirect/redact-url.ts';

/** A v1 registry's answer that was not asked for, with its body read. */
export interface V1Refusal {
  readonly answer: Answer;
  /** At most 64 KiB of the body, without what the request must keep to itself. */
  readonly body: string;
}

/** Reads what a refusal says. */
export async function readRefusal(answer: Answer): Promise<V1Refusal> {
  return { answer, body: await readErrorText(answer) };
}

/** Whether the registry says that it has the image, complete. */
export function isAlreadyThere({ body }: V1Refusal): boolean {
  return memberOf(jsonOf(body), 'error') === 'Image already exists';
}

/** An error in Docker's words, with what was asked before them. */
export function v1Error({ answer }: V1Refusal, dockerMessage: string, hint?: string): RegistryError {
  const { status, method, url } = answer;
  return new RegistryError(`${method} ${redactURL(url)} answered ${status}: ${oneLine(dockerMessage)}`, {
    code: codeOf(status),
    status,
    dockerMessage,
    transient: status === 408 || status === 429 || status >= 500,
    hint: hint ?? (status === 401 ? 'log in first: slipway login HOST' : undefined),
  });
}

/** That the registry has nothing of v1, with Docker's text for it. */
export function noV1Error({ answer, body }: V1Refusal, repository: string): RegistryError {
  const { status, method, url } = answer;
  return new RegistryError(`${method} ${redactURL(url)} answered ${status}: the registry does not speak v1`, {
    code: 'ERR_REGISTRY_UNSUPPORTED',
    operation: 'push-v1',
    status,
    dockerMessage: `Error: Status ${status} trying to push repository ${repository}: ${quoted(body)}`,
    hint: 'registries of today speak v2: leave out `protocol: v1` and `format: v1`',
  });
}

/** A body as Go quotes it. */
export function quoted(body: string): string {
  return JSON.stringify(body.trim());
}

/** Docker shows what its JSON parser said of a body that is none. */
export function quotedOrParserError(body: string): string {
  try {
    JSON.parse(body);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return quoted(body);
}

function codeOf(status: number): RegistryErrorCode {
  if (status === 401) return 'ERR_REGISTRY_UNAUTHORIZED';
  if (status === 403) return 'ERR_REGISTRY_DENIED';
  if (status === 404) return 'ERR_REGISTRY_NOT_FOUND';
  if (status === 429) return 'ERR_REGISTRY_RATE_LIMITED';
  return status === 408 || status >= 500 ? 'ERR_REGISTRY_UNAVAILABLE' : 'ERR_REGISTRY_UNEXPECTED';
}

function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > 400 ? `${line.slice(0, 400)}…` : line;
}
