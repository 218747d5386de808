/** A block of commands on a page. */
export interface ShellBlock {
  readonly line: number;
  /** What is to be run, prompts taken off. */
  readonly script: string;
  /** The lines that a block with prompts says are printed, by the command before them. */
  readonly expected: readonly string[];
  /** Why it cannot be run by a test. */
  readonly notRun?: string | undefined;
  /** It runs until the end of the page, and is ready when this address, or this socket, can be connected to. */
  readonly serves?: string | undefined;
}

const fence = /^```(\w*) *\n(.*?)^```$/gms;
const mark = /<!-- (not run|serves): ([^>]+?) -->\n$/;
const markOfPage = /<!-- not run on this page: [^>]+? -->/;

/**
 * The shell blocks of a page: those of the languages `sh`, `bash` and `console`, and those without a language that have
 * a prompt. Each is run by a test, or says in a comment before it why not.
 */
export function shellBlocksOf(page: string): readonly ShellBlock[] {
  const wholePage = markOfPage.exec(page)?.[0];
  return [...page.matchAll(fence)].flatMap((found) => {
    const [, language = '', code = ''] = found;
    if (!['sh', 'bash', 'console'].includes(language) && !(language === '' && /^(?:\w*\$ |npx |pnpm )/m.test(code))) {
      return [];
    }
    const before = page.slice(0, found.index);
    const [, kind, text] = mark.exec(before) ?? [];
    const block = {
      line: before.split('\n').length,
      ...(language === 'console' ? session(code) : { script: code, expected: [] }),
    };
    if (kind === 'serves') return [{ ...block, serves: text }];
    const notRun = kind === 'not run' ? text : wholePage;
    return [notRun === undefined ? block : { ...block, notRun }];
  });
}

/** Splits a session into what was typed behind `$ ` and what was printed. */
function session(code: string): { script: string; expected: readonly string[] } {
  const typed: string[] = [];
  const expected: string[] = [];
  for (const line of code.trimEnd().split('\n')) {
    const goesOn = typed.at(-1)?.endsWith('\\') === true && expected.length === 0;
    if (line.startsWith('$ ')) typed.push(line.slice(2));
    else if (goesOn) typed.push(line);
    else expected.push(line);
  }
  return { script: `${typed.join('\n')}\n`, expected };
}

/** The first expected line that was not printed after the ones before it; `…` stands for anything. */
export function missingLine(expected: readonly string[], printed: string): string | undefined {
  const lines = printed.split('\n');
  let at = 0;
  for (const line of expected) {
    if (line.trim() === '…' || line.trim() === '') continue;
    const parts = line
      .trim()
      .split('…')
      .map((part) =>
        part
          .trim()
          .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
          .replace(/ +/g, ' +'),
      );
    const pattern = new RegExp(`^ *${parts.join('.*')} *$`);
    const found = lines.findIndex((each, index) => index >= at && pattern.test(each));
    if (found < 0) return line;
    at = found + 1;
  }
  return undefined;
}
