import { printable, referenceHint } from '@slipway/client/program';
import { InvalidReferenceError, type ReferenceRule } from '@slipway/reference';
import { adviceFor } from './advice.ts';
import { causesOf, errorCodeOf } from './exit-code.ts';
import { inFlags } from './in-flags.ts';

/** A failure as it is told to a person or a program. */
export interface Problem {
  /** `ERR_…`, or a system error's own code. */
  readonly code: string | undefined;
  readonly message: string;
  /** What to do about it, if that is known. */
  readonly hint: string | undefined;
}

/** What to say of an error: its message, the most telling code of its causes, and what to do. */
export function problemOf(error: unknown): Problem {
  const chain = causesOf(error);
  const code =
    chain.map(errorCodeOf).find((found) => found !== undefined && !wrappers.has(found)) ?? errorCodeOf(chain[0]);
  const isClients = code?.startsWith('ERR_CLIENT_') === true;
  const malformed = chain[0] instanceof InvalidReferenceError ? chain[0] : undefined;
  const message = malformed === undefined ? messageOf(error, chain) : withInput(malformed);
  const hint = malformed === undefined ? inFlags(adviceFor(chain)) : hintOn(malformed);
  return { code, message: printable(isClients ? inFlags(message) : message), hint };
}

/** The lines for standard error: `slipway: …`, a hint, and with `verbose` the chain of causes. Never a stack trace. */
export function problemLines(error: unknown, { verbose = false, subject }: ProblemLineOptions = {}): readonly string[] {
  const { message, hint } = problemOf(error);
  const lines = [`slipway: ${subject === undefined ? '' : `${printable(subject)}: `}${message}`];
  if (hint !== undefined) lines.push(`  hint: ${printable(hint)}`);
  if (verbose) {
    for (const link of causesOf(error)) {
      lines.push(
        '  cause: ' +
          `${printable([link.name, errorCodeOf(link), withoutAddresses(link.message)].filter(Boolean).join(' · '))}`,
      );
    }
  }
  return lines;
}

export interface ProblemLineOptions {
  /** Adds one line per cause. @default false */
  readonly verbose?: boolean | undefined;
  /** What failed, where the message alone does not say it: a destination of several. */
  readonly subject?: string | undefined;
}

const wrappers: ReadonlySet<string> = new Set(['ERR_PUSH_FAILED', 'ERR_RETRIES_EXHAUSTED']);

/** Docker's words for a text that is no reference name the rule, and not the text. */
function withInput({ input, rule, message }: InvalidReferenceError): string {
  return `${JSON.stringify(input)} is no ${parts[rule] ?? 'reference'}: ${message}`;
}

function hintOn({ input, rule }: InvalidReferenceError): string | undefined {
  return rule in parts ? undefined : referenceHint(input);
}

/** Rules about a part of a reference. */
const parts: Readonly<Partial<Record<ReferenceRule, string>>> = { tag: 'tag', pattern: 'pattern' };

/** Our own errors say why they happened; a wrapper, or an error without a code, has its reason in its cause. */
function messageOf(error: unknown, chain: readonly Error[]): string {
  const [outer] = chain;
  if (outer === undefined) return String(error);
  let message = outer.message.trim() || outer.name;
  for (const [index, link] of chain.entries()) {
    const code = errorCodeOf(link);
    const why = chain[index + 1]?.message.trim();
    if (why === undefined || (code !== undefined && !wrappers.has(code))) break;
    if (!message.includes(why)) message += `: ${why}`;
  }
  return message;
}

/** OpenSSL's texts without addresses, functions and source files: `wrong version number (0A00010B)`. */
function withoutAddresses(message: string): string {
  return message.replace(/(?:[0-9A-F]{8,16}:)?error:([0-9A-F]{8}):[^:]*:[^:]*:([^:]*)(?::.*)?$/s, '$2 ($1)');
}
