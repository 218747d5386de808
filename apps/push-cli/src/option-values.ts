import type { Platform } from '@slipway/manifest';
import { InvalidArgumentError } from 'commander';
import { parseByteSize } from './byte-size.ts';

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${most}`;
    throw new InvalidArgumentError(`Expected a whole number, ${range}`);
  };
}

/** Bytes a second: `500k`, `2MiB`. */
export function byteRate(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined || bytes < 1000) {
    throw new InvalidArgumentError('Expected 1k bytes a second or more, such as 500k, 2MB or 2MiB');
  }
  return bytes;
}

/** `os/architecture[/variant]`, as docker writes it: `linux/arm64`, `linux/arm/v7`. */
export function platform(text: string): Platform {
  const match = /^([a-z0-9]+)(?:\(([0-9.]+)\))?\/([a-z0-9_]+)(?:\/([a-z0-9.]+))?$/i.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected os/architecture[/variant], such as linux/arm64');
  const [, os = '', osVersion, architecture = '', variant] = match;
  return {
    os: os.toLowerCase(),
    architecture: normalArchitecture(architecture.toLowerCase()),
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
    ...(variant === undefined ? {} : { variant: variant.toLowerCase() }),
  };
}

/** Other names people use, as containerd's platforms package knows them. */
function normalArchitecture(name: string): string {
  switch (name) {
    case 'x86_64':
    case 'x86-64':
      return 'amd64';
    case 'aarch64':
      return 'arm64';
    case 'i386':
      return '386';
    default:
      return name;
  }
}
