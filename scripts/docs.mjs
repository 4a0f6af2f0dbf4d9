// `npm run docs:site` makes a site of the manual in build/site, `npm run docs:api` the reference of the library in build/api.
// What they use is no part of the tests: it is installed here when it is asked for.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, say, stop } from './terminal.mjs';

const MAKES = {
  site: ['the site', 'build/site', 'vitepress/bin/vitepress.js', ['build', 'site']],
  api: ['the reference of the library', 'build/api', 'typedoc/bin/typedoc', ['--options', 'site/typedoc.json']],
};
const [what, to, program, args] = MAKES[process.argv[2]] ?? stop('Say site or api');
const at = (...path) => join(root, ...path);

const [lock, installed] = ['site/package-lock.json', 'site/node_modules/.package-lock.json'].map(path => at(path));
if (!existsSync(installed) || statSync(lock).mtimeMs > statSync(installed).mtimeMs) {
  const npm = ['npm', 'ci', '--prefix', 'site', '--no-audit', '--no-fund', '--loglevel=http'];
  const { ok } = await run('installing what makes the site', npm);
  if (!ok) stop('npm could not install the packages; is the registry reachable?');
}
const { ok } = await run(`making ${what}`, [process.execPath, at('site/node_modules', program), ...args]);
if (!ok) stop(`${what} could not be made`);
say(`${what} is in ${to}`);
