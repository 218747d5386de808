// A program whose thread waits for a file for good, and that is to end at the second signal.
import { open } from 'node:fs/promises';
import { listenForInterruption } from '../src/terminal/interruption.ts';

using interruption = listenForInterruption(process, { onFirst: () => console.log('first') });
open(process.argv[2] ?? '').catch(() => {});
console.log('waits');
await new Promise((resolve) => setTimeout(resolve, 600_000, interruption));
