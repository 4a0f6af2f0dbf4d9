// `npm run package` makes ctflow.deb and ctflow.rpm in build/package, with nfpm, for the processor that Node runs on. They bring
// their own Node, as distributions have older ones.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { nativeFile } from '../native/file.js';
import { neededGlibc } from './elf.mjs';
import { runtimePackages } from './runtime-packages.mjs';
import { setUp } from './setup.mjs';
import { root, run, say, stop } from './terminal.mjs';

/** Newest of a line that gets fixes until 2028, and the newest nfpm that was tried. */
const NODE = '24.21.0';
const NFPM = 'v2.45.2';
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };

const at = (...path) => join(root, ...path);
const made = (...path) => at('build/package', ...path);
const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8'));
const { version = manifest.version } = parseArgs({ options: { version: { type: 'string' } } }).values;

const architecture = ARCHITECTURES[process.arch];
if (process.platform !== 'linux' || !architecture)
  stop(`there are no packages for ${process.platform} ${process.arch}`);
await setUp('package');
if (!existsSync(nativeFile())) stop('the native module is not built, and packages have it');
rmSync(made('files'), { recursive: true, force: true });
const tools = await Promise.all([nodeFolder(), nfpm()]);
await writePackages(...tools);

/** Everything of the package that is not a file of this checkout, and what npm would install. */
async function writePackages(node, nfpm) {
  const library = made('files/lib');
  for (const path of manifest.files.filter(path => path !== 'man'))
    cpSync(at(path), join(library, path), { recursive: true, verbatimSymlinks: true });
  // nobody compiles or debugs with them there: more than half of Kubernetes' client
  const filter = path => !/\.(d\.[cm]?ts|[cm]?js\.map)$/.test(path);
  for (const path of installedPackages())
    cpSync(at(path), join(library, path), { recursive: true, verbatimSymlinks: true, filter });
  cpSync(join(node, 'bin/node'), join(library, 'node'));
  write(
    'lib/package.json',
    JSON.stringify({ ...manifest, version, man: undefined, scripts: undefined, workspaces: undefined }, undefined, 2),
  );
  write('ctflow', '#!/bin/sh\nexec /usr/lib/ctflow/node /usr/lib/ctflow/bin/ctflow.js "$@"\n');
  write('copyright', copyright(node));

  // it imports what setUp has just compiled
  await import('./man.mjs');
  const pages = readdirSync(at('man'));
  for (const page of pages) write(`man/${page}.gz`, gzipSync(readFileSync(at('man', page)), { level: 9 }));
  const { ctflowProgram } = await import('../dist/cli/program.js');
  const { SHELLS } = await import('../dist/cli/reference/completion.js');
  const { entryOf } = await import('../dist/cli/reference/entries.js');
  const { exampleFile } = await import('../dist/config/yaml-lines.js');
  for (const [shell, complete] of Object.entries(SHELLS))
    write(`completion.${shell}`, complete(entryOf(ctflowProgram())));
  write('ctflow.yaml', exampleFile('/usr/lib/ctflow/ctflow.schema.json'));

  const glibc = neededGlibc(nativeFile(), join(node, 'bin/node'));
  const file = (src, dst, more = {}) => ({ src, dst, file_info: { mode: 0o644 }, ...more });
  const drop = name => file(at('packaging', name, 'ctflow.conf'), `/usr/lib/${name}/ctflow.conf`);
  write(
    'nfpm.json',
    JSON.stringify({
      name: manifest.name,
      arch: architecture,
      platform: 'linux',
      version,
      section: 'net',
      priority: 'optional',
      maintainer: 'The ctflow authors',
      description: manifest.description,
      license: manifest.license,
      contents: [
        { src: library, dst: '/usr/lib/ctflow', type: 'tree' },
        file(made('files/ctflow'), '/usr/bin/ctflow', { file_info: { mode: 0o755 } }),
        file(made('files/ctflow.yaml'), '/etc/ctflow/ctflow.yaml', { type: 'config|noreplace' }),
        file(at('packaging/systemd/ctflow.service'), '/usr/lib/systemd/system/ctflow.service'),
        drop('sysctl.d'),
        drop('modules-load.d'),
        file(made('files/completion.bash'), '/usr/share/bash-completion/completions/ctflow'),
        file(made('files/completion.fish'), '/usr/share/fish/vendor_completions.d/ctflow.fish'),
        file(made('files/completion.zsh'), '/usr/share/zsh/vendor-completions/_ctflow', { packager: 'deb' }),
        file(made('files/completion.zsh'), '/usr/share/zsh/site-functions/_ctflow', { packager: 'rpm' }),
        ...pages.map(page => file(made(`files/man/${page}.gz`), `/usr/share/man/man${page.at(-1)}/${page}.gz`)),
        file(made('files/copyright'), '/usr/share/doc/ctflow/copyright'),
        file(at('CHANGELOG.md'), '/usr/share/doc/ctflow/CHANGELOG.md'),
        ...readdirSync(at('packaging/systemd/drop-ins')).map(name =>
          file(at('packaging/systemd/drop-ins', name), `/usr/share/doc/ctflow/drop-ins/${name}`),
        ),
      ],
      scripts: Object.fromEntries(
        ['postinstall', 'preremove', 'postremove'].map(name => [name, at(`packaging/scripts/${name}.sh`)]),
      ),
      overrides: {
        deb: { depends: [`libc6 (>= ${glibc})`, 'libstdc++6'], suggests: ['nftables', 'conntrack'] },
        rpm: { depends: [`glibc >= ${glibc}`, 'libstdc++'] },
      },
      rpm: { group: 'Applications/System', compression: 'zstd' },
      deb: { compression: 'zstd' },
    }),
  );
  for (const packager of ['deb', 'rpm']) {
    const command = [nfpm, 'package', '-f', made('files/nfpm.json'), '-p', packager, '-t', made()];
    const { ok, lines } = await run(`making the ${packager}`, command);
    if (!ok) stop(`the ${packager} could not be made`);
    say(lines.at(-1));
  }
}

