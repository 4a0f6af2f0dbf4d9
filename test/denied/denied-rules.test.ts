import test from 'ava';
import { DeniedRules } from '../../src/denied/denied-rules.js';
import { NameTable } from '../../src/record/name-table.js';
import { prefixOf } from '../helpers/builders/denied.js';

test('a number that was freed may be another prefix’s, one in use stays', t => {
  const names = new NameTable();
  const prefixes = ['', 'web', 'ssh'];
  const rules = new DeniedRules(names, number => prefixOf(prefixes[number]));
  const [web, ssh] = [rules.idOf(1, 2), rules.idOf(2, 1)];
  const ruleName = (id: number): number => rules.facts[id * 4 + 3];
  const [webName, sshName] = [ruleName(web), ruleName(ssh)];
  t.deepEqual([...rules.keep(keep => keep(web))], [1]);
  prefixes.splice(1, 2, 'still web', 'smtp');
  t.deepEqual([rules.idOf(1, 2), rules.idOf(2, 1)], [web, ssh]);
  t.is(ruleName(web), webName);
  t.not(ruleName(ssh), sshName);
  const held: number[] = [];
  rules.eachName(number => held.push(number));
  t.false(held.includes(sshName), 'its name can go as well');
});

test('when rules change those that still log are read again, the others keep their names', t => {
  const names = new NameTable();
  const known = new Map([
    ['web', 'no web'],
    ['ssh', 'no ssh'],
  ]);
  const rules = new DeniedRules(
    names,
    number => prefixOf(['', 'web', 'ssh', 'ctflow:drop:in:prod/db:all'][number]),
    (group, prefix) => {
      const comment = known.get(prefix);
      return comment === undefined
        ? undefined
        : { group, prefix, comment, shared: false, rejects: comment === 'no db' };
    },
  );
  const ids = [1, 2, 3].map(prefix => rules.idOf(prefix, 1));
  const said = (): string[] =>
    ids.map(id => {
      const number = rules.facts[id * 4 + 3];
      return Buffer.from(names.bytes.subarray(number ? names.ends[number - 1] : 0, names.ends[number])).toString();
    });
  t.deepEqual(said(), ['no web', 'no ssh', 'all']);
  known.set('web', 'no db');
  known.delete('ssh');
  rules.readAgain();
  t.deepEqual(said(), ['no db', 'no ssh', 'all']);
  t.is(rules.facts[ids[0] * 4] & 0xff, 0x81, 'and it rejects now');
});
