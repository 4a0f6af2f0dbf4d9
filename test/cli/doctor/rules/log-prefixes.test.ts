import test from 'ava';
import { hostOf } from '../../../../src/cli/doctor/host.js';
import { checkLogPrefixes } from '../../../../src/cli/doctor/rules/log-prefixes.js';
import { type LogRule, readRules } from '../../../../src/cli/doctor/rules/rules.js';
import { PrivateNamespace } from '../../../helpers/kernel/namespace.js';
import { needs } from '../../../helpers/kernel/require.js';
import { fakeHost } from '../subject.js';

const WHERE = 'inet filter input';

function rule(handle: number, more: Partial<LogRule> = {}): LogRule {
  return { group: 5, prefix: 'games', comment: '', rejects: false, where: WHERE, handle, ...more };
}

/** What is found, and the command. @param texts of rules, as nft lists them */
async function check(rules: readonly LogRule[], texts: Readonly<Record<number, string>> = {}, groups = [5, 6]) {
  const lines = Object.entries(texts).map(([handle, text]) => `\t\t${text} # handle ${handle}`);
  const listing = ['table inet filter { # handle 1', '\tchain input { # handle 1', ...lines, '\t}', '}'].join('\n');
  const host = fakeHost({ programs: { 'nft -a -s -t list ruleset': listing } });
  return (await checkLogPrefixes(rules, host, groups)).map(({ status, found, command }) => [status, found, command]);
}

test('rules are one where their comments and what they do are the same, and where the prefix names the policy', async t => {
  t.deepEqual(await check([rule(1, { comment: 'a' }), rule(2, { comment: 'a' }), rule(3, { prefix: 'other' })]), []);
  const prefix = 'ctflow:drop:in:prod/web:no-ssh';
  t.deepEqual(await check([rule(1, { prefix, comment: 'a' }), rule(2, { prefix, rejects: true })]), []);
  t.deepEqual(await check([rule(1, { comment: 'a' }), rule(2, { comment: 'b', group: 6 })]), [], 'of different groups');
  t.deepEqual(await check([rule(1, { comment: 'a' }), rule(2)], {}, [7]), [], 'of a group that nobody reads');
});

test('different rules with one prefix are named, with the command that changes all but the first kind', async t => {
  const rules = [rule(2, { comment: 'a' }), rule(4, { comment: "it's b" }), rule(5, { comment: "it's b" }), rule(6)];
  const texts = {
    4: 'udp dport { 1, 2 } log prefix "games" group 5 drop comment "it\'s b"',
    5: 'udp dport 3 log prefix "games" group 5 snaplen 64 drop comment "it\'s b"',
    6: 'udp dport 4 log prefix "games" group 5 drop',
  };
  t.deepEqual(await check([...rules, rule(9, { prefix: 'games-3' })], texts), [
    [
      'warning',
      '4 rules log to group 5 with the log prefix "games" and have different comments, so none names what they deny: give each a log prefix of its own',
      `nft 'replace rule ${WHERE} handle 4 udp dport { 1, 2 } log prefix "games-2" group 5 drop comment "it'\\''s b"; ` +
        `replace rule ${WHERE} handle 5 udp dport 3 log prefix "games-2" group 5 snaplen 64 drop comment "it'\\''s b"; ` +
        `replace rule ${WHERE} handle 6 udp dport 4 log prefix "games-4" group 5 drop'`,
    ],
  ]);
});

test('what rejects and what drops is told apart, and so are rules without a prefix', async t => {
  const [[, rejects]] = await check([rule(1), rule(2, { rejects: true })]);
  t.regex(rejects!, /^2 rules .+ and do not all reject, so what they deny counts as dropped: /);
  const bare = [rule(1, { prefix: '', comment: 'a' }), rule(2, { prefix: '', comment: 'b' })];
  const [[, found, command]] = await check(bare, { 2: 'tcp dport 22 log group 5 drop comment "b"' });
  t.regex(found!, /^2 rules log to group 5 without a log prefix and have different comments/);
  t.is(command, `nft 'replace rule ${WHERE} handle 2 tcp dport 22 log prefix "rule-2" group 5 drop comment "b"'`);
});

test('a rule whose text is not on one line is left to a person', async t => {
  const rules = [rule(1, { comment: 'a' }), rule(2, { comment: 'b' })];
  const list = `nft -a list chain ${WHERE}`;
  t.is((await check(rules))[0][2], list);
  t.is((await check(rules, { 2: '4 } log prefix "games" group 5 drop comment "b"' }))[0][2], list);
  t.is((await check(rules, { 2: 'log flags all prefix "games" drop comment "b"' }))[0][2], list);
  const many = Array.from({ length: 30 }, (_, i) => [
    rule(i * 2, { prefix: `${i}`, comment: 'a' }),
    rule(i * 2 + 1, { prefix: `${i}` }),
  ]).flat();
  const found = await check(many);
  t.is(found.length, 21);
  t.deepEqual(found[20], ['warning', '10 more log prefixes are those of different rules', 'nft -a list ruleset']);
});

needs(test, ['namespace', 'root'])('the command mends what is wrong, with nft as it is', async t => {
  const namespace = await PrivateNamespace.create(t);
  const host = hostOf(`/proc/${namespace.pid}/ns/net`);
  await namespace.nft(`table inet filter {
    chain input { type filter hook input priority 0;
      udp dport 27015 log prefix "games" group 5 snaplen 128 reject comment "no games"
      udp dport { 1, 2, 3 } log group 5 prefix "games" drop comment "it's other"
      tcp dport 22 log group 5 counter drop comment "ssh"
      tcp dport 23 log group 5 drop
      tcp dport 24 log prefix "ctflow:drop:in::telnet" group 5 drop comment "x"
      tcp dport 25 log prefix "ctflow:drop:in::telnet" group 5 drop comment "y"
    }
  }`);
  const look = async () => checkLogPrefixes((await readRules(host)).logRules, host, [5]);
  const found = await look();
  t.is(found.length, 2, JSON.stringify(found));
  const before = await namespace.run('nft', ['list', 'ruleset']);
  for (const { command } of found) await namespace.run('sh', ['-c', command!.replace(/^nsenter \S+ /, '')]);
  t.deepEqual(await look(), []);
  const after = await namespace.run('nft', ['list', 'ruleset']);
  t.is(
    after.replaceAll(/prefix "games-2"/g, 'prefix "games"').replaceAll(/ prefix "rule-2"/g, ''),
    before,
    'nothing else has changed',
  );
});
