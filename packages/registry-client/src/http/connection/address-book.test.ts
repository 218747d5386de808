import { describe, expect, test } from 'vitest';
import { AddressBook } from './address-book.ts';

/** Answers a name with the next of its entries each time, and with the last one for ever. */
function resolver(...answers: (readonly string[] | Error)[]) {
  let asked = 0;
  const lookup = async (): Promise<readonly string[]> => {
    const answer = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return Object.assign(lookup, { count: () => asked });
}

async function connectAddress(book: AddressBook, hostname: string, all: boolean, family?: number): Promise<unknown> {
  return await new Promise((resolve) => {
    book.connectLookup(hostname, { all, ...(family !== undefined && { family }) }, (error, address) =>
      resolve(error ?? address),
    );
  });
}

const refusal = { code: 'ERR_REGISTRY_REDIRECT_REFUSED' };

describe('a name', () => {
  test('is looked up once: what was judged is what is connected to', async () => {
    const lookup = resolver(['93.184.216.34'], ['127.0.0.1']);
    const book = new AddressBook(lookup);
    expect(await book.kindOf('evil.example')).toBe('public');
    expect(await connectAddress(book, 'evil.example', false)).toBe('93.184.216.34');
    expect(await connectAddress(book, 'evil.example', true)).toEqual([{ address: '93.184.216.34', family: 4 }]);
    expect(lookup.count()).toBe(1);
  });

  test('is looked up once for all who ask at the same time', async () => {
    const lookup = resolver(['93.184.216.34']);
    const book = new AddressBook(lookup);
    await Promise.all([book.kindOf('a.example'), book.addresses('a.example'), connectAddress(book, 'a.example', true)]);
    expect(lookup.count()).toBe(1);
  });

  test('that was let pass as public may move, but not inside', async () => {
    const book = new AddressBook(resolver(['93.184.216.34'], ['93.184.216.35'], ['10.0.0.1']));
    await book.kindOf('evil.example');
    book.forget('evil.example');
    expect(await book.addresses('evil.example')).toEqual(['93.184.216.35']);
    book.forget('evil.example');
    await expect(book.addresses('evil.example')).rejects.toMatchObject(refusal);
    expect(await connectAddress(book, 'evil.example', true)).toMatchObject(refusal);
  });

  test('that could not be resolved when it was judged may not turn up inside', async () => {
    const book = new AddressBook(resolver(new Error('ENOTFOUND'), ['169.254.169.254']));
    expect(await book.kindOf('late.example')).toBe('public');
    expect(await connectAddress(book, 'late.example', true)).toMatchObject(refusal);
  });

  test('that nobody judged goes where it goes', async () => {
    const book = new AddressBook(resolver(['93.184.216.34'], ['10.0.0.1']));
    await book.addresses('registry.example');
    book.forget('registry.example');
    expect(await book.addresses('registry.example')).toEqual(['10.0.0.1']);
  });

  test('without an address of the family that is asked for is not found', async () => {
    const book = new AddressBook(resolver(['::1', '127.0.0.1']));
    expect(await connectAddress(book, 'a.example', false, 4)).toBe('127.0.0.1');
    expect(await connectAddress(book, 'a.example', true, 6)).toEqual([{ address: '::1', family: 6 }]);
    const none = new AddressBook(resolver([]));
    expect(await connectAddress(none, 'a.example', true)).toMatchObject({ code: 'ENOTFOUND' });
  });

  test('that fails is looked up again', async () => {
    const broken = Object.assign(new Error('getaddrinfo EAI_AGAIN a.example'), { code: 'EAI_AGAIN' });
    const book = new AddressBook(resolver(broken, ['127.0.0.1']));
    expect(await connectAddress(book, 'a.example', true)).toBe(broken);
    expect(await connectAddress(book, 'a.example', false)).toBe('127.0.0.1');
  });
});
