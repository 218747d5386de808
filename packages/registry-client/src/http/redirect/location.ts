import { RegistryError } from '../../errors.ts';
import { redactURL } from './redact-url.ts';

/**
 * Adds a query parameter and leaves the rest of the URL byte for byte as the registry gave it: upload state in a query
 * is often signed.
 */
export function withParameter(url: URL, name: string, value: string): URL {
  const separator = url.search === '' ? '?' : '&';
  const added = new URL(url);
  added.search = `${url.search}${separator}${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
  return added;
}

/** Resolves a `Location` against the URL of the request it answers. */
export function resolveLocation(location: string, base: URL): URL {
  if (!URL.canParse(location, base.href)) {
    throw new RegistryError(`${redactURL(base)} answered with a Location that is not a URL`, {
      code: 'ERR_REGISTRY_PROTOCOL',
    });
  }
  const resolved = new URL(location, base);
  if (resolved.protocol !== 'https:' && resolved.protocol !== 'http:') {
    throw new RegistryError(
      `${redactURL(base)} answered with a Location of scheme ${JSON.stringify(resolved.protocol)}`,
      {
        code: 'ERR_REGISTRY_REDIRECT_REFUSED',
      },
    );
  }
  resolved.username = '';
  resolved.password = '';
  resolved.hash = '';
  return resolved;
}

/** An inclusive range as registries write it; `end` is `start - 1` for an empty one. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads the `Range` of an upload's answer: `0-1023`, `bytes=0-1023` (Quay), `bytes=0--1` for nothing (Quay).
 * Undefined when it cannot be read.
 */
export function parseRange(header: string): ByteRange | undefined {
  const match = /^(?:bytes[= ])?(\d{1,16})-(-1|\d{1,16})(?:\/(?:\d{1,16}|\*))?$/.exec(header.trim());
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = Number(match[2]);
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || end < start - 1) return undefined;
  return { start, end };
}

/**
 * Bytes a registry acknowledges with a range, given how many it must have got (undefined where nobody knows). `0-0` is
 * one byte, or none: distribution 2.8 writes it for an empty session too, and to send a byte again does less harm than
 * to leave one out. One more than was sent is a registry that counts exclusively.
 */
export function acknowledgedBytes({ start, end }: ByteRange, sent: number | undefined): number {
  if (start === 0 && end === 0) return sent === 1 ? 1 : 0;
  return end === sent ? sent : end + 1;
}

/** The target of `Link: <…>; rel="next"`; undefined when there is none. */
export function parseNextLink(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  let at = 0;
  while (at < header.length) {
    const open = header.indexOf('<', at);
    const close = open < 0 ? -1 : header.indexOf('>', open);
    if (close < 0) return undefined;
    const next = header.indexOf('<', close);
    const parameters = header.slice(close + 1, next < 0 ? header.length : next);
    if (/;\s{0,8}rel\s{0,8}=\s{0,8}"?(?:[^",;]{0,64}\s)?next[\s",;]/i.test(`${parameters} `))
      return header.slice(open + 1, close);
    at = close + 1;
  }
  return undefined;
}
