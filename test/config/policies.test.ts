import test from 'ava';
import { labelPolicies, markPolicies } from '../../src/config/policies.js';
import { eachMistake } from '../helpers/rigs/broken-file.js';

test('policies by marks as a flag has them, and as they are written again', t => {
  const text = '0x10/0xf0=allow:in:prod/web:http,7=drop:out:wall,8=reject:in:/:x y';
  const [web, wall, rejected, ...more] = markPolicies.parse(text);
  t.deepEqual(more, []);
  t.deepEqual(web, {
    mark: { value: 0x10, mask: 0xf0 },
    action: 1,
    direction: 'ingress',
    namespace: 'prod',
    name: 'web',
    rule: 'http',
  });
  t.like(wall, { mark: { value: 7, mask: 0xffff_ffff }, action: 2, direction: 'egress', namespace: '', name: 'wall' });
  t.like(rejected, { action: 3, namespace: '', name: '', rule: 'x y' });
  const written = markPolicies.write([web, wall, rejected]) as string[];
  t.deepEqual(markPolicies.parse(written.join(',')), [web, wall, rejected]);
});

test('policies by labels: a bit, or all of them', t => {
  const [bit] = labelPolicies.parse('9=allow:in:prod/web');
  t.is(Buffer.from(bit.value).toString('hex'), `0002${'00'.repeat(14)}`);
  t.deepEqual(bit.mask, bit.value);
  const all = `${'01'.repeat(16)}/${'0f'.repeat(16)}=allow:out:web`;
  t.like(labelPolicies.parse(all)[0], { direction: 'egress', name: 'web' });
  t.deepEqual(labelPolicies.write(labelPolicies.parse(all)), [`${'01'.repeat(16)}/${'0f'.repeat(16)}=allow:out:/web:`]);
});

test('an entry of a map is what a flag has', t => {
  const entry = markPolicies.entry!;
  t.is(entry('1', { policy: 'web' }), '1=allow:in:/web:');
  t.is(
    entry('1/3', { policy: 'web', namespace: 'prod', rule: 'a:b', action: 'drop', direction: 'out' }),
    '1/3=drop:out:prod/web:a:b',
  );
  t.is(entry('1', 'allow:in:web'), '1=allow:in:web');
});

test('there are 4,096 policies at most', t => {
  t.is(markPolicies.most, 4_096);
  t.is(labelPolicies.most, 4_096);
});

eachMistake([
  [
    'policies by marks and labels',
    `
flowCollectorAddr: udp://h:1
marks:
  0x10/0xf0: {policy: web, namespace: prod, rule: http}
  0x1f/0xf0: {policy: web}
  0x20: {polcy: web}
  0x21: [web]
  0x22: {policy: a/b}
  0x23: {}
  0x24: permit:in:web
  0x25: allow:in:web
labels:
  128: {policy: web}
  5: {policy: web, action: permit}`,
    [
      "4:14: marks.0x1f/0xf0: '0x1f/0xf0' can never match. The value has bits outside the mask",
      "5:9: marks.0x20: a policy has no 'polcy'. Its keys are policy, namespace, rule, action, direction",
      '6:9: marks.0x21: this is no policy. Write a map of policy, namespace, rule, action, direction; or Write allow, drop or reject, in or out, and the names: allow:in:NAMESPACE/POLICY:RULE',
      '7:9: marks.0x22: policy is not a name. Write a text without : / , and = in it',
      "8:9: marks.0x23: 'allow:in:/:' names no policy. Write allow, drop or reject, in or out, and the names: allow:in:NAMESPACE/POLICY:RULE",
      "9:9: marks.0x24: 'permit:in:web' is not a policy. Write allow, drop or reject, in or out, and the names: allow:in:NAMESPACE/POLICY:RULE",
      "12:8: labels.128: '128' is not a label. Write a bit from 0 to 127, or VALUE/MASK of 32 hexadecimal digits each, as ctflow dump prints labels",
      "13:6: labels.5: 'permit:in:/web:' is not a policy. Write allow, drop or reject, in or out, and the names: allow:in:NAMESPACE/POLICY:RULE",
    ],
  ],
]);
