/** Without the right to read the kernel's table, the missing capability is named. */
import test from 'ava';
import { spawn } from 'node:child_process';
import { BACKENDS, CTFLOW } from '../helpers/kernel/command.js';
import { collect, PrivateNamespace, type Finished } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';

const NOBODY = 65534;
const MAIN = new URL('../../src/cli/main.js', import.meta.url).href;
/** Becomes another user once everything is loaded, as the checkout may be closed to that user. */
const AS_NOBODY = `import('${MAIN}').then(async ({ main }) => {
  process.setgroups([]);
  process.setgid(${NOBODY});
  process.setuid(${NOBODY});
  process.exitCode = await main(process.argv.slice(1));
});`;

/** Runs `ctflow ARGS` outside of every private namespace, without any capability. */
function unprivileged(args: readonly string[], owner: 'keep' | 'nobody'): Promise<Finished> {
  const node = process.execPath;
  let command = [node, CTFLOW, ...args];
  if (process.getuid?.() === 0) {
    command =
      owner === 'nobody'
        ? [node, '-e', AS_NOBODY, ...args]
        : ['setpriv', '--inh-caps', '-all', '--bounding-set', '-all', '--', ...command];
  }
  return collect(spawn(command[0], command.slice(1)));
}

for (const { name: backend, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', ...wanted])(
    `${backend}: for an ordinary user the error names the missing capability`,
    async t => {
      await (await PrivateNamespace.create(t)).track(); // loads conntrack into the kernel
      for (const command of [['dump'], ['run', '--collector', 'udp://127.0.0.1:4739']]) {
        const { code, stdout, stderr } = await unprivileged(
          [...command, '--backend', backend],
          backend === 'native' ? 'keep' : 'nobody', // root owns the file in /proc, with or without capabilities
        );
        t.is(code, 1, stderr);
        t.is(stdout, '');
        t.regex(stderr, /CTFLOW_PERMISSION/);
        t.regex(stderr, backend === 'native' ? /CAP_NET_ADMIN/ : /CAP_DAC_READ_SEARCH/);
        t.notRegex(stderr, /\n\s+at /, 'no stack trace');
      }
    },
  );
}
