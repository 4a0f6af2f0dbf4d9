import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { ctflowProgram } from '../../../src/cli/program.js';
import { allEntries, entryOf } from '../../../src/cli/reference/entries.js';
import { manPages } from '../../../src/cli/reference/man-pages.js';
import { runSettings } from '../../../src/config/run-settings.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';

const PROGRAM = entryOf(ctflowProgram());
const PAGES = manPages(PROGRAM);
const MANIFEST = fileURLToPath(new URL('../../../../package.json', import.meta.url));

needs(test, ['man'])('man shows every page without a warning, with every command, flag and key', t => {
  const folder = temporaryPath(t, 'man');
  mkdirSync(folder);
  for (const [name, text] of PAGES) writeFileSync(join(folder, name), text);
  // so wide that no word is divided
  const env = { ...process.env, MANWIDTH: '500', LC_ALL: 'C.UTF-8' };
  const files = [...PAGES.keys()].map(name => join(folder, name));
  const { stdout, stderr } = spawnSync('man', ['--warnings', '-E', 'ascii', '-l', ...files], { encoding: 'utf8', env });
  t.is(stderr, '');
  // each begins with its title, at the left and at the right
  const texts = stdout.split(/^(?=CTFLOW\S*\(\d\) .*\(\d\)$)/m).filter(text => text.trim() !== '');
  t.is(texts.length, PAGES.size);
  const shown = new Map([...PAGES.keys()].map((name, i) => [name, texts[i]]));
  for (const { path, flags, subcommands, args, examples } of allEntries(PROGRAM)) {
    const page = shown.get(`${['ctflow', ...path.slice(0, 1)].join('-')}.1`)!;
    if (subcommands.length === 0) t.true(page.includes(`ctflow ${path.join(' ')}`));
    for (const text of [...args.map(({ form }) => form), ...examples]) t.true(page.includes(text), text);
    const all = page.includes('all flags of ctflow-run(1)') ? page + shown.get('ctflow-run.1')! : page;
    const terms = new Set(all.split('\n').map(line => line.trim()));
    for (const { name, form } of flags.filter(flag => flag.name !== '--help'))
      t.true(terms.has(`${name} ${form}`.trim()), name);
  }
  for (const key of Object.keys(runSettings))
    t.regex(shown.get('ctflow.yaml.5')!, new RegExp(`^ +${key}( \\*)?( |$)`, 'm'));
});

test('a text is no macro, and a hyphen is a hyphen that can be copied', t => {
  const entry = { ...PROGRAM, description: ".so /etc/passwd \\n 'quoted' a-b ~ ^ ` é" };
  const page = manPages(entry).get('ctflow.1')!;
  t.true(page.includes('ctflow \\- .so /etc/passwd \\en \\(aqquoted\\(aq a\\-b \\(ti \\(ha \\(ga \\[u00E9]'), page);
  t.true(page.includes('\n\\&.so /etc/passwd'));
  t.notRegex(page, /^\.so/m);
});

test('npm installs every page with the command', t => {
  const { man } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { man: string[] };
  t.deepEqual(man.toSorted(), [...PAGES.keys()].map(name => `man/${name}`).toSorted());
});
