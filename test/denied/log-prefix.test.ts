import test from 'ava';
import { DROP, deniedBy, REJECT, type DeniedBy } from '../../src/denied/log-prefix.js';

const nothing: DeniedBy = { action: DROP, direction: undefined, policyNamespace: '', policyName: '', rule: '' };

for (const [prefix, expected] of [
  [
    'ctflow:drop:in:prod/web:no-ssh',
    { direction: 'ingress', policyNamespace: 'prod', policyName: 'web', rule: 'no-ssh' },
  ],
  [
    'ctflow:reject:out:prod/db:all',
    { action: REJECT, direction: 'egress', policyNamespace: 'prod', policyName: 'db', rule: 'all' },
  ],
  ['ctflow:drop:in:/web:', { direction: 'ingress', policyName: 'web' }],
  ['ctflow:drop:in:web:r', { direction: 'ingress', policyName: 'web', rule: 'r' }],
  ['ctflow:drop:in:prod/:r', { direction: 'ingress', policyNamespace: 'prod', rule: 'r' }],
  ['ctflow::::', {}],
  ['ctflow:reject::/:', { action: REJECT }],
  ['ctflow:drop::a/b:c:d e', { policyNamespace: 'a', policyName: 'b', rule: 'c:d e' }],
  ['ctflow:drop:in:a/b:c ', { direction: 'ingress', policyNamespace: 'a', policyName: 'b', rule: 'c' }],
  ['', {}],
  ['DENY-INPUT: ', { rule: 'DENY-INPUT:' }],
  ['ctflow:accept:in:a/b:c', { rule: 'ctflow:accept:in:a/b:c' }],
  ['ctflow:drop:up:a/b:c', { rule: 'ctflow:drop:up:a/b:c' }],
  ['ctflow:drop:in:a/b', { rule: 'ctflow:drop:in:a/b' }],
  ['xctflow:drop:in:a/b:c', { rule: 'xctflow:drop:in:a/b:c' }],
] as const satisfies readonly (readonly [string, Partial<DeniedBy>])[]) {
  test(`the prefix '${prefix}'`, t => {
    t.deepEqual(deniedBy(prefix), { ...nothing, ...expected });
  });
}

for (const [prefix, comment, rejects, expected] of [
  ['DENY: ', 'no ssh', false, { rule: 'no ssh' }],
  ['DENY: ', 'no ssh', true, { action: REJECT, rule: 'no ssh' }],
  ['DENY: ', '', true, { action: REJECT, rule: 'DENY:' }],
  [
    '',
    'ctflow:drop:out:prod/web:all',
    true,
    { direction: 'egress', policyNamespace: 'prod', policyName: 'web', rule: 'all' },
  ],
  ['ctflow:drop:in:a/b:c', 'another', true, { direction: 'ingress', policyNamespace: 'a', policyName: 'b', rule: 'c' }],
] as const satisfies readonly (readonly [string, string, boolean, Partial<DeniedBy>])[]) {
  test(`the prefix '${prefix}' of rules with the comment '${comment}'${rejects ? ' that reject' : ''}`, t => {
    t.deepEqual(deniedBy(prefix, { comment, rejects }), { ...nothing, ...expected });
  });
}
