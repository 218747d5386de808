import type { createProgram } from '../../../apps/push-cli/src/program.ts';

type Command = ReturnType<typeof createProgram>;

/** A call of the program that a page shows, and what is wrong with it. */
export interface Mention {
  readonly text: string;
  readonly fault: string | undefined;
}

/** Words of a call before which another program or the next command begins. */
const ends = new Set(['|', '&&', '||', ';', '>', '2>&1', '<<<', '#']);

/**
 * The calls of `slipway` in a page's code, blocks and within lines, each compared with the program's own definition:
 * the command has to exist, and each option too.
 */
export function mentionsOf(page: string, program: Command): readonly Mention[] {
  const blocks = [...page.matchAll(/^```(?!ts|json|text|yaml)\w* *\n(.*?)^```$/gms)].map(([, code = '']) => code);
  const inline = [...page.replaceAll(/^```.*?^```$/gms, '').matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  const lines = [...blocks.flatMap((code) => code.replaceAll('\\\n', ' ').split('\n')), ...inline];
  return lines
    .flatMap((line) => line.replaceAll('\\|', '|').split(/(?<!--[a-z-]+ )(?<=\s|^|\()(?=slipway )/))
    .filter((text) => text.startsWith('slipway '))
    .map((text) => ({ text, fault: faultOf(wordsOf(text), program) }));
}

function wordsOf(text: string): readonly string[] {
  const words = text
    .replaceAll(/[")]+(?= |$)/g, '')
    .split(/ +/)
    .slice(1);
  const end = words.findIndex((word) => ends.has(word) || word.endsWith(';'));
  return end < 0 ? words : words.slice(0, end + (words[end]?.endsWith(';') && words[end] !== ';' ? 1 : 0));
}

function faultOf(words: readonly string[], program: Command): string | undefined {
  let command = program;
  let at = 0;
  const known = program.options.flatMap(({ long, short }) => [long, short]);
  for (; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word.startsWith('-')) {
      if (!known.includes(word.split('=', 1)[0])) break;
      if (word === '--daemon') at += 1;
      continue;
    }
    const child = command.commands.find((each) => each.name() === word.replace(/;$/, ''));
    if (child === undefined) break;
    command = child;
  }
  const next = words[at] ?? '';
  if (command === program && /^[a-z]+$/.test(next) && next !== 'help') return `there is no command ${next}`;
  const options = [...command.options, ...program.options].flatMap(({ long, short }) => [long, short]);
  const wrong = words
    .slice(at)
    .filter((word) => /^--?[a-z]/.test(word))
    .map((word) => word.split('=', 1)[0] ?? word)
    .find((word) => ![...options, '--help', '-h', '--licenses', '--verbose'].includes(word));
  return wrong === undefined ? undefined : `\`slipway ${command.name()}\` has no option ${wrong}`;
}
