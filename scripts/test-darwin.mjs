// `npm run test:darwin [-- FILE...]` runs the tests as on a system that is not Linux: the platform says darwin, /proc and /sys
// are empty, sockets have no descriptor to show. What is for Linux alone is skipped by name.
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { root } from './terminal.mjs';

const HIDDEN = 'mount -t tmpfs none /proc && mount -t tmpfs none /sys && exec "$@"';
const namespace = ['unshare', process.getuid() === 0 ? '-m' : '-Urm', 'sh', '-c', HIDDEN, 'sh'];
const [program, ...args] = [...namespace, process.execPath, join(root, 'scripts/test.mjs'), ...process.argv.slice(2)];
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
