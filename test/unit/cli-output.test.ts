// What the command prints: tables and records that guests cannot abuse, options that mean what they say.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { bashCompletion } from '../../agent/cli/completion.ts';
import { number, pairs, parameters, sshKeys, vnic } from '../../agent/cli/options.ts';
import { printable, safeJson } from '../../agent/cli/printable.ts';
import { buildProgram } from '../../agent/cli/program.ts';
import { bar } from '../../agent/cli/progress.ts';
import { column, record, rowsOf, table } from '../../agent/cli/table.ts';
import { yaml } from '../../agent/cli/yaml.ts';

t.test('nothing that a terminal would obey gets through', (t) => {
  const evil = '\u001b[2J\u0007a\rb\nc\u009b31m\u202egnp.exe\u200b';
  for (const text of [
    printable(evil),
    record({ name: evil }).trimEnd(),
    table([{ name: evil }], [column('name')]),
  ]) {
    t.notMatch(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u200b\u202e]/);
  }
  t.equal(printable(evil).includes('\\u001b[2J'), true);
  t.equal(printable('Grüße, 東京'), 'Grüße, 東京');
  t.end();
});

t.test('JSON is made harmless and still means the same', (t) => {
  const value = { name: '\u001b]0;x\u0007\u009b\u202e"\\\n', list: [1, null] };
  for (const text of [safeJson(value), safeJson(value, 2)]) {
    t.same(JSON.parse(text), value);
    t.notMatch(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/);
  }
  t.equal(safeJson(undefined), 'null');
  t.end();
});

t.test('a table has aligned columns and leaves out empty ones', (t) => {
  const rows = [
    { id: 'vs-1', name: 'web', note: '' },
    { id: 'vs-22', name: '東京', note: null },
  ];
  const text = table(rows, [column('id'), column('name'), column('note'), column('absent')]);
  t.equal(text, 'ID     NAME\nvs-1   web\nvs-22  東京\n');
  t.equal(table([], [column('id'), column('name')]), 'ID  NAME\n');
  t.end();
});

t.test('a list is found in an array and in an object that holds one', (t) => {
  t.same(rowsOf([{ a: 1 }]), [{ a: 1 }]);
  t.same(rowsOf({ total: 1, vservers: [{ a: 1 }] }), [{ a: 1 }]);
  t.same(rowsOf(['x']), [{ value: 'x' }]);
  t.same(rowsOf(null), []);
  t.end();
});

t.test('one thing is shown with what it contains', (t) => {
  const thing = {
    id: 'vs-1',
    state: 'running',
    tags: ['a', 'b'],
    vnics: [
      { mac: 'm', ip: 'i' },
      { mac: 'n', ip: 'j' },
    ],
    power: { cpu: 1 },
  };
  t.equal(
    record(thing),
    [
      'id:    vs-1',
      'state: running',
      'tags:  a, b',
      'vnics:',
      '  - mac: m',
      '    ip:  i',
      '  - mac: n',
      '    ip:  j',
      'power:',
      '  cpu: 1',
      '',
    ].join('\n'),
  );
  t.end();
});

t.test('the bar is bounded whatever the agent says', (t) => {
  t.match(bar({ step: 'copy', progress: 50 }, 80), /^copy +\[#+ +\] {2}50%$/);
  t.match(bar({ step: 'x', progress: 1e9 }, 80), /\] 100%$/);
  t.match(bar({ step: '\u001b[2J', progress: 'NaN' }, 10), /^\\u001b\[2J .*\[ {10}\] {3}0%$/);
  t.end();
});

t.test('options become parameters', async (t) => {
  t.same(vnic('lan'), { vnetId: 'lan' });
  t.same(vnic('lan=10.0.0.5'), { vnetId: 'lan', ipv4Address: '10.0.0.5' });
  t.same(pairs(['A=1', 'B=x=y', 'C=']), { A: '1', B: 'x=y', C: '' });
  t.same(parameters(['n=1', 'b=true', 's=text', 'o={"a":[1]}']), { n: 1, b: true, s: 'text', o: { a: [1] } });
  t.same(['1', '0.5', '-2'].map(number), [1, 0.5, -2]);
  for (const wrong of ['', 'x', '1x', 'Infinity']) t.throws(() => number(wrong), { name: 'UsageError' });
  for (const wrong of ['novalue', '=x']) t.throws(() => pairs([wrong]), { message: /NAME=VALUE/ });
  const folder = await mkdtemp(join(tmpdir(), 'ikt-cli-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'keys'), '# mine\nssh-rsa AAAA me\n\nssh-ed25519 BBBB\n');
  t.same(await sshKeys(['ssh-ed25519 CCCC x', join(folder, 'keys')]), [
    'ssh-ed25519 CCCC x',
    'ssh-rsa AAAA me',
    'ssh-ed25519 BBBB',
  ]);
  await t.rejects(sshKeys([join(folder, 'none')]), { name: 'UsageError' });
});

t.test('YAML means the same to a reader of YAML', async (t) => {
  const value = [
    {
      name: 'web',
      note: 'no',
      on: true,
      size: 1.5,
      none: null,
      empty: [],
      list: ['a: b', '- c', ''],
      in: { x: {} },
    },
    'plain',
    [['deep'], []],
    { evil: '\u001b[2J\u0085\u2028"\\\n' },
  ];
  const read = 'import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))';
  const child = spawn('/usr/bin/python3', ['-c', read], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(yaml(value));
  t.same(JSON.parse(await text(child.stdout)), value);
  t.notMatch(yaml(value).replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u2028]/);
});

t.test('the completion script is one for bash, and completes nouns, verbs and options', async (t) => {
  const script = bashCompletion(buildProgram());
  const complete = async (...typed: string[]) => {
    const words = ['innkeeper', ...typed].map((word) => `'${word}'`).join(' ');
    // The command itself, as its completion asks it.
    const names =
      'innkeeper() { [ "$1 $2" = "names vserver" ] && echo web-1 web-2 || [ "$2" = image ] && echo debian; }';
    const ask = `${names}; COMP_WORDS=(${words}); COMP_CWORD=${typed.length}; _innkeeper; echo "\${COMPREPLY[@]}"`;
    const child = spawn('bash', ['--norc', '-c', `${script}\n${ask}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return (await text(child.stdout)).trim().split(' ');
  };
  t.same(await complete('vser'), ['vserver']);
  t.same(await complete('vserver', 'des'), ['destroy']);
  t.same(await complete('--json', 'image', 'cre'), ['create'], 'aliases, too, and after options');
  t.ok((await complete('vserver', 'create', '--')).includes('--user-data'));
  t.same(await complete('vserver', 'create', 'web', '--vn'), ['--vnet']);
  t.same(await complete('vserver', 'stop', 'w'), ['web-1', 'web-2'], 'names of what there is');
  t.same(await complete('-o', 'json', 'vserver', 'show', 'web-2'), ['web-2']);
  t.same(await complete('console', 'w'), ['web-1', 'web-2'], 'of commands without a verb, too');
  t.same(await complete('vserver', 'create', 'w'), [''], "a new name is nobody's yet");
  t.same(await complete('vserver', 'create', 'new', '--image', 'd'), ['debian'], 'values of options');
  t.same(await complete('vserver', 'stop', 'web-1', 'w'), [''], 'not twice');
});
