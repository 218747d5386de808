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
