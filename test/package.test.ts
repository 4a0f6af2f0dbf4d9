import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { temporaryPath } from './helpers/temporary.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

/** A user's program: it reads the connections of a recording. */
const PROGRAM = `
import { Collector, createLogger, DESTINATION_DEFAULTS, EXPORTER_DEFAULTS, loadBackend, parseEndpoint } from 'ctflow';
import { Exporter, ReplaySource, viewRow, type Backend, type ExporterOptions, type RowView, type Source } from 'ctflow';
import { Journal, type CollectedRecord, type DeniedOptions, type DestinationStats, type EventsOptions } from 'ctflow';

export const connections: RowView[] = [];
const backend: Backend = await loadBackend('fallback');
const source: Source = new ReplaySource('node_modules/ctflow/fixtures/demo.ctflow', backend.decode);
await source.dump(batch => {
  for (let i = 0; i < batch.count; i++) connections.push(viewRow(batch, i));
});
source.close();
const endpoint = parseEndpoint('collector');
const destinations = [{ ...DESTINATION_DEFAULTS, endpoint, observationDomain: 1 }];
const options: ExporterOptions = { ...EXPORTER_DEFAULTS, backend, source, destinations, log: createLogger('warn') };
const events: EventsOptions | undefined = options.events;
const denied: DeniedOptions | undefined = options.denied;
const journal: typeof Journal = Journal;
const stats: readonly DestinationStats[] = new Exporter(options).stats().destinations;
const seen = (record: CollectedRecord): boolean => record.isOptions;
void [events, denied, journal, stats, seen];
new Collector({ listen: [endpoint], onRecord: record => void record.isOptions });
`;

interface Lock {
  readonly packages: Record<
    string,
    { readonly dev?: boolean; readonly devOptional?: boolean; readonly link?: boolean }
  >;
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));

/** npm itself, without a network: what it would download is a file or there already. */
function npm(folder: string, ...args: string[]): string {
  return execFileSync('npm', [...args, '--offline', '--no-audit', '--no-fund'], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
}

/** An empty project in which npm has installed the package's own tarball; the packages that it needs are this checkout's. */
function install(folder: string): void {
  mkdirSync(folder);
  // prepack says what it does before the list
  const said = npm(ROOT, 'pack', '--json', '--pack-destination', folder);
  const [{ filename }] = JSON.parse(said.slice(said.search(/^\[/m))) as [{ filename: string }];
  const locked = Object.entries((readJson('package-lock.json') as Lock).packages).filter(
    ([path, { dev, devOptional, link }]) => path.startsWith('node_modules/') && !dev && !devOptional && !link,
  );
  // npm would download a package anew whose command is not linked
  for (const path of ['node_modules/.bin', ...locked.map(([path]) => path)])
    cpSync(join(ROOT, path), join(folder, path), { recursive: true, verbatimSymlinks: true });
  const own = { name: 'program', version: '1.0.0', type: 'module', dependencies: { ctflow: `file:${filename}` } };
  const { version, dependencies, bin } = readJson('package.json') as Record<string, unknown>;
  const packages = {
    '': own,
    'node_modules/ctflow': { version, resolved: `file:${filename}`, dependencies, bin },
    ...Object.fromEntries(locked),
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(own));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ ...own, lockfileVersion: 3, packages }));
  npm(folder, 'install');
}

test('the package installs, compiles and runs in an empty project', t => {
  const folder = temporaryPath(t, 'project');
  install(folder);
  writeFileSync(join(folder, 'main.ts'), PROGRAM);
  const node = (...args: string[]): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  for (const resolution of ['bundler', 'nodenext']) {
    const module = resolution === 'bundler' ? 'esnext' : resolution;
    const flags = ['--strict', '--target', 'es2023', '--module', module, '--moduleResolution', resolution];
    const { stdout, status } = node(TSC, ...flags, 'main.ts');
    t.deepEqual({ stdout, status }, { stdout: '', status: 0 }, resolution);
  }
  const program = node('--eval', "import('./main.js').then(({ connections }) => console.log(connections.length))");
  t.is(program.stdout, '11\n', program.stderr);
  const version = node('node_modules/ctflow/bin/ctflow.js', 'version', '--backend', 'fallback');
  t.regex(version.stdout, /^ctflow \d+\.\d+\.\d+\nbackend fallback/, version.stderr);

  const broken = node(
    '--enable-source-maps',
    '--input-type=module',
    '--eval',
    "import { parseEndpoint } from 'ctflow'; parseEndpoint('http://x')",
  );
  t.regex(broken.stderr, /src\/common\/endpoint\.ts:\d+/, 'source maps lead to the source');
  t.regex(broken.stderr, /^ +throw new CtflowError\(/m, 'which the package brings');

  const files = readdirSync(join(folder, 'node_modules/ctflow'), { recursive: true, encoding: 'utf8' });
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const compiled = files.filter(file => file.startsWith('dist') && file.endsWith('.js'));
  t.deepEqual(
    compiled.map(file => file.slice('dist/'.length).replace(/js$/, 'ts')).sort(),
    sources.filter(file => file.endsWith('.ts')).sort(),
    'dist/ is src/ alone',
  );
  const others = files.filter(file => !/^(dist|bin|man|native|fixtures)(\W|$)/.test(file)).sort();
  t.deepEqual(others, ['LICENSE', 'README.md', 'ctflow.schema.json', 'package.json']);
  t.deepEqual(
    files.filter(file => /tsbuildinfo|test|bench/.test(file)),
    [],
  );
});