function write(path, content) {
  mkdirSync(dirname(made('files', path)), { recursive: true });
  writeFileSync(made('files', path), content);
}

/** What `npm ci --omit=dev` has installed, by the lock file. */
function installedPackages() {
  const { packages } = JSON.parse(readFileSync(at('package-lock.json'), 'utf8'));
  return runtimePackages(packages).filter(path => existsSync(at(path)));
}

/** The package that npm has of Node, unpacked. */
async function nodeFolder() {
  const folder = made(`node-${NODE}`);
  const name = `node-linux-${process.arch}`;
  const install = ['npm', 'install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', `${name}@${NODE}`];
  const unpacked = join(folder, 'node_modules', name);
  if (!existsSync(unpacked) && !(await run(`fetching Node ${NODE}`, install)).ok) stop(`npm has no Node ${NODE}`);
  return unpacked;
}

/** nfpm is a program in Go. */
async function nfpm() {
  const folder = made(`nfpm-${NFPM}`);
  const program = join(folder, 'nfpm');
  const install = [
    'env',
    `GOBIN=${folder}`,
    'CGO_ENABLED=0',
    'go',
    'install',
    `github.com/goreleaser/nfpm/v2/cmd/nfpm@${NFPM}`,
  ];
  if (!existsSync(program) && !(await run(`building nfpm ${NFPM}`, install)).ok)
    stop('nfpm is built with go, 1.24 or newer');
  return program;
}

/** The licences of ctflow, of Node and of what the native module is linked with; those of npm's packages lie with them. */
function copyright(node) {
  const parts = [
    ['ctflow', readFileSync(at('LICENSE'), 'utf8')],
    [`Node.js ${NODE}, /usr/lib/ctflow/node`, readFileSync(join(node, 'LICENSE'), 'utf8')],
    ...crates().map(({ name, version, license, folder }) => {
      const texts = readdirSync(folder).filter(file => /^(licen[cs]e|copying)/i.test(file));
      const texted = texts.map(file => readFileSync(join(folder, file), 'utf8'));
      return [`${name} ${version} (${license}), in the native module`, texted.join('\n\n')];
    }),
  ];
  return parts.map(([what, text]) => `${'='.repeat(78)}\n${what}\n${'='.repeat(78)}\n\n${text.trim()}\n`).join('\n');
}

/** The crates that the native module is made of, but our own. */
function crates() {
  const cargo = (...args) => {
    const { status, stdout, stderr } = spawnSync('cargo', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
    if (status !== 0) stop(`cargo says: ${stderr.trim()}`);
    return stdout;
  };
  const tree = cargo('tree', '-p', 'ctflow-napi', '-e', 'normal,no-proc-macro', '--prefix', 'none', '--format', '{p}');
  const linked = new Set(tree.split('\n').map(line => /^(\S+) v(\S+)/.exec(line)?.slice(1, 3).join(' ')));
  const { packages } = JSON.parse(cargo('metadata', '--format-version', '1', '--locked'));
  return packages
    .filter(({ name, version, source }) => source !== null && linked.has(`${name} ${version}`))
    .map(({ name, version, license, manifest_path }) => ({ name, version, license, folder: dirname(manifest_path) }));
}
