import { assertArgument, type Kind, kind } from '@slipway/arguments';
import { type RegistryError, registryErrorOf } from '../errors.ts';
import { closedBeforeTLS } from '../http/connection/tls-sentence.ts';
import { systemCodeOf } from './system-code.ts';

const anError: Kind = kind('an error', (value) => value instanceof Error);

/** How far a way to a registry led. */
const steps = {
  /** The other side was reached, and speaks the other of http and https: says nothing where that was tried. */
  wrongScheme: 0,
  unknownName: 1,
  noConnection: 2,
  connection: 3,
  /** TLS was agreed on, or refused with a reason; or a proxy said that it does not lead there. */
  conversation: 4,
  answer: 5,
} as const;

/**
 * Which failure to tell when a registry was tried over https and then over http: that of the way that led further. Of
 * two that led equally far it is the later one, as docker has it.
 *
 * @param earlier undefined for the first try
 * @throws {ArgumentError} `ERR_ARGUMENT`
 */
export function furtherFailure<E extends Error>(earlier: Error | undefined, later: E): Error | E {
  assertArgument('later', later, anError);
  if (earlier === undefined) return later;
  assertArgument('earlier', earlier, anError);
  return stepOf(earlier) > stepOf(later) ? earlier : later;
}

function stepOf(failure: Error): number {
  const error = registryErrorOf(failure);
  if (error === undefined) return steps.answer; // no matter of the network
  const { reason = '', hasAnswered } = error;
  if (isWrongScheme(error)) return steps.wrongScheme;
  if (hasAnswered) return steps.answer;
  if (reason === 'tls' || reason.startsWith('ERR_PROXY_')) return steps.conversation;
  if (reason === 'ENOTFOUND' || reason.startsWith('EAI_')) return steps.unknownName;
  if (isBroken(error)) return isAfterTLS(error) ? steps.conversation : steps.connection;
  return steps.noConnection;
}

function isWrongScheme({ reason, message }: RegistryError): boolean {
  return reason === 'https-expected' || (reason === 'tls' && message.includes('does not speak TLS'));
}

/** The connection stood, and then broke or fell silent. */
function isBroken({ reason = '', cause }: RegistryError): boolean {
  if (reason === 'timeout') return systemCodeOf(cause) !== 'UND_ERR_CONNECT_TIMEOUT';
  return reason === 'ECONNRESET' || reason === 'EPIPE' || reason === 'ECONNABORTED';
}

/** Who misses a client certificate (TLS 1.3) hangs up once TLS is agreed on; earlier endings are told as such. */
function isAfterTLS({ message }: RegistryError): boolean {
  return / https:\/\//.test(message) && !message.includes(closedBeforeTLS);
}
