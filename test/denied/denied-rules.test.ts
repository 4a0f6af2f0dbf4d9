import test from 'ava';
import { DeniedRules } from '../../src/denied/denied-rules.js';
import { NameTable } from '../../src/record/name-table.js';

test('a number that was freed may be another prefix’s, one in use stays', t => {
  const names = new NameTable();
  const prefixes = ['', 'web', 'ssh'];
  const rules = new DeniedRules(names, number => prefixes[number]);
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
