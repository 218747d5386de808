import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A user's home in a temporary folder, with a folder of credential helpers in PATH. */
export interface FakeHome extends AsyncDisposable {
  readonly homeFolder: string;
  readonly env: Record<string, string | undefined>;
  /** Writes a file below the home folder; returns its path. */
  write(path: string, content: unknown): Promise<string>;
  read(path: string): Promise<string>;
  /** Installs `docker-credential-NAME`; the script finds the action in `$1`, and `$HOME` is the fake one. */
  helper(name: string, script: string): Promise<void>;
}

export async function createFakeHome(): Promise<FakeHome> {
  const homeFolder = await mkdtemp(join(tmpdir(), 'slipway-home-'));
  const binFolder = join(homeFolder, 'bin');
  await mkdir(binFolder);
  const write = async (path: string, content: unknown): Promise<string> => {
    const file = join(homeFolder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  };
  return {
    homeFolder,
    env: { HOME: homeFolder, PATH: `${binFolder}:/usr/bin:/bin` },
    write,
    read: (path) => readFile(join(homeFolder, path), 'utf8'),
    async helper(name, script) {
      await chmod(await write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`), 0o755);
    },
    async [Symbol.asyncDispose]() {
      await rm(homeFolder, { recursive: true, force: true });
    },
  };
}

/** Keeps what it is given in one file per address, as a keychain would, and notes what it was asked in `calls`. */
export const keychainScript: string = `
input=$(cat)
echo "$1" >> "$HOME/calls"
file() { echo "$HOME/keychain-$(printf %s "$1" | tr '/:' '__')"; }
case "$1" in
  get) f=$(file "$input"); [ -f "$f" ] && cat "$f" || { echo "credentials not found in native keychain"; exit 1; } ;;
  store) url=$(printf %s "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/')
    printf %s "$input" > "$(file "$url")" ;;
  erase) rm -f "$(file "$input")" ;;
  list) echo '{"ghcr.io":"me"}' ;;
esac`;
