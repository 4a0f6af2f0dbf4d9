import test from 'ava';
import type { LogRule, LogRules } from '../../native/binding.js';
import { CtflowError } from '../../src/common/errors.js';
import { RuleComments } from '../../src/denied/rule-comments.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';

const rule = (prefix: string, comment: string, shared = false): LogRule => ({
  group: 5,
  prefix,
  comment,
  shared,
  rejects: false,
});

function rigged() {
  const { log, lines } = listeningLogger();
  const rig = {
    answer: (): LogRules | null => null,
    /** Milliseconds that a look takes. */
    takes: 0,
    now: 0,
    looks: 0,
    lines,
  };
  const comments = new RuleComments(
    async () => {
      rig.looks++;
      rig.now += rig.takes;
      return rig.answer();
    },
    log,
    () => rig.now,
  );
  return { comments, rig };
}

test('rules are known by group and prefix, until others are', async t => {
  const { comments, rig } = rigged();
  rig.answer = () => ({ rules: [rule('a', 'one'), rule('b', '')], leftOut: 0 });
  t.true(await comments.look());
  rig.answer = () => null;
  t.false(await comments.look());
  t.is(comments.of(5, 'a')?.comment, 'one');
  t.is(comments.of(6, 'a'), undefined);
  t.deepEqual(comments.counts, { named: 1, shared: 0, leftOut: 0 });
  rig.answer = () => ({ rules: [], leftOut: 0 });
  t.true(await comments.look());
  t.is(comments.of(5, 'a'), undefined);
});

test('control characters of a comment are spaces', async t => {
  const { comments, rig } = rigged();
  rig.answer = () => ({ rules: [rule('a', '\x1b[31mred\r\nalert\x07')], leftOut: 0 });
  await comments.look();
  t.is(comments.of(5, 'a')?.comment, '[31mred alert');
});

test('prefixes that name nobody are said once, until they are others', async t => {
  const { comments, rig } = rigged();
  const shared = (...prefixes: string[]) => ({ rules: prefixes.map(prefix => rule(prefix, '', true)), leftOut: 1 });
  rig.answer = () => shared('a', 'b\n', 'c', 'd', 'e', 'f', 'g');
  await comments.look();
  await comments.look();
  t.is(rig.lines.length, 1);
  t.regex(String(rig.lines[0]['msg']), /: "a" \(group 5\), "b\\n" \(group 5\), .*"e" \(group 5\) and 2 more$/);
  t.deepEqual(comments.counts, { named: 0, shared: 7, leftOut: 1 });
  rig.answer = () => shared('a');
  await comments.look();
  t.is(rig.lines.length, 2);
});

test('rules that cannot be read leave what is known, and are said once', async t => {
  const { comments, rig } = rigged();
  rig.answer = () => ({ rules: [rule('a', 'one')], leftOut: 0 });
  await comments.look();
  rig.answer = () => {
    throw new CtflowError('CTFLOW_NETLINK', 'Cannot read the rules of nftables: gone', 'Try again');
  };
  t.false(await comments.look());
  t.false(await comments.look());
  t.is(comments.of(5, 'a')?.comment, 'one');
  t.is(rig.lines.length, 1);
  t.regex(String(rig.lines[0]['msg']), /Cannot read the rules.*going on with the comments that are known/);
});

test('a look that takes long is followed by a pause', async t => {
  const { comments, rig } = rigged();
  rig.takes = 100;
  await comments.look();
  rig.now += 1_899;
  await comments.look();
  t.is(rig.looks, 1);
  rig.now += 1;
  await comments.look();
  t.is(rig.looks, 2);
});
