// `npm run test:darwin [-- FILE...]` runs the tests as on a system that is not Linux: the platform says darwin, /proc and /sys
// are empty, sockets have no descriptor to show. What is for Linux alone is skipped by name. Left out
// are the proof, and what uses binaries for Linux: the benchmarks (a profiler), the tests of the package and of the setup (tsc).
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { root } from './terminal.mjs';

const HIDDEN = 'mount -t tmpfs none /proc && mount -t tmpfs none /sys && exec "$@"';
const namespace = ['unshare', process.getuid() === 0 ? '-m' : '-Urm', 'sh', '-c', HIDDEN, 'sh'];
const LEFT_OUT = ['bench/**', 'completeness/**', 'alone/**', 'package.test.js', 'scripts/setup.test.js'].map(
  path => `!build/test/${path}`,
);
const files = process.argv.length > 2 ? process.argv.slice(2) : ['build/test/**/*.test.js', ...LEFT_OUT];
const [program, ...args] = [...namespace, process.execPath, join(root, 'scripts/test.mjs'), ...files];
const { status } = spawnSync(program, args, {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    CTFLOW_BACKEND: 'fallback',
    NODE_OPTIONS: `--import=${pathToFileURL(join(root, 'scripts/as-darwin.mjs')).href}`,
  },
});
process.exitCode = status ?? 1;
