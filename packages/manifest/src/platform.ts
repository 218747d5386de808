import { anObject, aString, assertArgument, assertMembers, assertOptions } from '@slipway/arguments';
import { InvalidPlatformError } from './errors.ts';
import { type Fields, readOptionalString, readOptionalStrings } from './fields.ts';

/** What an image runs on, as an index and a config spell it. */
export interface Platform {
  /** GOARCH: `amd64`, `arm64`, `arm`. */
  readonly architecture: string;
  /** GOOS: `linux`, `windows`. */
  readonly os: string;
  /** Windows build: `10.0.20348.2227`. */
  readonly 'os.version'?: string | undefined;
  readonly 'os.features'?: readonly string[] | undefined;
  /** CPU variant: `v7`, `v8`. */
  readonly variant?: string | undefined;
}

/** What stands for the parts that a text leaves out. */
export interface ParsePlatformOptions {
  /**
   * Fills in what a single word leaves open: the system of `arm64`, the architecture of `linux`.
   * @default linux/amd64
   */
  readonly defaults?: Platform | undefined;
}

const linuxAmd64: Platform = Object.freeze({ os: 'linux', architecture: 'amd64' });

const systems: ReadonlySet<string> = new Set(
  [
    'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris wasip1',
    'windows zos',
  ].flatMap((names) => names.split(' ')),
);

const architectures: ReadonlySet<string> = new Set(
  [
    '386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le',
    'ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm',
  ].flatMap((names) => names.split(' ')),
);

/**
 * Parses `os[(version)]/architecture[/variant]`, or a single word that says which of the two it is, and normalises it.
 *
 * @throws {InvalidPlatformError} `ERR_PLATFORM_INVALID`
 * @see https://github.com/containerd/platforms/blob/v0.2.1/platforms.go#L145-L246
 * @example
 * parsePlatform('linux/aarch64'); // { os: 'linux', architecture: 'arm64' }
 */
export function parsePlatform(text: string, options: ParsePlatformOptions = {}): Platform {
  assertArgument('text', text, aString);
  assertOptions('options', options, { optional: { defaults: anObject } });
  const parts = text.split('/');
  const [first = '', second, third] = parts;
  const system = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$/.exec(first);
  const areWords = parts.slice(1).every((part) => /^[A-Za-z0-9_.-]+$/.test(part));
  if (parts.length > 3 || !system?.[1] || !areWords)
    throw invalid(text, 'expected os[(version)]/architecture[/variant]');
  const version = system[2] ? { 'os.version': system[2] } : {};
  if (second !== undefined) {
    return normalizePlatform({ os: system[1], architecture: second, variant: third, ...version });
  }
  const defaults = options.defaults ?? linuxAmd64;
  const asSystem = normalizePlatform({ ...defaults, os: system[1], 'os.version': undefined, ...version });
  if (systems.has(asSystem.os)) return asSystem;
  const asArchitecture = normalizePlatform({ os: defaults.os, architecture: first });
  if (architectures.has(asArchitecture.architecture)) return asArchitecture;
  throw invalid(text, 'unknown operating system or architecture');
}

/** `os[(version)]/architecture[/variant]`, as it is: see {@link normalizePlatform}. */
export function formatPlatform(platform: Platform): string {
  assertMembers('platform', platform, { required: { os: aString, architecture: aString } });
  const version = platform['os.version'] ? `(${platform['os.version']})` : '';
  const variant = platform.variant ? `/${platform.variant}` : '';
  return `${platform.os}${version}/${platform.architecture}${variant}`;
}

/**
 * One spelling for each platform: `x86_64` is `amd64`, `aarch64` is `arm64`; variants that are meant anyway go
 * (`arm64/v8`, `amd64/v1`), and `arm` gets its `v7`.
 *
 * @see https://github.com/containerd/platforms/blob/v0.2.1/database.go#L76-L109
 */
export function normalizePlatform(platform: Platform): Platform {
  assertMembers('platform', platform, { required: { os: aString, architecture: aString } });
  const os = platform.os.toLowerCase();
  const { architecture, variant } = normalizeCpu(platform.architecture.toLowerCase(), platform.variant?.toLowerCase());
  return Object.freeze({
    os: os === 'macos' ? 'darwin' : os,
    architecture,
    ...(variant ? { variant } : {}),
    ...(platform['os.version'] ? { 'os.version': platform['os.version'] } : {}),
    ...(platform['os.features']?.length ? { 'os.features': platform['os.features'] } : {}),
  });
}

/**
 * Whether `candidate` is what was asked for. System, architecture and variant must be the same once normalised; a
 * version that is asked for may be the start of the candidate's (`10.0.20348` takes `10.0.20348.2227`); features must
 * all be there.
 */
export function matchPlatform(wanted: Platform, candidate: Platform): boolean {
  assertMembers('wanted', wanted, { required: { os: aString, architecture: aString } });
  assertMembers('candidate', candidate, { required: { os: aString, architecture: aString } });
  const a = normalizePlatform(wanted);
  const b = normalizePlatform(candidate);
  if (a.os !== b.os || a.architecture !== b.architecture || a.variant !== b.variant) return false;
  const version = a['os.version'];
  if (version !== undefined && !`${b['os.version'] ?? ''}.`.startsWith(`${version}.`)) return false;
  return (a['os.features'] ?? []).every((feature) => b['os.features']?.includes(feature));
}

/** The members of a platform, in an index entry and where a config starts. */
export const platformMembers: readonly string[] = ['architecture', 'os', 'os.version', 'os.features', 'variant'];

/** Reads a platform of an index entry, or the one a config starts with. Absent words are empty ones. */
export function readPlatform(fields: Fields): Platform {
  const version = readOptionalString(fields, 'os.version');
  const features = readOptionalStrings(fields, 'os.features');
  const variant = readOptionalString(fields, 'variant');
  return Object.freeze({
    architecture: readOptionalString(fields, 'architecture') ?? '',
    os: readOptionalString(fields, 'os') ?? '',
    ...(version === undefined ? {} : { 'os.version': version }),
    ...(features === undefined ? {} : { 'os.features': features }),
    ...(variant === undefined ? {} : { variant }),
  });
}

function normalizeCpu(architecture: string, variant: string | undefined): Pick<Platform, 'architecture' | 'variant'> {
  switch (architecture) {
    case 'i386':
      return { architecture: '386' };
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return { architecture: 'amd64', variant: variant === 'v1' ? undefined : variant };
    case 'aarch64':
    case 'arm64':
      return { architecture: 'arm64', variant: variant === 'v8' || variant === '8' ? undefined : variant };
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      return { architecture, variant: armVariant(variant) };
    default:
      return { architecture, variant };
  }
}

function armVariant(variant: string | undefined): string {
  if (!variant) return 'v7';
  return /^[5-8]$/.test(variant) ? `v${variant}` : variant;
}

function invalid(text: string, problem: string): InvalidPlatformError {
  const shown = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  return new InvalidPlatformError(`invalid platform ${JSON.stringify(shown)}: ${problem}`);
}
