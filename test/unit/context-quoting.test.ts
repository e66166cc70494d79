// Every value of context.sh comes out of a shell as it went in.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openNebulaContext } from '../../contextualization/mod.ts';
import { assignment } from '../../contextualization/renderings/shell.ts';
import { facts, seeded } from '../helpers/context-facts.ts';

/** Sources the file in a shell and returns the named variables, byte for byte. */
function evaluate(shell: string[], file: string, names: string[]): string[] {
  const script = `. "$1"; printf '%s\\0' ${names.map((name) => `"$${name}"`).join(' ')}`;
  const [command, ...args] = shell as [string, ...string[]];
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' };
  const out = execFileSync(command, [...args, '-c', script, 'test', file], {
    env,
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return out.toString('utf8').split('\0').slice(0, -1);
}

const AWKWARD = [
  '',
  ' ',
  "'",
  "''",
  "it's",
  "'; touch /tmp/owned; '",
  '"double"',
  '$HOME $' + '{HOME} $(id) `id` $((1+1)) \\$',
  'back\\slash\\',
  '\\',
  'line one\nline two\n',
  '\n',
  '\r\n\t\v\f\u0001\u001b[31m\u007f',
  '# not a comment',
  '!history ~ * ? [a-z] {a,b} <(x) >y & | ;',
  'Grüße, 世界, 🎉, e\u0301, \u202e',
  '-n',
  '%s%n\\0',
];

function randomText(random: () => number): string {
  const alphabet = `'"\\$\`()\n\r\t !*?#~;&|<>{}[]=abc019é世🎉`;
  const characters = [...alphabet];
  const length = Math.floor(random() * 80);
  return Array.from({ length }, () => characters[Math.floor(random() * characters.length)]).join('');
}

t.test('awkward values and 500 random ones survive dash, bash and busybox', async (t) => {
  const random = seeded(1);
  const values = [...AWKWARD, ...Array.from({ length: 500 }, () => randomText(random)), 'x'.repeat(200_000)];
  const names = values.map((_, i) => `V${i}`);
  const file = join(t.testdir({}), 'context.sh');
  writeFileSync(file, values.map((value, i) => assignment(`V${i}`, value)).join(''));
  for (const shell of [['sh'], ['bash', '-e'], ['busybox', 'sh']]) {
    t.same(evaluate(shell, file, names), values, shell.join(' '));
  }
});

t.test('every Unicode character but NUL and lone surrogates survives', async (t) => {
  let all = '';
  for (let c = 1; c < 0x3000; c += 1) all += String.fromCodePoint(c);
  for (let c = 0xe000; c < 0x10_ffff; c += 257) all += String.fromCodePoint(c);
  const file = join(t.testdir({}), 'context.sh');
  writeFileSync(file, assignment('ALL', all));
  t.same(evaluate(['sh'], file, ['ALL']), [all]);
});

t.test('names no shell takes, NUL and broken Unicode are refused', async (t) => {
  for (const name of ['', '1A', 'A-B', 'A B', 'A=B', 'É', 'A\n', '$(id)', 'a.b']) {
    t.throws(() => assignment(name, 'x'), { name: 'ContextError', code: 'invalid' }, JSON.stringify(name));
  }
  t.throws(() => assignment('A', 'a\0b'), { code: 'invalid', message: /NUL/ });
  t.throws(() => assignment('A', '\ud800'), { code: 'invalid', message: /Unicode/ });
});

t.test('a whole context.sh gives keys, user data and custom variables back', async (t) => {
  const userData = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const guest = facts({ name: "O'Brien's $(box)", userData, variables: { GREETING: "a'b\n$HOME" } });
  const file = join(t.testdir({}), 'context.sh');
  writeFileSync(file, openNebulaContext(guest));
  const names = [
    'NAME',
    'SSH_PUBLIC_KEY',
    'USER_DATA',
    'USER_DATA_ENCODING',
    'GREETING',
    'SET_HOSTNAME',
    'NETWORK',
  ];
  const [name, keys, data, encoding, greeting, hostname, network] = evaluate(['sh'], file, names);
  t.equal(name, guest.name);
  t.equal(keys, guest.sshKeys.join('\n'));
  t.same(Buffer.from(data ?? '', 'base64'), userData);
  t.equal(encoding, 'base64');
  t.equal(greeting, "a'b\n$HOME");
  t.equal(hostname, 'demo.example.org');
  t.equal(network, 'YES');
});
