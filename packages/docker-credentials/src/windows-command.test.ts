import { expect, test } from 'vitest';
import { windowsCommand } from './windows-command.ts';

const bin = 'C:\\Program Files\\Docker\\bin';
const tools = 'D:\\tools';
const variables = { Path: `${bin};"${tools}"`, ComSpec: 'C:\\Windows\\system32\\cmd.exe' };

test.each([
  ['a program', [`${bin}\\docker-credential-a.exe`], { file: `${bin}\\docker-credential-a.exe`, args: ['get'] }],
  [
    'a script, by the command processor',
    [`${tools}\\docker-credential-a.cmd`],
    {
      file: variables.ComSpec,
      args: ['/d', '/s', '/c', `""${tools}\\docker-credential-a.cmd" get"`],
      isVerbatim: true,
    },
  ],
  [
    'the first folder that has either',
    [`${bin}\\docker-credential-a.bat`, `${tools}\\docker-credential-a.exe`],
    { file: variables.ComSpec, args: ['/d', '/s', '/c', `""${bin}\\docker-credential-a.bat" get"`], isVerbatim: true },
  ],
  [
    'the program of a folder before its script',
    [`${bin}\\docker-credential-a.cmd`, `${bin}\\docker-credential-a.exe`],
    { file: `${bin}\\docker-credential-a.exe`, args: ['get'] },
  ],
  ['nothing: the name, which then is not found', [], { file: 'docker-credential-a', args: ['get'] }],
])('%s', (_, files, started) => {
  const found = windowsCommand('docker-credential-a', ['get'], variables, (path) => files.includes(path));
  expect(found).toEqual({ isVerbatim: false, ...started });
});

test('a script with a variable in its name is passed over: the command processor would put the value there', () => {
  const found = windowsCommand('docker-credential-%PATH%', ['get'], variables, () => true);
  expect(found.file).toBe(`${bin}\\docker-credential-%PATH%.exe`);
  const script = windowsCommand('docker-credential-%PATH%', ['get'], variables, (path) => path.endsWith('.cmd'));
  expect(script).toEqual({ file: 'docker-credential-%PATH%', args: ['get'], isVerbatim: false });
});
